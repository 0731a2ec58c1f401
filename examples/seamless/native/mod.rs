//! The routes for native clients. A client finds the endpoint in the MEX document and gets a SAML assertion for its ticket by
//! WS-Trust. The client then exchanges the assertion for tokens by OAuth. This module also has the page that explains a
//! ticket.

mod assertion;
mod example;
mod explain;
mod keys;
mod mex;
mod once;
mod refresh;
mod rst;
mod signature;
mod templates;
#[cfg(test)]
mod tests;
mod token;
mod trust;
mod xml;

use crate::app::{App, Shared};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{get, post};
pub(crate) use explain::explains;
use keys::Keys;
use once::UsedAssertions;
use refresh::RefreshTokens;
use std::sync::{Arc, LazyLock};

/// The state that the requests of native clients share. The keys are made at their first use.
pub(crate) struct Native {
    keys: LazyLock<Keys>,
    used: UsedAssertions,
    refresh_tokens: RefreshTokens,
}

pub(crate) type SharedNative = axum::Extension<Arc<Native>>;

pub(crate) fn routes() -> Router<Shared> {
    let native = Arc::new(Native::new());
    let making_keys = Arc::clone(&native);
    // The keys are made now, so that the first client need not wait for them.
    std::thread::spawn(move || LazyLock::force(&making_keys.keys).kid.len());
    Router::new()
        .route("/trust/mex", get(mex::of_only_tenant))
        .route("/{tenant}/winauth/trust/mex", get(mex::of_tenant))
        .route("/{tenant}/winauth/trust/2005/windowstransport", post(trust::issue))
        .route("/{tenant}/oauth2/token", post(token::issue))
        .route("/{tenant}/discovery/keys", get(keys::key_set))
        .route("/{tenant}/.well-known/openid-configuration", get(keys::metadata))
        .route("/explain", get(explain::page).post(explain::explain))
        .route("/explain/own", get(explain::own_ticket))
        .route("/explain/example/{name}", get(explain::example))
        .route("/explain.css", get(explain::style))
        .layer(axum::Extension(native))
        .layer(DefaultBodyLimit::max(MAX_BODY_SIZE))
}

impl Native {
    fn new() -> Self {
        Self {
            keys: LazyLock::new(Keys::generate),
            used: UsedAssertions::default(),
            refresh_tokens: RefreshTokens::default(),
        }
    }
}

/// Runs `work` on a thread for blocking work. A signature takes milliseconds, and the keys take a second to make. On an
/// asynchronous thread, this work would delay other requests.
async fn in_background<T: Send + 'static>(
    native: &SharedNative,
    work: impl FnOnce(&Native) -> T + Send + 'static,
) -> Result<T, StatusCode> {
    let native = Arc::clone(native);
    tokio::task::spawn_blocking(move || work(&native)).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

/// Returns the issuer of a tenant's assertions and tokens. The issuer depends on the server's address, and not on a request.
fn issuer(app: &App, tenant: &str) -> String {
    format!("{}/{tenant}", app.address)
}

const MAX_BODY_SIZE: usize = 128 * 1024;
