//! A sign-in server: browsers and native clients sign in with Kerberos, whoever cannot with a password.
//!
//! Run: `cargo run --example seamless`, and open the address that it prints. It listens on loopback, and serves a built-in
//! test realm unless it is given the tenants of a real one:
//!
//! ```text
//! seamless [--listen ADDR:PORT] [--config FILE] [--allow-rc4]
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program")]

mod app;
mod arguments;
mod clock;
mod config;
mod native;
mod session;
mod tenants;

use app::App;
use arguments::Arguments;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false).init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("seamless: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::read()?;
    let listener = TcpListener::bind(arguments.listen).await?;
    let app = Arc::new(App::new(&arguments, &format!("http://{}", listener.local_addr()?))?);
    println!("listening on {}", app.address);
    axum::serve(listener, native::routes().with_state(app)).await?;
    Ok(())
}
