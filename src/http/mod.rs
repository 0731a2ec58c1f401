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
//! Who failed is never challenged again: a browser would ask its user for a password, or come back with the same token
//! without end. What went wrong is for the log alone.
//!
//! ```
//! use kerberos_sso::http::SignInStep;
//! use kerberos_sso::replay::ReplayCache;
//! use kerberos_sso::{Connection, Randomness, UnixTime, Validator};
//!
//! /// Status, and `WWW-Authenticate`.
//! fn respond<R: ReplayCache>(
//!     validator: &Validator<R>,
//!     authorization: Option<&str>,
//!     randomness: &Randomness,
//!     now: UnixTime,
//! ) -> (u16, Option<String>) {
//!     let step = validator.sign_in(authorization, None, &Connection::default(), randomness, now);
//!     match &step {
//!         SignInStep::SignedIn(signed_in) => println!("{} signed in", signed_in.identity()),
//!         SignInStep::FallBack(fall_back) => eprintln!("{}: {}", fall_back.error().code(), fall_back.error()),
//!         SignInStep::Challenge | SignInStep::Continue(_) => {}
//!     }
//!     (step.status(), step.www_authenticate().map(String::from))
//! }
//! ```
//!
//! # Several legs
//! Browsers need one token. A client that offers Kerberos and sends no ticket at once is told to go on, and what
//! [`Leg::into_negotiation`] gives must be there with its next request: kept with the connection, which is wrong with
//! HTTP/2 and behind proxies, where many clients may share one, or carried by the client itself, [sealed](SealingKey).
//!
//! # HTTP/1.1 and HTTP/2
//! Every request is authenticated by itself: by its own token, made for it and good once. Nothing belongs to the
//! connection, as with NTLM, and so nothing is lost or, worse, lent to somebody else where requests share connections.
//! A server that wants to ask once makes a session of its own after [`SignInStep::SignedIn`], with a cookie.
//!
//! # Servers that wait
//! Where keys are fetched from a database, or admissions from a store that nodes share,
//! [`negotiate_token`](crate::Validator::negotiate_token) finds the token, the stages decide it, and
//! [`SignInStep::of_accepted`] or [`SignInStep::of_turn`] says what to answer.

mod authorization;
mod seal;
mod step;

pub use seal::SealingKey;
pub use step::{FallBack, Leg, SignInStep, SignedIn};
