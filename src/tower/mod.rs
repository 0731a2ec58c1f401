//! A layer that signs users in, for `tower` and for the frameworks that use `tower`: axum, hyper, tonic.
//!
//! Input: a request with its `Authorization` values. Output: the request with [`Arc<Identity>`](crate::Identity) and
//! [`Arc<Accepted>`](crate::Accepted) in its extensions, or the response that tells the client the next step.
//! [`Validator::sign_in`](crate::Validator::sign_in) makes the decisions.
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
//! With the feature `axum`, `Identity` itself is an extractor: `hello(user: Identity)`. `Option<Identity>` and
//! `SharedIdentity` are extractors, too. `SharedIdentity` copies nothing.
//!
//! # Required or optional
//! By default a route runs for signed-in users only. Other requests get 401 with a challenge, or 403 after a failed sign-in.
//! The bodies are empty, but the server can [make the responses](NegotiateLayer::with_responses) itself.
//!
//! With [`optional`](NegotiateLayer::optional) the route runs for all requests. The route finds the identity, or
//! [`NotSignedIn`] with the reason why there is no identity. To ask a browser for its ticket, the route answers 401 with
//! `WWW-Authenticate: Negotiate` and a page for browsers without a ticket. The route must not challenge the browser
//! after a [failure](NotSignedIn::Failed).
//!
//! A route needs exactly one sign-in layer. A second layer would refuse the token as a replay.
//!
//! Before its decision, the layer removes these extensions from the request: `Identity`, `Arc<Identity>`,
//! `Arc<Accepted>` and [`NotSignedIn`]. So behind the layer, a service sees only the layer's own decision on the
//! request. An identity that a layer outside this layer inserted would be lost. Put a layer for sessions on other
//! routes, or inside this layer. A layer for sessions inserts the session's `Arc<Identity>` into the extensions, or
//! [`NotSignedIn::NotAsked`] for a request without a session.
//!
//! # Groups
//! [`RequireGroupLayer`] accepts only the members of a group. Put this layer inside the sign-in layer, or inside a layer for
//! sessions.
//!
//! # Cross-site requests
//! A browser answers a challenge for any page that made the request, including a page of another site. Such a page could act
//! as the user (cross-site request forgery). For example, the user opens the page from a mail, the page posts a form to this
//! server, and the browser adds the user's ticket.
//!
//! So if a page of another site made the request, the layer answers with 403 and without a challenge. The layer makes this
//! check before it reads the token, so the token stays unused. An optional layer also refuses such a request, because the
//! service may use cookies that need the same protection. The check covers all methods except GET, HEAD, OPTIONS and TRACE. A
//! request with one of these four methods must change nothing. The check also covers every `Upgrade`, because a WebSocket
//! begins with a GET. The rules of the check, in order:
//!
//! | request | verdict |
//! |---|---|
//! | its `Origin` is [trusted](NegotiateLayer::with_trusted_origin) | passes |
//! | `Sec-Fetch-Site` is `same-origin` or `none` (the user typed the address) | passes |
//! | `Sec-Fetch-Site` is any other value, including `same-site` | refused |
//! | no `Sec-Fetch-Site` and no `Origin`: the client is not a browser | passes |
//! | no `Sec-Fetch-Site`, and `Origin` has the request's host and port | passes |
//! | no `Sec-Fetch-Site`, and `Origin` is another host or port, or `null` | refused |
//!
//! Browsers send `Sec-Fetch-Site` over TLS only (and to localhost). Over plain HTTP the check compares `Origin` with
//! the host, so a proxy must forward the `Host` that the browser sent. The check does not compare the scheme. A server
//! that clients reach over both schemes should redirect browsers to TLS, and send `Strict-Transport-Security`.
//!
//! The check covers only requests that this layer sees. A session needs its own protection on its routes: a cookie with
//! `SameSite=Lax` or `Strict`, and a check of `Sec-Fetch-Site` and `Origin`. Neither this layer's check nor the session's
//! protection covers a GET that changes something. If an inner layer replaces the method of a GET (`_method=DELETE`), the
//! request is not covered either: put the replacing layer outside this layer.
//!
//! # CORS
//! Before a page of another origin may make certain requests, the browser asks the server with an OPTIONS request (the
//! preflight). The preflight carries no credentials (Fetch standard). The sign-in layer would challenge the preflight,
//! and the browser would treat the 401 as a refusal. So a layer for CORS belongs outside the sign-in layer. There, the
//! CORS layer answers the preflight, and adds its headers to the sign-in layer's own responses:
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
//! CORS and a trusted origin have different meanings. CORS lets a page read responses. A trusted origin lets a page make
//! requests that change something.
//!
//! # A client that sends no ticket
//! The most frequent failure is a client that gets no ticket for this host. Such a client does not answer the challenge. HTTP
//! keeps no state between two requests, so the layer cannot distinguish this client from a new client.
//!
//! So the layer reports every challenge to [`on_challenged`](NegotiateLayer::on_challenged), and with an event. The event
//! names the host, and the checks that an administrator should make. The event has the level DEBUG, because every sign-in of
//! a browser begins with a challenge. The event has the level INFO if the request carries credentials of [another
//! scheme](ChallengeCause::OtherScheme), or if the client [did not continue](ChallengeCause::NegotiationAbandoned) a
//! negotiation.
//!
//! A client that answers with NTLM, or does not offer Kerberos, is refused. The event `no-ticket` then names the host for
//! which the client has no ticket.
//!
//! # gRPC
//! A gRPC call (`content-type: application/grpc`) gets the layer's responses in the form of gRPC: HTTP status 200,
//! `grpc-status` 16 (UNAUTHENTICATED) or 7 (PERMISSION_DENIED) among the headers, and no messages. The response also
//! carries the challenge and the cookie. RFC 9110 section 11.6.1 allows `WWW-Authenticate` in any response. A gRPC
//! client finds this field in the metadata.
//!
//! gRPC libraries do not answer an HTTP challenge. So a gRPC client puts `authorization: Negotiate <token>` into the metadata
//! of each call, with a new token for each call. gRPC-Web calls get HTTP responses, because a browser answers the challenge.
//!
//! # New keys while the server runs
//! The layer also accepts a [`SharedValidator`](crate::SharedValidator). When the keys change, the server replaces the keys
//! of this validator. The replay cache stays the same:
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
//! With an [`AsyncReplayCache`](crate::replay::AsyncReplayCache), the layer awaits the admission before it calls the service.
//! If the server drops the request while the layer waits, the service does not run.
//!
//! # Every request by itself
//! This layer treats HTTP/1.1 with keep-alive and HTTP/2 in the same way. Each request is authenticated by its own token,
//! which the client made for this request. Requests of other users on the same connection do not matter. NTLM is different:
//! NTLM authenticates a connection. If a proxy sends requests of several users over this connection, all these requests run
//! as the authenticated user. If Chromium gets a `Negotiate` challenge over HTTP/2, it answers over a new HTTP/1.1
//! connection, so a server may offer both versions. Other clients continue to use HTTP/2.
//!
//! A ticket for each request is expensive for client and server. A browser sends no ticket before a challenge, so the browser
//! makes every request twice. If clients make more than one request, the server should use sessions. The server sets its own
//! session cookie after sign-in, and uses this layer only on the sign-in route.
//!
//! # Large headers
//! A user in many groups has a ticket of many kilobytes, up to 64 KiB. Base64 makes the ticket a third longer. hyper
//! accepts 400 KiB of headers over HTTP/1.1. Over HTTP/2 hyper accepts 16 KiB, unless its `max_header_list_size` is
//! larger. Proxies limit headers, too.
//!
//! # Several round trips
//! Browsers send their ticket with the first token. Other clients only offer Kerberos in the first token, and wait for
//! an answer. The layer refuses such a client if nothing keeps the state between two tokens. A [sealed
//! cookie](NegotiateLayer::with_continuation_cookie) keeps the state, and works with HTTP/2 and with several servers.
//! For clients that have no cookies and use HTTP/1.1, [`ConnectionNegotiation`] in the request's extensions keeps the
//! state.
//!
//! # The connection
//! The server inserts its knowledge of the connection, above all the channel bindings, into the request's extensions: see
//! [`ConnectionInfo`]. This layer does not read facts about the connection from headers.

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
