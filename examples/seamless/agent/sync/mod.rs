//! Sends the password hashes of a directory to the server, as verifiers (password hash synchronisation).
//!
//! ```text
//! seamless-agent sync samba  [--database FILE] [--every SECONDS] [--all [--complete]]   a Samba domain controller, as root on it
//! seamless-agent sync object                                             the script of `samba-tool user syncpasswords`
//! seamless-agent sync lines  --domain-sid SID [--complete]               lines of impacket's secretsdump, on standard input
//! ```
//!
//! With `--complete`, the server removes the accounts of the domain that the run has not sent.
//!
//! Each command takes `--iterations N`, `--alternate ATTRIBUTE`, `--lockout-seconds N` and `--source NAME`. The agent
//! must be enrolled with the role `phs`. The NT hash of a password stays in the memory of this process until its
//! verifier is derived.

mod directory;
mod lines;
mod many;
mod node;
mod object;
mod options;
mod progress;
mod samba;

pub(crate) use options::{Options, Values};

use options::Source;

use crate::arguments::Arguments;
use std::error::Error;

/// Does what the command line says.
///
/// # Errors
/// Returns an error that the operator can act on.
pub(crate) async fn sync(arguments: &Arguments, options: &Options) -> Result<(), Box<dyn Error + Send + Sync>> {
    let node = node::Node::open(arguments)?;
    match &options.source {
        Source::Object => object::send(&node, options).await,
        Source::Lines { domain, complete } => lines::send(&node, options, *domain, *complete).await,
        Source::Samba { database, every, run } => samba::send(&node, options, database, *every, *run).await,
    }
}
