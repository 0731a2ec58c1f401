//! Sign-in over HTTP (RFC 4559), for any web server: the `Authorization` values of a request go in, and what to answer
//! comes out. No web framework is needed; for those that build on `tower`, the feature of that name has a layer.
//!
//! A request leads to one of four [steps](SignInStep):
//!
//! ```text
//! no Negotiate value ─▶ Challenge   401, WWW-Authenticate: Negotiate
//! an offer           ─▶ Continue    401, WWW-Authenticate: Negotiate <token>, and a state to keep
//! a good ticket      ─▶ SignedIn    the page, WWW-Authenticate: Negotiate <token>
//! anything else      ─▶ FallBack    the sign-in page or 403, and no challenge
//! ```
//! A client that failed is never challenged again: a browser would ask its user for a password, or send the same token
//! without end. The reason is for the log alone.
//!
//! ```
//! use kerberos_sso::http::SignInStep;
//! use kerberos_sso::negotiate::RoundTrips;
//! use kerberos_sso::replay::ReplayCache;
//! use kerberos_sso::{Randomness, UnixTime, Validator};
//!
//! /// Returns the status and the `WWW-Authenticate` value.
//! fn respond<R: ReplayCache>(
//!     validator: &Validator<R>,
//!     authorization: Option<&str>,
//!     randomness: &Randomness,
//!     now: UnixTime,
//! ) -> (u16, Option<String>) {
//!     let step = validator.sign_in(authorization, RoundTrips::One, randomness, now);
//!     match &step {
//!         SignInStep::SignedIn(signed_in) => println!("{} signed in", signed_in.identity()),
//!         SignInStep::FallBack(refused) => eprintln!("{}: {refused}", refused.code()),
//!         SignInStep::Challenge | SignInStep::Continue(_) => {}
//!     }
//!     (step.status(), step.www_authenticate())
//! }
//! ```
//!
//! # Several round trips
//! Browsers send one token. A client that offers Kerberos and sends no ticket at once is asked to continue, and the state
//! that [`Continue::into_negotiation`](crate::negotiate::Continue::into_negotiation) returns must be there with its next
//! request. The server keeps it with the connection, which is wrong with HTTP/2 and behind proxies, where clients share
//! connections; or the client carries it, [sealed](SealingKey).
//!
//! # HTTP/1.1 and HTTP/2
//! Every request is authenticated by its own token, which is made for it and good once. Nothing belongs to the connection,
//! as it does with NTLM, so nothing is lost where requests share connections, and no request runs as another client's user.
//! A server that wants to ask once makes a session of its own after [`SignInStep::SignedIn`], with a cookie.
//!
//! # Servers that wait
//! If keys come from a database, or admissions from a store that nodes share,
//! [`negotiate_token`](crate::Validator::negotiate_token) finds the token, the stages decide it, and
//! [`SignInStep::from_verdict`] or [`SignInStep::from_step`] says what to answer.

mod authorization;
mod seal;
mod step;

pub use seal::SealingKey;
pub use step::{SignInStep, SignedIn};
