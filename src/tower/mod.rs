//! A layer that signs users in, for `tower` and what builds on it: axum, hyper, tonic.
//!
//! A request with its `Authorization` values goes in. What comes out is the request with
//! [`Arc<Identity>`](crate::Identity) and [`Arc<Accepted>`](crate::Accepted) among its extensions, or the response for the
//! client's next step. [`Validator::sign_in`](crate::Validator::sign_in) makes the decisions.
//!
//! ```
//! use kerberos_sso::replay::MemoryReplayCache;
//! use kerberos_sso::tower::NegotiateLayer;
//! use kerberos_sso::{Identity, KeySet, Policy, Randomness, Validator};
//! use std::{sync::Arc, time::SystemTime};
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
//! async fn hello(user: axum::Extension<Arc<Identity>>) -> String {
//!     format!("Hello {}", user.name)
//! }
//! let app: axum::Router = axum::Router::new().route("/", axum::routing::get(hello)).layer(layer);
//! ```
//!
//! With the feature `axum`, `Identity` itself is an extractor: `hello(user: Identity)`. So are `Option<Identity>` and
//! `SharedIdentity`, which copies nothing.
//!
//! # Required or optional
//! By default a route runs for signed-in users only. Other requests get 401 with a challenge, or 403 after a failure. The
//! bodies are empty, unless the server [makes the responses](NegotiateLayer::with_responses).
//!
//! With [`optional`](NegotiateLayer::optional) the route runs for everyone. It finds the identity, or [`NotSignedIn`], which
//! says why there is none. The route then asks a browser for its ticket, with 401, `WWW-Authenticate: Negotiate` and a page
//! for browsers that have none. It must not do so after a [failure](NotSignedIn::Failed).
//!
//! A route takes one of these layers. A second layer would refuse the token of the first as a replay.
//!
//! The layer removes what its own decision puts there from the extensions before it: `Identity`, `Arc<Identity>`,
//! `Arc<Accepted>` and [`NotSignedIn`]. Behind it, only its own decision on the request
//! counts. So a server's sessions stand beside this layer, on routes of their own, or inside of it. A layer for sessions puts
//! the session's `Arc<Identity>` among the extensions, or [`NotSignedIn::NotAsked`] for a request without a session.
//!
//! # Groups
//! [`RequireGroupLayer`] lets in the members of a group. It stands inside of this layer, or of one for sessions.
//!
//! # Cross-site requests
//! A browser answers a challenge whatever page made the request: a page of another site, too. Such a page could act as the
//! user (cross-site request forgery). The user opens it from a mail, it posts a form to this server, and the browser adds the
//! user's ticket.
//!
//! So the layer refuses a request that another site's page made, with 403 and without a challenge. It does so before it looks
//! at the token, so the token stays unused. Behind an optional layer the service does not run either: it may have cookies to
//! protect. The check is for all methods but GET, HEAD, OPTIONS and TRACE, which must change nothing, and for every `Upgrade`,
//! since a WebSocket is a GET. Its rules, in this order:
//!
//! | request | verdict |
//! |---|---|
//! | its `Origin` is [trusted](NegotiateLayer::with_trusted_origin) | passes |
//! | `Sec-Fetch-Site` is `same-origin` or `none` (the user typed the address) | passes |
//! | `Sec-Fetch-Site` is something else, `same-site` too | refused |
//! | no `Sec-Fetch-Site` and no `Origin`: not a browser | passes |
//! | no `Sec-Fetch-Site`, and `Origin` has the request's host and port | passes |
//! | no `Sec-Fetch-Site`, and another `Origin`, or `null` | refused |
//!
//! Browsers send `Sec-Fetch-Site` over TLS only (and to localhost). Over plain HTTP the check compares `Origin` with the
//! host, so a proxy must pass on the `Host` that the browser sent. The scheme is not compared. A server that is reached over
//! both should redirect browsers to TLS, and send `Strict-Transport-Security`.
//!
//! The check is for requests that this layer sees. A session needs its own protection on its routes: a cookie with
//! `SameSite=Lax` or `Strict`, and a check of these fields. A GET that changes something is protected by neither,
//! and neither is one whose method the routes replace (`_method=DELETE`): put such a layer outside of this one.
//!
//! # CORS
//! Before a page of another origin may make some requests, the browser asks with OPTIONS. This preflight carries no credentials,
//! by the Fetch standard. The layer would challenge it, and the browser takes 401 for a no. So a layer for CORS stands outside
//! of this one, where it answers the preflight and adds its headers to the layer's own responses:
//!
//! ```
//! # fn app(
//! #     routes: axum::Router,
//! #     sign_in: kerberos_sso::tower::NegotiateLayer,
//! # ) -> Result<axum::Router, Box<dyn std::error::Error>> {
//! use axum::http::Method;
//! use tower_http::cors::CorsLayer;
//!
//! let origin = "https://app.example.com";
//! let cors = CorsLayer::new().allow_origin([origin.parse()?]).allow_methods([Method::POST]).allow_credentials(true);
//! // In axum the layer that is added last runs first.
//! let app = routes.layer(sign_in.with_trusted_origin(origin)?).layer(cors);
//! # Ok(app)
//! # }
//! ```
//!
//! The two say different things. CORS lets a page read responses. A trusted origin lets it make requests that change something.
//!
//! # A client that sends no ticket
//! The commonest failure is that a client gets no ticket for this host. Such a client says nothing: it just does not answer the
//! challenge. HTTP keeps nothing between two requests, so the layer cannot tell this client from one that comes for the first
//! time. It reports every challenge: to [`on_challenged`](NegotiateLayer::on_challenged), and as an event that names the host
//! and what to check. That event is at DEBUG, since every sign-in of a browser begins so. It is at INFO if the request shows
//! more: credentials of [another scheme](ChallengeCause::OtherScheme), or a negotiation that the client
//! [did not continue](ChallengeCause::NegotiationAbandoned). A client that answers with NTLM, or with no Kerberos at all, is
//! refused. The event `no-ticket` then names the host for which it has no ticket.
//!
//! # gRPC
//! A call of gRPC (`content-type: application/grpc`) gets the layer's responses in gRPC's way: HTTP status 200, `grpc-status` 16
//! (UNAUTHENTICATED) or 7 (PERMISSION_DENIED) among the headers, and no messages. The challenge and the cookie are there as
//! well. RFC 9110 section 11.6.1 allows `WWW-Authenticate` in any response, and a client finds it in the metadata. Libraries of
//! gRPC do not answer a challenge of HTTP. A client of theirs puts `authorization: Negotiate <token>` into the metadata of each
//! call, with a new token for each. gRPC-Web is left as HTTP, because there a browser answers the challenge.
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

mod absence;
mod challenge;
mod cookie;
mod cross_site;
mod extensions;
#[cfg(feature = "axum")]
mod extract;
mod future;
mod host;
mod layer;
mod origin;
mod require_group;
mod responses;
mod service;
mod settings;
mod source;

pub use challenge::ChallengeCause;
pub use cross_site::CrossSite;
pub use extensions::{ConnectionInfo, ConnectionNegotiation, NotSignedIn};
#[cfg(feature = "axum")]
pub use extract::{IdentityRejection, SharedIdentity};
pub use future::NegotiateFuture;
pub use layer::NegotiateLayer;
pub use origin::InvalidOrigin;
pub use require_group::{RequireGroup, RequireGroupFuture, RequireGroupLayer};
pub use responses::{EmptyResponses, Responses};
pub use service::Negotiate;
