//! A sign-in server: browsers and native clients sign in with Kerberos. A client without Kerberos signs in with a password.
//!
//! `start.rs` is the program. `config.rs` describes the configuration file. The server leaves TLS to a proxy in front of it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program")]

mod app;
mod arguments;
mod browser;
mod client_address;
mod clock;
mod config;
mod cookies;
mod directory;
#[cfg(test)]
mod explain_tests;
#[cfg(test)]
mod forest_tests;
mod judged;
mod key_ring;
mod keytab;
mod limits;
mod lockout;
mod native;
mod negotiate;
mod origin;
mod pages;
mod principal;
mod proof;
mod replay;
mod session;
#[cfg(test)]
mod state_tests;
mod store;
mod tenants;
mod user_name;

use app::App;
use arguments::Arguments;
use std::error::Error;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Serves the tenants that the command line selects, until the process ends.
///
/// # Errors
/// Returns an error if the command line, a file or the address cannot be used.
pub async fn run() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::read()?;
    let listener = TcpListener::bind(arguments.listen).await?;
    let address = format!("http://{}", listener.local_addr()?);
    let app = Arc::new(App::start(&arguments, &address).await?);
    app.tenants.watch_keytabs()?;
    let making_keys = Arc::clone(&app);
    tokio::spawn(async move { making_keys.maintain_keys().await });
    println!("listening on {address}");
    let routes = browser::routes().merge(native::routes());
    limits::serve(&listener, &limits::around(routes).with_state(app)).await;
    Ok(())
}
