//! Sign-in over HTTP (RFC 4559), for any web server. The `Authorization` values of a request go in, and the server's
//! next step comes out. No web framework is needed; the feature `tower` has a layer for those that build on `tower`.
//!
//! A request leads to one of four [steps](SignInStep):
//!
//! ```text
//! no Negotiate value ─▶ Challenge   401, WWW-Authenticate: Negotiate
//! an offer           ─▶ Continue    401, WWW-Authenticate: Negotiate <token>, and a state to keep
//! a good ticket      ─▶ SignedIn    the page, WWW-Authenticate: Negotiate <token>
//! anything else      ─▶ FallBack    the sign-in page or 403, without a challenge
//! ```
//! A client that failed is never challenged again: a browser would ask its user for a password, or send the same token
//! again and again. The reason is for the log only.
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
//! Browsers send one token. A client that offers Kerberos and sends no ticket with its offer must continue. Its next
//! request needs the state that [`Continue::into_negotiation`](crate::negotiate::Continue::into_negotiation) returns.
//! Either the server keeps the state with the connection, which is wrong with HTTP/2 and behind proxies, where clients
//! share connections. Or the client carries it, [sealed](SealingKey).
//!
//! # HTTP/1.1 and HTTP/2
//! Its own token authenticates every request. The client makes a token for one request, and it is good once. Nothing
//! belongs to the connection, as it does with NTLM. So requests can share connections, and no request runs as another
//! client's user. A server that wants to authenticate once makes a session of its own after [`SignInStep::SignedIn`],
//! with a cookie.
//!
//! # Servers that wait
//! A server that admits requests in a store that nodes share awaits [`sign_in_async`](crate::Validator::sign_in_async).
//!
//! A server that gets keys from a database calls [`negotiate_token`](crate::Validator::negotiate_token) for the token and the
//! stages for the decision. [`SignInStep::from_verdict`] or [`SignInStep::from_step`] then gives the step.

mod authorization;
mod seal;
mod step;

pub use crate::negotiate::RoundTrips;
pub use seal::SealingKey;
pub use step::{SignInStep, SignedIn};
