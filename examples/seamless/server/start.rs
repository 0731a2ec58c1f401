//! A sign-in server: browsers and native clients sign in with Kerberos. A client without Kerberos signs in with a password.
//!
//! Run `cargo run --manifest-path examples/seamless/Cargo.toml` and open the address that the server prints. The server
//! listens on loopback. If the command line does not name the configuration of a real realm, the server has a built-in test
//! realm:
//!
//! ```text
//! seamless [--listen ADDR:PORT] [--config FILE] [--state DIRECTORY] [--log text|json] [--allow-rc4] [--explain] [--with-app] [--with-agent]
//! ```
//!
//! `--with-app` starts the sample application beside the test realm. `--with-agent` starts an agent that validates the
//! passwords of the test realm. With `--explain`, every client that reaches the server can see why the server accepts
//! or refuses a ticket for FILE's tenants. The server keeps its state in DIRECTORY, by default in
//! `~/.local/state/seamless`. `config.rs` describes FILE. SIGTERM and SIGINT stop the server, which first finishes the
//! running requests. `seamless agents` makes the tokens with which agents enrol, and lists and revokes agents
//! (`agents/command.rs`).
#![allow(clippy::print_stderr, reason = "this is a program")]

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match seamless::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("seamless: {error}");
            ExitCode::from(2)
        }
    }
}
