//! The agent that validates passwords beside the directory (pass-through authentication). It connects outward only, and its
//! "yes" is a Kerberos ticket, which the server judges.
//!
//! ```text
//! seamless-agent enrol  --server https://HOST:PORT --token TOKEN [--host NAME]
//! seamless-agent run    [--kdc HOST[:PORT]]… [--alternate-id ATTRIBUTE LDAP]
//! seamless-agent check  --user NAME [--realm REALM] [--kdc HOST[:PORT]]… [--alternate-id ATTRIBUTE] [LDAP]
//! seamless-agent status
//! seamless-agent sync   samba|object|lines
//! ```
//!
//! LDAP is `--ldap HOST[:PORT] --ldap-ca FILE --ldap-name NAME --ldap-password FILE`: a domain controller, its authority, and an
//! account that may read. See `alternate.rs`.
//!
//! `sync` sends the password hashes of the directory to the server, as verifiers: see `sync/mod.rs`.
//!
//! Each command takes `--dir DIRECTORY`, the folder with the agent's identity, which is `$STATE_DIRECTORY` or
//! `/var/lib/seamless-agent` without it, and `--proxy http://[NAME:PASSWORD@]HOST:PORT`, or `HTTPS_PROXY`. Without
//! `--kdc`, the agent asks the host with the name of the realm, as each domain controller of Active Directory has it.
#![allow(clippy::print_stdout, reason = "this is a program")]

mod alternate;
mod arguments;
mod check;
mod clock;
mod connection;
mod directory;
mod enrol;
mod folder;
mod job;
mod ldap;
mod pin;
mod proxy;
mod renewal;
mod session;
mod status;
mod sync;
mod work;

pub use directory::Directory;

use arguments::{Arguments, Command};
use folder::Folder;
use seamless_pta::enrolment::Token;
use seamless_pta::message::{Host, NodeUrl};
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use work::Site;

/// An error that the operator can act on.
type Failure = Box<dyn Error + Send + Sync>;

/// Does what the command line says.
///
/// # Errors
/// Returns an error that the operator can act on.
pub async fn run() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments = Arguments::read()?;
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).with_target(false).init();
    match &arguments.command {
        Command::Enrol { server, token, host } => {
            arguments.folder.is_free()?;
            let whom = (server, arguments.proxy.as_ref());
            let identity = enrol::enrol(&arguments.folder, whom, token, host).await?;
            println!("enrolled as {} for {}", identity.agent, identity.tenant);
            println!("now run `seamless-agent run`, or `seamless-agent sync` after a token of the role phs");
            Ok(())
        }
        Command::Run => work::run(&arguments).await,
        Command::Check { user } => check::check(&arguments, user).await,
        Command::Status => status::status(&arguments).await,
        Command::Sync(options) => sync::sync(&arguments, options).await,
    }
}

/// Works with a directory of the caller, in the caller's process. Without an identity that the node takes, the agent enrols
/// with the token first.
///
/// # Errors
/// Returns an error if the agent cannot enrol, or is too old for the server.
pub async fn serve(
    folder: PathBuf,
    node: &NodeUrl,
    token: &Token,
    directory: Arc<dyn Directory>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let folder = Folder::new(folder);
    if !work::is_taken(&folder, node).await {
        let host = Host::new("localhost").ok_or("the host has no name")?;
        enrol::enrol(&folder, (node, None), token, &host).await?;
    }
    let directory_of = Box::new(move |_: &str| Arc::clone(&directory));
    work::work(Site { folder: &folder, proxy: None, directory_of, alternate: None }).await
}

/// The version of this program, which the server's list shows.
const VERSION: &str = env!("CARGO_PKG_VERSION");
