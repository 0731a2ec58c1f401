//! A sign-in server: browsers and native clients sign in with Kerberos, and whoever cannot, with a password.
//!
//! Run: `cargo run --manifest-path examples/seamless/Cargo.toml`, and open the address that it prints. It listens on loopback, and serves a built-in
//! test realm unless it is given the tenants of a real one:
//!
//! ```text
//! seamless [--listen ADDR:PORT] [--config FILE] [--allow-rc4] [--explain]
//! ```
//! `--explain` shows what becomes of tickets of FILE's tenants to whoever reaches the server.
//! `config.rs` says what is in FILE. TLS is left to the proxy in front of it.
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

/// One line for each decision; `RUST_LOG=kerberos_sso=debug` shows the crate's own events and spans besides.
fn log_to_stderr() {
    let wanted = std::env::var("RUST_LOG").ok().and_then(|targets| targets.parse::<Targets>().ok()).unwrap_or_default();
    let shown = wanted.with_target("seamless", Level::INFO);
    let lines =
        fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(false).with_span_events(FmtSpan::CLOSE);
    tracing_subscriber::registry().with(lines.with_filter(shown)).init();
}
