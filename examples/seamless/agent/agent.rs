//! The agent that validates passwords beside the directory (pass-through authentication). The agent makes outgoing
//! connections only. For a right password, it returns a Kerberos ticket, which the server validates.
//!
//! ```text
//! seamless-agent enrol  --server https://HOST:PORT --token TOKEN [--host NAME]
//! seamless-agent run    [--kdc HOST[:PORT]]… [--alternate-id ATTRIBUTE LDAP]
//! seamless-agent check  --user NAME [--realm REALM] [--kdc HOST[:PORT]]… [--alternate-id ATTRIBUTE] [LDAP]
//! seamless-agent status
//! seamless-agent sync   samba|object|lines
//! ```
//!
//! LDAP stands for `--ldap HOST[:PORT] --ldap-ca FILE --ldap-name NAME --ldap-password FILE`: a domain controller, the
//! authority of its certificate, and an account that may read users. See `alternate.rs`.
//!
//! `sync` sends the password hashes of the directory to the server, as verifiers: see `sync/mod.rs`.
//!
//! Each command takes `--dir DIRECTORY`, the folder with the agent's identity. Without this option, the folder is
//! `$STATE_DIRECTORY` or `/var/lib/seamless-agent`. Each command also takes a proxy from
//! `--proxy http://[NAME:PASSWORD@]HOST:PORT` or from `HTTPS_PROXY`. Without `--kdc`, the agent asks the host whose DNS
//! name is the realm. In Active Directory, this name leads to the domain controllers.
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
            println!("now run `seamless-agent run`, or `seamless-agent sync` if the token had the role phs");
            Ok(())
        }
        Command::Run => work::run(&arguments).await,
        Command::Check { user } => check::check(&arguments, user).await,
        Command::Status => status::status(&arguments).await,
        Command::Sync(options) => sync::sync(&arguments, options).await,
    }
}

/// Runs an agent in the caller's process, with the caller's directory. If the agent has no identity that the node
/// accepts, it first enrols with the token.
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
