//! A layer that signs users in, for `tower` and what builds on it: axum, hyper, tonic.
//!
//! In: a request, with its `Authorization` values. Out: the request with [`Identity`](crate::Identity) and
//! [`Arc<Accepted>`](crate::Accepted) among its extensions, or the response that the client's next step needs. The
//! decisions are [`Validator::sign_in`](crate::Validator::sign_in)'s.
//!
//! ```
//! use kerberos_sso::replay::{MemoryReplayCache, Start};
//! use kerberos_sso::tower::NegotiateLayer;
//! use kerberos_sso::{Identity, KeySet, Policy, Randomness, Validator};
//! use std::time::SystemTime;
//!
//! let clock = || SystemTime::now().into();
//! let randomness = || {
//!     let mut octets = [0; 64];
//!     getrandom::fill(&mut octets).expect("the operating system has randomness");
//!     Randomness::new(octets)
//! };
//! let replay = MemoryReplayCache::new(60_000, Start::RefuseBefore(clock()));
//! let validator = Validator::new(KeySet::from_iter::<[kerberos_sso::Account; 0]>([]), Policy::default(), replay);
//! let layer = NegotiateLayer::new(validator, clock, randomness)
//!     .on_signed_in(|signed_in, request| println!("{} at {}", signed_in.identity(), request.uri))
//!     .on_fall_back(|fall_back, _| eprintln!("{}: {}", fall_back.error().code(), fall_back.error()));
//!
//! async fn hello(user: axum::Extension<Identity>) -> String {
//!     format!("Hello {}", user.name)
//! }
//! let app: axum::Router = axum::Router::new().route("/", axum::routing::get(hello)).layer(layer);
//! ```
//!
//! # Required or optional
//! By default a route is for users who are signed in: others get 401 with a challenge, or 403 after a failure, with an
//! empty body. After [`optional`](NegotiateLayer::optional) the route runs for everybody; it finds the identity, or
//! [`NotSignedIn`], which says why there is none. It is the route then that asks a browser for its ticket, with 401 and
//! `WWW-Authenticate: Negotiate`, and with a page for those that have none; it must not do so after a
//! [failure](NotSignedIn::Failed).
//!
//! A route takes one of these layers: a second one would see the first's token once more, and refuse it as a replay.
//!
//! # Every request by itself
//! HTTP/1.1 with keep-alive and HTTP/2 are alike to this layer. A request is let in by its own token, which its client made
//! for it; that the connection brought another user's request before, or brings one at the same time, makes no difference.
//! NTLM is not so: it proves a connection, and lends its user to whatever a proxy sends over it. Browsers treat
//! both alike: Chromium, answering `Negotiate` on HTTP/2, opens a connection with HTTP/1.1 for it, and sends its ticket
//! there; a server may offer both versions. Other clients stay with HTTP/2, where this layer takes their tickets.
//!
//! A ticket for each request is dear for client and server: a browser asks for none until it is challenged, so that every
//! request is made twice. A server that answers more than one request makes a session: once signed in, a cookie of its
//! own, and this layer on the sign-in route alone.
//!
//! # Large headers
//! A user in many groups has a ticket of many kilobytes, up to 64 KiB, and a third more in base64. hyper takes 400 KiB of
//! headers over HTTP/1.1, and 16 KiB over HTTP/2 unless its `max_header_list_size` says more. Proxies have limits too.
//!
//! # Several legs
//! Browsers send their ticket at once. Who offers Kerberos and waits for an answer is refused, unless what is to be kept
//! meanwhile has a place: a [sealed cookie](NegotiateLayer::legs_in_cookie), which also HTTP/2 and several nodes allow;
//! or, over HTTP/1.1, [`ConnectionNegotiation`] among the request's extensions, for clients that keep no cookies.
//!
//! # The connection
//! What the server knows of the connection, its channel bindings above all, it puts among the request's extensions:
//! [`ConnectionFacts`]. This layer reads no header for it.

mod cookie;
mod extensions;
mod future;
mod layer;
mod service;
mod source;

pub use extensions::{ConnectionFacts, ConnectionNegotiation, NotSignedIn};
pub use future::NegotiateFuture;
pub use layer::NegotiateLayer;
pub use service::Negotiate;
pub use source::ValidatorSource;
