//! Tests of the layer for `tower`: alone, before axum's routes, and in axum's server over HTTP/1.1 and HTTP/2.

use crate::common;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, COOKIE, SET_COOKIE, WWW_AUTHENTICATE};
use axum::http::{Request, Response, StatusCode, Version};
use axum::routing::get;
use axum::{Extension, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::NOW;
use common::dialogue::{Host, krb5_token, prefers_ntlm, random};
use kerberos_sso::http::SealingKey;
use kerberos_sso::limits::MAX_SEALED_SECONDS;
use kerberos_sso::testing::{MechToken, NegTokenRespParts, TestClient, TestRealm, TestToken};
use kerberos_sso::tower::{ConnectionInfo, ConnectionNegotiation, NegotiateLayer, NotSignedIn};
use kerberos_sso::{
    Accepted, ChannelBindings, Identity, Policy, Randomness, SharedValidator, UnixTime, Validator,
    policy::BindingLevel, ticket::BindingState,
};
use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use tower::ServiceExt as _;

/// Returns a source of randomness that gives another value at each call.
fn randomness() -> impl Fn() -> Randomness + Send + Sync + 'static {
    let number = AtomicU8::new(0);
    move || random(number.fetch_add(1, Ordering::Relaxed))
}

fn layer(host: &Host) -> NegotiateLayer {
    NegotiateLayer::new(host.nodes[0].clone(), || NOW, randomness())
}

/// Answers with the name of the signed-in user, or with the reason why no user is signed in.
async fn who(
    user: Option<Extension<Arc<Identity>>>,
    accepted: Option<Extension<Arc<Accepted>>>,
    why: Option<Extension<NotSignedIn>>,
) -> String {
    assert_eq!(user.is_some(), accepted.is_some());
    assert_eq!(user.is_some(), why.is_none());
    match (user, why.map(|why| why.0)) {
        (Some(user), _) => format!("{}@{}", user.name, user.realm),
        (None, Some(NotSignedIn::NotAsked)) => "not asked".into(),
        (None, Some(NotSignedIn::Failed(error))) => error.code().into(),
        (None, Some(other)) => format!("{other:?}"),
        (None, None) => "no layer".into(),
    }
}

fn app(layer: NegotiateLayer) -> Router {
    Router::new().route("/", get(who)).layer(layer)
}

fn request(authorization: Option<&str>) -> Request<Body> {
    let request = Request::get("/");
    let request = authorization.into_iter().fold(request, |request, value| request.header(AUTHORIZATION, value));
    request.body(Body::empty()).unwrap()
}

/// The status, `WWW-Authenticate` value, `Set-Cookie` value and body of a response.
#[derive(Debug, PartialEq)]
struct Seen {
    status: u16,
    challenge: Option<String>,
    cookie: Option<String>,
    body: String,
}

impl Seen {
    fn refused() -> Self {
        Self { status: 403, challenge: None, cookie: None, body: String::new() }
    }

    fn token(&self) -> Vec<u8> {
        STANDARD.decode(self.challenge.as_ref().unwrap().strip_prefix("Negotiate ").unwrap()).unwrap()
    }
}

async fn seen(response: Response<Body>) -> Seen {
    let one = |name| {
        let values: Vec<_> = response.headers().get_all(name).iter().collect();
        assert!(values.len() <= 1);
        assert!(values.iter().all(|value| value.is_sensitive()));
        values.first().map(|value| value.to_str().unwrap().to_owned())
    };
    let (status, challenge, cookie) = (response.status().as_u16(), one(WWW_AUTHENTICATE), one(SET_COOKIE));
    let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
    Seen { status, challenge, cookie, body: String::from_utf8(body.to_vec()).unwrap() }
}

async fn send(app: &Router, request: Request<Body>) -> Seen {
    seen(app.clone().oneshot(request).await.unwrap()).await
}

#[tokio::test]
async fn route_behind_the_layer_runs_only_for_signed_in_users() {
    let host = Host::new();
    let app = app(layer(&host));
    let asked = send(&app, request(None)).await;
    let challenge = Some("Negotiate".to_owned());
    assert_eq!(asked, Seen { status: 401, challenge, cookie: None, body: String::new() });
    assert_eq!(send(&app, request(Some("Basic YWxpY2U6c2VjcmV0"))).await, asked);

    let token = host.good();
    let good = send(&app, request(Some(&token.header()))).await;
    assert_eq!((good.status, good.body.as_str()), (200, "alice@CONTOSO.TEST"));
    TestClient::of(&token).complete(Some(&good.token())).expect("the server proves itself");

    assert_eq!(send(&app, request(Some(&token.header()))).await, Seen::refused(), "a replay");
    assert_eq!(send(&app, request(Some("NTLM TlRMTVNTUAABAAAA"))).await, Seen::refused());
    let mut twice = request(Some(&host.good().header()));
    twice.headers_mut().append(AUTHORIZATION, "Negotiate YII=".parse().unwrap());
    assert_eq!(send(&app, twice).await, Seen::refused());
}

#[tokio::test]
async fn route_behind_an_optional_layer_runs_for_every_client_and_gets_the_reason() {
    let host = Host::new();
    let app = app(layer(&host).optional());
    let token = host.good().header();
    for (authorization, body) in [
        (None, "not asked"),
        (Some("Basic eA=="), "not asked"),
        (Some(token.as_str()), "alice@CONTOSO.TEST"),
        (Some(token.as_str()), "replay"),
        (Some("NTLM TlRMTVNTUAABAAAA"), "ntlm"),
        (Some("Negotiate"), "not-negotiate"),
    ] {
        let seen = send(&app, request(authorization)).await;
        assert_eq!((seen.status, seen.body.as_str()), (200, body), "{authorization:?}");
        assert_eq!(seen.challenge.is_some(), body.contains('@'), "{authorization:?}");
    }
}

/// The layer does not change the response of a route. The layer only adds the token that ends the negotiation. The
/// layer adds no token to a 401 with another challenge. Otherwise the client would continue the negotiation with that
/// token.
#[tokio::test]
async fn response_of_a_route_is_unchanged_except_for_the_answer_token() {
    let host = Host::new();
    for (status, others, ours) in [
        (StatusCode::NOT_FOUND, None, true),
        (StatusCode::FORBIDDEN, None, true),
        (StatusCode::OK, Some("Basic"), true),
        (StatusCode::UNAUTHORIZED, Some("Basic"), false),
    ] {
        let route = move || async move {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = status;
            response.headers_mut().extend(others.map(|value| (WWW_AUTHENTICATE, value.parse().unwrap())));
            response
        };
        let app = Router::new().route("/", get(route)).layer(layer(&host));
        let response = app.oneshot(request(Some(&host.good().header()))).await.unwrap();
        assert_eq!(response.status(), status);
        let values: Vec<_> = response.headers().get_all(WWW_AUTHENTICATE).iter().map(|v| v.to_str().unwrap()).collect();
        assert_eq!(values.iter().any(|value| value.starts_with("Negotiate ")), ours);
        assert_eq!(values.first().filter(|value| **value == "Basic").copied(), others);
    }
}

#[tokio::test]
async fn hooks_are_called_with_the_user_or_the_refusal() {
    let host = Host::new();
    let log = Arc::new(Mutex::new(Vec::new()));
    let (signed_in, fell_back) = (Arc::clone(&log), Arc::clone(&log));
    let layer = layer(&host)
        .on_signed_in(move |user, request| {
            signed_in.lock().unwrap().push(format!("{} {}", user.identity(), request.uri));
        })
        .on_fall_back(move |refused, request| {
            fell_back.lock().unwrap().push(format!("{} {}", refused.code(), request.uri));
        });
    let app = app(layer);
    let token = host.good().header();
    for authorization in [None, Some(token.as_str()), Some(token.as_str()), Some("Negotiate")] {
        send(&app, request(authorization)).await;
    }
    assert_eq!(*log.lock().unwrap(), ["alice@CONTOSO.TEST /", "replay /", "not-negotiate /"]);
}

/// The layer uses the new keys and keeps the replay cache.
#[tokio::test]
async fn replaced_keys_are_used_for_the_next_request_and_old_tokens_are_refused() {
    let old = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$").with_kvno(2);
    let new = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$").with_kvno(3);
    let shared = SharedValidator::new(Host::new().nodes[0].with_keys(old.key_set()));
    let app = app(NegotiateLayer::new(shared.clone(), || NOW, randomness()));
    let token = |realm: &TestRealm| realm.ticket_for("alice").at(NOW);
    let before = token(&old).header();
    assert_eq!(send(&app, request(Some(&before))).await.status, 200);
    assert_eq!(send(&app, request(Some(&token(&new).header()))).await.status, 403);
    let replaced = shared.replace_keys(new.key_set());
    assert_eq!(replaced.accounts().count(), 1);
    assert_eq!(send(&app, request(Some(&token(&new).header()))).await.status, 200);
    assert_eq!(send(&app, request(Some(&before))).await, Seen::refused());
}

/// If each request had its own validator and replay cache, the token would be accepted again.
#[tokio::test]
async fn token_is_a_replay_after_equal_keys_replaced_the_keys() {
    let host = Host::new();
    let shared = SharedValidator::new(host.nodes[0].clone());
    let app = app(NegotiateLayer::new(shared.clone(), || NOW, randomness()).optional());
    let token = host.good().header();
    assert_eq!(send(&app, request(Some(&token))).await.body, "alice@CONTOSO.TEST");
    shared.replace_keys(host.realm.key_set());
    assert_eq!(send(&app, request(Some(&token))).await.body, "replay");
}

#[tokio::test]
async fn layer_reads_the_clock_for_every_request() {
    let host = Host::new();
    let seconds = Arc::new(AtomicI64::new(NOW.seconds()));
    let clock = Arc::clone(&seconds);
    let clock = move || UnixTime::from_seconds(clock.load(Ordering::Relaxed));
    let app = app(NegotiateLayer::new(host.nodes[0].clone(), clock, randomness()).optional());
    assert_eq!(send(&app, request(Some(&host.good().header()))).await.body, "alice@CONTOSO.TEST");
    let token = host.good().header();
    seconds.fetch_add(3600, Ordering::Relaxed);
    assert_eq!(send(&app, request(Some(&token))).await.body, "clock-skew");
}

#[tokio::test]
async fn challenge_uses_no_randomness() {
    let host = Host::new();
    let taken = Arc::new(AtomicU8::new(0));
    let count = Arc::clone(&taken);
    let randomness = move || random(count.fetch_add(1, Ordering::Relaxed));
    let app = app(NegotiateLayer::new(host.nodes[0].clone(), || NOW, randomness));
    assert_eq!(send(&app, request(None)).await.status, 401);
    assert_eq!(taken.load(Ordering::Relaxed), 0);
    assert_eq!(send(&app, request(Some(&host.good().header()))).await.status, 200);
    assert_eq!(taken.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn channel_bindings_of_the_connection_are_compared_with_the_ticket() {
    let host = Host::with_policy(Policy::default().with_binding_level(BindingLevel::Require));
    let route = |Extension(accepted): Extension<Arc<Accepted>>| async move {
        assert_eq!(accepted.channel_bindings(), BindingState::Matched);
    };
    let app = Router::new().route("/", get(route)).layer(layer(&host));
    let info = |data: &[u8]| ConnectionInfo::default().with_channel_bindings([ChannelBindings::new(data)]);
    for (info, status) in [
        (Some(info(b"tls-server-end-point:this one")), 200),
        (Some(info(b"tls-server-end-point:another")), 403),
        (Some(ConnectionInfo::default()), 403),
        (None, 403),
    ] {
        let mut request = request(Some(&host.good().bound_to(b"tls-server-end-point:this one").header()));
        if let Some(info) = info {
            request.extensions_mut().insert(info);
        }
        assert_eq!(send(&app, request).await.status, status);
    }
}

/// Returns an offer of Kerberos without a token.
fn offer(host: &Host) -> TestToken {
    host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent)
}

/// Returns the header value with the second token of a client that offered Kerberos.
fn response(token: &TestToken) -> String {
    let second = NegTokenRespParts { response_token: Some(krb5_token(token)), ..NegTokenRespParts::default() };
    format!("Negotiate {}", STANDARD.encode(second.mint()))
}

#[tokio::test]
async fn layer_without_cookie_and_connection_decides_by_the_first_token() {
    let host = Host::new();
    let app = app(layer(&host).optional());
    assert_eq!(send(&app, request(Some(&offer(&host).header()))).await.body, "no-token");
    let seen = send(&app, request(Some(&prefers_ntlm(host.good()).header()))).await;
    assert_eq!(seen.body, "alice@CONTOSO.TEST");
}

const COOKIE_NAME: &str = "__Host-negotiate";

fn with_cookies(host: &Host) -> NegotiateLayer {
    layer(host).with_continuation_cookie(SealingKey::new([0x5E; 32]), COOKIE_NAME)
}

fn with_cookie(mut request: Request<Body>, cookie: &str) -> Request<Body> {
    request.headers_mut().append(COOKIE, cookie.parse().unwrap());
    request
}

/// Sends the first token, and returns the name and value of the cookie that the layer sets.
async fn first_token(app: &Router, token: &TestToken) -> String {
    let asked = send(app, request(Some(&token.header()))).await;
    assert_eq!((asked.status, asked.body.as_str()), (401, ""));
    assert_eq!(NegTokenRespParts::decode(&asked.token()).unwrap().mech_list_mic, None);
    let cookie = asked.cookie.unwrap();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(attributes, format!("Path=/; Max-Age={MAX_SEALED_SECONDS}; HttpOnly; Secure; SameSite=Strict"));
    assert!(pair.starts_with("__Host-negotiate="));
    assert!(cookie.len() <= 4096);
    pair.to_owned()
}

const REMOVED: &str = "__Host-negotiate=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict";

#[tokio::test]
async fn negotiation_continues_with_a_sealed_cookie() {
    let host = Host::new();
    let [first, second] = [layer(&host), layer(&host).optional()]
        .map(|layer| app(layer.with_continuation_cookie(SealingKey::new([0x5E; 32]), COOKIE_NAME)));
    let token = offer(&host);
    let cookie = first_token(&first, &token).await;
    let answer = with_cookie(request(Some(&response(&token))), &format!("theme=dark; {cookie}; lang=de"));
    let ended = send(&second, answer).await;
    assert_eq!((ended.status, ended.body.as_str()), (200, "alice@CONTOSO.TEST"));
    assert_eq!(ended.cookie.as_deref(), Some(REMOVED));
    TestClient::of(&token).complete(Some(&ended.token())).expect("the server proves itself");

    // Like a required layer, an optional layer answers a first token with a token that continues the negotiation.
    first_token(&second, &offer(&host)).await;
}

#[tokio::test]
async fn cookie_that_does_not_open_is_ignored_and_removed() {
    let host = Host::new();
    let app = app(with_cookies(&host).optional());
    let token = offer(&host);
    let cookie = first_token(&app, &token).await;
    let damaged = cookie[..cookie.len() - 1].to_owned();
    for cookie in [damaged.as_str(), "__Host-negotiate=", "__Host-negotiate=AAAA", "negotiate=x; __host-negotiate=x"] {
        let seen = send(&app, with_cookie(request(Some(&response(&token))), cookie)).await;
        assert_eq!((seen.status, seen.body.as_str(), seen.challenge), (200, "malformed", None), "{cookie}");
        assert_eq!(seen.cookie.is_some(), cookie.starts_with("__Host-negotiate="), "the layer removes the cookie");
        let restarted = send(&app, with_cookie(request(Some(&host.good().header())), cookie)).await;
        assert_eq!(restarted.body, "alice@CONTOSO.TEST", "the client may restart");
    }
    let ended = send(&app, with_cookie(request(Some(&response(&token))), &cookie)).await;
    assert_eq!(ended.body, "alice@CONTOSO.TEST", "the sealed value is still valid");
}

#[tokio::test]
async fn negotiation_too_large_for_a_cookie_is_refused() {
    let host = Host::new();
    let app = app(with_cookies(&host).optional());
    let token = prefers_ntlm(host.good().delegating(&[0; 4096]));
    let seen = send(&app, request(Some(&token.header()))).await;
    assert_eq!((seen.body.as_str(), seen.challenge, seen.cookie), ("negotiation", None, None));
}

#[tokio::test]
async fn negotiation_continues_with_the_state_of_the_connection_only_over_http_1() {
    let host = Host::new();
    let app = app(layer(&host));
    for (version, continues) in [(Version::HTTP_11, true), (Version::HTTP_2, false)] {
        let connection = ConnectionNegotiation::new();
        let over_it = |authorization: &str| {
            let mut request = request(Some(authorization));
            *request.version_mut() = version;
            request.extensions_mut().insert(connection.clone());
            request
        };
        let token = offer(&host);
        let asked = send(&app, over_it(&token.header())).await;
        assert_eq!(
            (asked.status, asked.challenge.is_some(), asked.cookie),
            (if continues { 401 } else { 403 }, continues, None)
        );
        let ended = send(&app, over_it(&response(&token))).await;
        assert_eq!(ended.status, if continues { 200 } else { 403 });
        assert_eq!(
            send(&app, over_it(&response(&token))).await,
            Seen::refused(),
            "the state of the connection is used once"
        );
    }
}

/// Starts axum's server on loopback and returns its address.
async fn serve(app: Router) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Sends one request on an open connection, and returns the head and body of the response.
fn exchange(stream: &mut std::net::TcpStream, authorization: Option<&str>) -> String {
    let header = authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
    write!(stream, "GET / HTTP/1.1\r\nHost: localhost\r\n{header}\r\n").unwrap();
    let (mut response, mut octet) = (Vec::new(), [0]);
    while !response.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut octet).unwrap();
        response.push(octet[0]);
    }
    let head = String::from_utf8(response).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

/// A ticket signs a user in for one request only, not for the next request of the connection.
#[tokio::test]
async fn each_request_of_a_kept_connection_is_authenticated_separately() {
    let host = Host::new();
    let address = serve(app(layer(&host))).await;
    let [alice, bob] = ["alice", "bob"].map(|name| host.realm.ticket_for(name).at(NOW).header());
    tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let asked = exchange(&mut stream, None);
        assert!(asked.starts_with("HTTP/1.1 401 ") && asked.contains("www-authenticate: Negotiate\r\n"), "{asked}");
        let signed_in = exchange(&mut stream, Some(&alice));
        assert!(signed_in.starts_with("HTTP/1.1 200 ") && signed_in.ends_with("alice@CONTOSO.TEST"), "{signed_in}");
        assert_eq!(status(&exchange(&mut stream, None)), "401");
        assert!(exchange(&mut stream, Some(&bob)).ends_with("bob@CONTOSO.TEST"));
        assert_eq!(status(&exchange(&mut stream, Some(&alice))), "403");
    })
    .await
    .unwrap();
}

fn status(response: &str) -> &str {
    response.split(' ').nth(1).unwrap()
}

/// The test sends requests of two users at the same time over one connection.
#[tokio::test]
async fn requests_of_one_http_2_connection_are_authenticated_separately() {
    let host = Host::new();
    let address = serve(app(with_cookies(&host))).await;
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    let send = async |authorization: Option<String>, cookie: Option<String>| {
        let uri = format!("http://{address}/");
        let request = Request::get(uri).version(Version::HTTP_2);
        let request = authorization.into_iter().fold(request, |request, value| request.header(AUTHORIZATION, value));
        let request = cookie.into_iter().fold(request, |request, value| request.header(COOKIE, value));
        let response = sender.clone().send_request(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.version(), Version::HTTP_2);
        seen_over_the_wire(response.map(Body::new)).await
    };
    let [alice, bob] = ["alice", "bob"].map(|name| host.realm.ticket_for(name).at(NOW));
    let (first, second, third) =
        tokio::join!(send(Some(alice.header()), None), send(Some(bob.header()), None), send(None, None));
    assert_eq!((first.status, first.body.as_str()), (200, "alice@CONTOSO.TEST"));
    assert_eq!((second.status, second.body.as_str()), (200, "bob@CONTOSO.TEST"));
    assert_eq!((third.status, third.challenge.as_deref()), (401, Some("Negotiate")));

    // Each of the two negotiations has its own state.
    let offers = [&alice, &bob].map(|token| {
        let fresh = token.clone().sent_at(NOW.saturating_add_seconds(1));
        fresh.spnego(|spnego| spnego.mech_token = MechToken::Absent)
    });
    let asked = tokio::join!(send(Some(offers[0].header()), None), send(Some(offers[1].header()), None));
    let cookie = |seen: &Seen| Some(seen.cookie.as_ref().unwrap().split(';').next().unwrap().to_owned());
    let ended = tokio::join!(
        send(Some(response(&offers[0])), cookie(&asked.0)),
        send(Some(response(&offers[1])), cookie(&asked.1))
    );
    assert_eq!((ended.0.body.as_str(), ended.1.body.as_str()), ("alice@CONTOSO.TEST", "bob@CONTOSO.TEST"));
}

/// Reads a response that came over the network, where no header value is marked as sensitive.
async fn seen_over_the_wire(mut response: Response<Body>) -> Seen {
    response.headers_mut().values_mut().for_each(|value| value.set_sensitive(true));
    seen(response).await
}

/// Servers clone the layer and share it between threads.
#[test]
fn layer_and_service_and_validator_can_be_cloned_and_shared_between_threads() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    let host = Host::new();
    shared(&layer(&host));
    shared(&NegotiateLayer::new(SharedValidator::new(host.nodes[0].clone()), || NOW, randomness()));
    shared(&tower::Layer::layer(&layer(&host), ()));
    let staged: Validator = Validator::staged(host.realm.key_set(), Policy::default());
    shared(&staged);
    assert!(!format!("{:?}", with_cookies(&host)).contains("5E"));
}
