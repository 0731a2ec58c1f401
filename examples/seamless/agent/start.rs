//! The agent that validates passwords beside the directory. `agent.rs` describes the command line.
#![allow(clippy::print_stderr, reason = "this is a program")]

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match seamless_agent::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("seamless-agent: {error}");
            ExitCode::from(2)
        }
    }
}
