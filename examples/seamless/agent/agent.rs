//! The agent that validates passwords beside the directory (pass-through authentication). It connects outward only, and its
//! "yes" is a Kerberos ticket, which the server judges.
//!
//! ```text
//! seamless-agent enrol  --server https://HOST:PORT --token TOKEN [--host NAME]
//! seamless-agent run    [--kdc HOST[:PORT]]…
//! seamless-agent check  --user NAME [--kdc HOST[:PORT]]…
//! seamless-agent status
//! seamless-agent sync   samba|object|lines
//! ```
//!
//! `sync` sends the password hashes of the directory to the server, as verifiers: see `sync/mod.rs`.
//!
//! Each command takes `--dir DIRECTORY`, the folder with the agent's identity, which is `$STATE_DIRECTORY` or
//! `/var/lib/seamless-agent` without it, and `--proxy http://[NAME:PASSWORD@]HOST:PORT`, or `HTTPS_PROXY`. Without
//! `--kdc`, the agent asks the host with the name of the realm, as each domain controller of Active Directory has it.
#![allow(clippy::print_stdout, reason = "this is a program")]

mod arguments;
mod check;
mod clock;
mod connection;
mod enrol;
mod folder;
mod job;
mod pin;
mod proxy;
mod renewal;
mod session;
mod status;
mod sync;
mod work;

use arguments::{Arguments, Command};
use std::error::Error;

/// Does what the command line says.
///
/// # Errors
/// Returns an error that the operator can act on.
pub async fn run() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::read()?;
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).with_target(false).init();
    match &arguments.command {
        Command::Enrol { server, token, host } => enrol::enrol(&arguments, server, token, host).await,
        Command::Run => work::run(&arguments).await,
        Command::Check { user } => check::check(&arguments, user).await,
        Command::Status => status::status(&arguments).await,
        Command::Sync(options) => sync::sync(&arguments, options).await,
    }
}

/// The version of this program, which the server's list shows.
const VERSION: &str = env!("CARGO_PKG_VERSION");
