//! A sign-in server: browsers and native clients sign in with Kerberos. A client without Kerberos signs in with a password.
//!
//! Run `cargo run --manifest-path examples/seamless/Cargo.toml` and open the address that the server prints. The server
//! listens on loopback. The server has a built-in test realm unless the command line names the configuration of a real
//! realm:
//!
//! ```text
//! seamless [--listen ADDR:PORT] [--config FILE] [--state DIRECTORY] [--allow-rc4] [--explain]
//! ```
//!
//! `--explain` shows to every client that reaches the server how tickets of FILE's tenants are judged. The server keeps
//! its state in DIRECTORY, and by default in `~/.local/state/seamless`. `config.rs` describes FILE. The server leaves
//! TLS to a proxy in front of it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program")]

use std::process::ExitCode;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, format::FmtSpan};
use tracing_subscriber::prelude::*;

#[tokio::main]
async fn main() -> ExitCode {
    log_to_stderr();
    match seamless::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("seamless: {error}");
            ExitCode::from(2)
        }
    }
}

/// Logs one line for each decision. `RUST_LOG=kerberos_sso=debug` also shows the events and spans of the library.
fn log_to_stderr() {
    let wanted = std::env::var("RUST_LOG").ok().and_then(|targets| targets.parse::<Targets>().ok()).unwrap_or_default();
    let shown = wanted.with_target("seamless", Level::INFO);
    let lines =
        fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(false).with_span_events(FmtSpan::CLOSE);
    tracing_subscriber::registry().with(lines.with_filter(shown)).init();
}
