//! A layer that signs users in, for `tower` and what builds on it: axum, hyper, tonic.
//!
//! A request with its `Authorization` values goes in. What comes out is the request with [`Identity`](crate::Identity) and
//! [`Arc<Accepted>`](crate::Accepted) among its extensions, or the response for the client's next step.
//! [`Validator::sign_in`](crate::Validator::sign_in) makes the decisions.
//!
//! ```
//! use kerberos_sso::replay::MemoryReplayCache;
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
//! let policy = Policy::default();
//! let replay = MemoryReplayCache::new(60_000, policy.clock_skew(), clock());
//! let validator = Validator::new(KeySet::new(), policy, replay);
//! let layer = NegotiateLayer::new(validator, clock, randomness)
//!     .on_signed_in(|signed_in, request| println!("{} at {}", signed_in.identity(), request.uri))
//!     .on_fall_back(|refused, _| eprintln!("{}: {refused}", refused.code()));
//!
//! async fn hello(user: axum::Extension<Identity>) -> String {
//!     format!("Hello {}", user.name)
//! }
//! let app: axum::Router = axum::Router::new().route("/", axum::routing::get(hello)).layer(layer);
//! ```
//!
//! # Required or optional
//! By default a route runs for signed-in users only. Other requests get 401 with a challenge, or 403 after a failure, with
//! an empty body. With [`optional`](NegotiateLayer::optional) the route runs for everyone. It finds the identity, or
//! [`NotSignedIn`], which says why there is none. The route then asks a browser for its ticket, with 401,
//! `WWW-Authenticate: Negotiate` and a page for browsers that have none. It must not do so after a
//! [failure](NotSignedIn::Failed).
//!
//! A route takes one of these layers. A second layer would refuse the token of the first as a replay.
//!
//! # New keys while the server runs
//! The layer takes a [`SharedValidator`](crate::SharedValidator) as well. At a rollover the server replaces its keys. The replay
//! cache stays the same:
//!
//! ```
//! # use kerberos_sso::tower::NegotiateLayer;
//! # use kerberos_sso::{KeySet, Policy, Randomness, SharedValidator, UnixTime, Validator, replay::MemoryReplayCache};
//! # let (clock, randomness) = (|| UnixTime::from_seconds(0), || Randomness::new([0; 64]));
//! # let (keys, next_keys, policy) = (KeySet::new(), KeySet::new(), Policy::default());
//! # let cache = MemoryReplayCache::new(60_000, policy.clock_skew(), clock());
//! let shared = SharedValidator::new(Validator::new(keys, policy, cache));
//! let layer = NegotiateLayer::new(shared.clone(), clock, randomness);
//! // At a rollover, on any thread.
//! shared.replace_keys(next_keys);
//! ```
//!
//! # A replay cache that is awaited
//! With an [`AsyncReplayCache`](crate::replay::AsyncReplayCache), the layer awaits the admission before it calls the service. If
//! the server drops the request meanwhile, the service does not run.
//!
//! # Every request by itself
//! This layer treats HTTP/1.1 with keep-alive and HTTP/2 alike. A request is let in by its own token, which its client made
//! for it. Other users' requests on the same connection make no difference. NTLM differs: it authenticates a connection, and
//! every request that a proxy sends over it runs as that user. Chromium answers `Negotiate` on HTTP/2 by opening an HTTP/1.1
//! connection for its ticket, so a server may offer both versions. Other clients stay with HTTP/2.
//!
//! A ticket for each request costs client and server a lot: a browser sends none until it is challenged, so every request is
//! made twice. A server that answers more than one request makes a session: a cookie of its own after sign-in, and this layer
//! on the sign-in route alone.
//!
//! # Large headers
//! A user in many groups has a ticket of many kilobytes, up to 64 KiB, and a third more in base64. hyper takes 400 KiB of
//! headers over HTTP/1.1, and 16 KiB over HTTP/2 unless its `max_header_list_size` says more. Proxies have limits too.
//!
//! # Several round trips
//! Browsers send their ticket at once. A client that offers Kerberos and waits for an answer is refused, unless the state
//! between two tokens is kept: in a [sealed cookie](NegotiateLayer::with_continuation_cookie), which works with HTTP/2 and
//! several nodes; or, over HTTP/1.1, in [`ConnectionNegotiation`] among the request's extensions, for clients without cookies.
//!
//! # The connection
//! The server puts what it knows of the connection, above all its channel bindings, among the request's extensions:
//! [`ConnectionInfo`]. This layer reads no header for it.

mod cookie;
mod extensions;
mod future;
mod layer;
mod service;
mod settings;
mod source;

pub use extensions::{ConnectionInfo, ConnectionNegotiation, NotSignedIn};
pub use future::NegotiateFuture;
pub use layer::NegotiateLayer;
pub use service::Negotiate;
