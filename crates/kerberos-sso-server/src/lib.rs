//! Signs users in to a web server by Kerberos. [`kerberos_sso`] decides; this crate gives it what a server with an operating
//! system has: the keytab, the clock, and randomness.
//!
//! ```no_run
//! use kerberos_sso_server::Server;
//!
//! # fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let domain = "S-1-5-21-1004336348-1177238915-682003330".parse()?; // `Get-ADDomain` prints it
//! let server = Server::in_active_directory("HTTP/www.example.com", domain).start("/etc/www/http.keytab")?;
//! let layer = server.layer(); // for axum, hyper and tonic
//! # Ok(())
//! # }
//! ```
//!
//! # The keytab
//! Only the entries of the named principals serve. Entries of others are named in the log, and a key of `krbtgt` loudly: a
//! process that holds it can be any user. A keytab that is missing, empty, without the principals, without a key that the
//! policy allows, or readable by every user of the machine is an error at the start. It is never an empty key set.
//!
//! # A rollover
//! Put the keytab with the new key beside the old one, and rename it over: that replaces it in one step. The server looks at
//! the file every ten seconds ([`Builder::checking_every`]). It then serves with the keys of the new file, and with the old
//! ones until the last ticket under them is over. A file that cannot be used changes nothing, and the log says why.
//! In Active Directory, let the new keytab be there before the account's password changes: clients get tickets under the new
//! key at once.
//!
//! # The log
//! Events of this crate have the target `kerberos_sso_server`, and those of the layer `kerberos_sso`.

mod keytab_file;
mod server;
mod system;
mod watch;

pub use keytab_file::{KeytabFileError, Names};
pub use server::{Builder, Reload, Server, StartError};
