//! Signs users in to a web server by Kerberos. [`kerberos_sso`] validates the tokens. This crate gives the library the
//! keytab, the clock and the randomness of the operating system.
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
//! The server uses only the entries of the given principals. The log names the other entries as a warning. A key of `krbtgt`
//! is logged as an error: a process that holds this key can impersonate any user. The server does not start in these cases:
//! - the keytab is missing or empty,
//! - the keytab has no entry of the principals, or no key that the policy allows,
//! - every user of the machine can read or change the keytab.
//!
//! # A rollover
//! Write the new keytab to the same folder, and rename it to the name of the old keytab: the rename replaces the file in one
//! step. The server looks at the file every ten seconds ([`Builder::checking_every`]). The server then uses the keys of
//! the new file, and the old keys until the last ticket under an old key has ended. If the new file cannot be used, the
//! server keeps its keys and logs the reason. In Active Directory, install the new keytab before the account's password
//! changes, because clients then immediately get tickets under the new key.
//!
//! # Keys that are not in a keytab
//! [`layer`] is for a program that loads the keys itself, for example from a database.
//!
//! # Tests of your server
//! The feature `testing` of `kerberos-sso` issues tickets for a keytab that the test makes. The server has the real clock, so
//! the ticket must begin now. The replay cache in memory refuses authenticators from before its start, so the test sets the
//! client's clock a minute ahead.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use kerberos_sso::{Keytab, UnixTime, testing::TestRealm, tower::SharedIdentity};
//! use kerberos_sso_server::Server;
//! use tower::ServiceExt as _;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now: UnixTime = std::time::SystemTime::now().into();
//! let realm = TestRealm::new("EXAMPLE.TEST").with_account("HTTP/www.example.test");
//! let folder = tempfile::tempdir()?; // only its owner can read it
//! let keytab = folder.path().join("http.keytab");
//! std::fs::write(&keytab, Keytab::encode([&realm.account()], now)?)?;
//!
//! let server = Server::in_realm("HTTP/www.example.test").allow_open_to_others().start(&keytab)?;
//! let hello = async |user: SharedIdentity| format!("Hello {}", user.name);
//! let app: Router = Router::new().route("/", get(hello)).layer(server.layer());
//!
//! let token = realm.ticket_for("alice").at(now).sent_at(now.saturating_add_seconds(60));
//! let request = Request::get("/").header("authorization", token.header()).body(Body::empty())?;
//! assert_eq!(app.oneshot(request).await?.status(), 200);
//! # Ok(())
//! # }
//! ```
//!
//! # The log
//! The events of this crate have the target `kerberos_sso_server`. The events of the layer have the target `kerberos_sso`.

mod keytab_file;
mod server;
mod system;
mod watch;

pub use keytab_file::{KeytabFileError, Names};
pub use server::{Builder, Reload, Server, StartError};
pub use system::layer;
