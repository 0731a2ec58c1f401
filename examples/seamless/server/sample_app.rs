//! The sample application beside the server, in one process. The application is a client of the built-in test realm, like any
//! other client.

use crate::app::App;
use crate::oidc::APP_SECRET;
use crate::serve::Stopping;
use seamless_app::Config;
use std::error::Error;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Starts the application, which ends when the server stops.
///
/// # Errors
/// Returns an error if the application cannot listen on `address`.
pub(crate) async fn start(app: &App, address: SocketAddr, mut stopping: Stopping) -> Result<(), Box<dyn Error>> {
    let tenant = app.tenants.test_tenant().ok_or("the sample application needs the test realm")?;
    let config = Config::new(&app.issuer(&tenant), &format!("http://{address}"), "app")?.with_secret(APP_SECRET);
    let listener = TcpListener::bind(address).await.map_err(|error| format!("{address}: {error}"))?;
    tokio::spawn(async move {
        if let Err(error) = seamless_app::serve(config, listener, async move { stopping.wait().await }).await {
            tracing::error!("the sample application ends: {error}");
        }
    });
    Ok(())
}
