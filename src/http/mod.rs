//! Sign-in over HTTP (RFC 4559), for any web server. The input is the `Authorization` values of a request, and the
//! output is the server's next step. The feature `tower` has a layer for frameworks that build on `tower`.
//!
//! Each request leads to one of four [steps](SignInStep):
//!
//! ```text
//! no Negotiate value ─▶ Challenge   401, WWW-Authenticate: Negotiate
//! an offer           ─▶ Continue    401, WWW-Authenticate: Negotiate <token>, and a state to keep
//! a good ticket      ─▶ SignedIn    the page, WWW-Authenticate: Negotiate <token>
//! anything else      ─▶ FallBack    the sign-in page or 403, without a challenge
//! ```
//! The server never challenges a failed client again: a browser would ask its user for a password, or send the same token
//! again and again. The reason of the failure is for the log only.
//!
//! ```
//! use kerberos_sso::http::{RoundTrips, SignInStep};
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
//! Browsers send one token. A client that offers Kerberos without a ticket in its offer must send another token. The
//! client's next request needs the state that
//! [`Continue::into_negotiation`](crate::negotiate::Continue::into_negotiation) returns. If every connection belongs to
//! one client, the server can keep that state with the connection. With HTTP/2 or behind a proxy, clients share
//! connections: then the client can carry the [sealed](SealingKey) state.
//!
//! # HTTP/1.1 and HTTP/2
//! Each request carries its own token, and that token authenticates this request only. NTLM is different: its token
//! authenticates the whole connection. With this library, clients can share a connection, and no request runs as the user
//! of another client. A server that wants a client to sign in only once makes a session with a cookie after
//! [`SignInStep::SignedIn`].
//!
//! # Servers that wait
//! A server whose nodes share a store for the replay cache calls [`sign_in_async`](crate::Validator::sign_in_async) and
//! awaits the step.
//!
//! A server that gets keys from a database finds the token with [`negotiate_token`](crate::Validator::negotiate_token),
//! and validates it with the [stages](crate::stages). [`SignInStep::from_verdict`] or [`SignInStep::from_step`] makes a
//! step of the result.

mod authorization;
mod seal;
mod step;

pub use crate::negotiate::RoundTrips;
pub use seal::SealingKey;
pub use step::{SignInStep, SignedIn};
