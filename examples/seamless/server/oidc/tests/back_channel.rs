//! Tests of sign-out messages that the server sends to clients over loopback sockets.

use super::{Answer, Browser, REQUEST, Server, claims, encoded};
use crate::app::App;
use crate::clock;
use crate::connections::Connections;
use crate::forwarded::Proxies;
use crate::metrics::Metrics;
use crate::oidc::BackChannel;
use crate::oidc::sign_out_messages::send_due;
use crate::serve::{Stop, serve};
use crate::store::Records;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A client that gets logout tokens.
struct Hearing {
    address: SocketAddr,
    /// The bodies that the client got.
    heard: UnboundedReceiver<String>,
    _stop: Stop,
}

impl Hearing {
    /// Starts the client. The client answers the first messages with these statuses in turn, and every later message
    /// with 200.
    async fn new(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (address, (stop, stopping)) = (listener.local_addr().unwrap(), Stop::new());
        let (hear, heard) = unbounded_channel();
        let count = std::sync::atomic::AtomicUsize::new(0);
        let answer = std::sync::Arc::new(move |body: String| {
            hear.send(body).unwrap();
            let status = statuses.get(count.fetch_add(1, std::sync::atomic::Ordering::Relaxed)).copied();
            StatusCode::from_u16(status.unwrap_or(200)).unwrap()
        });
        let routes = Router::new()
            .route("/logout", post(move |body: String| async move { (answer(body), [("location", "/logout")]) }));
        let connections = Connections::new(9, 9, Proxies::default(), Metrics::new());
        tokio::spawn(serve(listener, None, routes, connections, stopping));
        Self { address, heard, _stop: stop }
    }

    fn register(&self, app: &mut App) {
        self.register_for("RS256", app);
    }

    fn register_for(&self, algorithm: &str, app: &mut App) {
        let uri = format!("http://{}/logout", self.address);
        let client = json!({"id": "hearing", "redirect_uris": [super::CALLBACK], "backchannel_logout_uri": uri,
            "id_token_signed_response_alg": algorithm});
        app.tenants.register(&client.to_string());
        app.back_channel = BackChannel::new(false).unwrap();
    }

    async fn token(&mut self) -> String {
        let body = self.heard.recv().await.unwrap();
        body.strip_prefix("logout_token=").unwrap().to_owned()
    }
}

/// Signs alice in at the client, and returns the ID token.
async fn sign_in(browser: &mut Browser<'_>) -> Value {
    browser.sign_in("alice", "").await;
    let request = REQUEST.map(|(name, value)| match name {
        "client_id" => (name, "hearing"),
        "scope" => (name, "openid"),
        _ => (name, value),
    });
    let answer: Answer = browser.get(&format!("/contoso.test/oauth2/authorize?{}", encoded(request))).await;
    let code = answer.field("code").unwrap();
    let fields =
        [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", super::CALLBACK), super::VERIFIER];
    browser.server.token_of("hearing", None, &fields).await.1["id_token"].clone()
}

/// Verifies the signature of a logout token with the published key, and returns the claims.
async fn verified(server: &Server, token: &str) -> Value {
    let keys = server.send("GET", "/contoso.test/discovery/keys", &[], "").await;
    let keys: Value = serde_json::from_str(&keys.body).unwrap();
    let header = jsonwebtoken::decode_header(token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("logout+jwt"));
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == *header.kid.as_ref().unwrap()).unwrap();
    let number = |name: &str| key[name].as_str().unwrap();
    let (key, algorithm) = match number("alg") {
        "RS256" => (DecodingKey::from_rsa_components(number("n"), number("e")), Algorithm::RS256),
        _ => (DecodingKey::from_ec_components(number("x"), number("y")), Algorithm::ES256),
    };
    let (key, mut validation) = (key.unwrap(), Validation::new(algorithm));
    validation.set_audience(&["hearing"]);
    validation.set_issuer(&[super::ISSUER]);
    jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap().claims
}

#[tokio::test]
async fn client_gets_a_logout_token_of_its_subject_and_session_when_the_user_signs_out() {
    let mut client = Hearing::new(&[]).await;
    let server = Server::new(|app| client.register(app)).await;
    let mut browser = Browser::new(&server);
    for by_application in [false, true] {
        let id_token = sign_in(&mut browser).await;
        let id = claims(&id_token);
        if by_application {
            let ended = browser
                .get(&format!("/contoso.test/oauth2/end_session?id_token_hint={}", id_token.as_str().unwrap()))
                .await;
            assert_eq!(ended.status, 200);
        } else {
            assert_eq!(browser.post("/sign-out", &[]).await.status, 303);
        }
        let token = client.token().await;
        let logout = verified(&server, &token).await;
        assert_eq!((&logout["sub"], &logout["sid"]), (&id["sub"], &id["sid"]));
        assert_eq!(logout["events"], json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
        assert_eq!(logout["exp"].as_i64().unwrap() - logout["iat"].as_i64().unwrap(), 120);
        assert!(URL_SAFE_NO_PAD.decode(logout["jti"].as_str().unwrap()).unwrap().len() == 16);
        assert_eq!(logout.get("nonce"), None);
        let hint = format!("/contoso.test/oauth2/end_session?id_token_hint={token}");
        assert_eq!(browser.get(&hint).await.status, 400, "a logout token is no ID token");
    }
}

#[tokio::test]
async fn logout_token_has_the_algorithm_of_the_clients_id_tokens() {
    for (algorithm, expected) in [("RS256", Algorithm::RS256), ("ES256", Algorithm::ES256)] {
        let mut client = Hearing::new(&[]).await;
        let server = Server::new(|app| client.register_for(algorithm, app)).await;
        let mut browser = Browser::new(&server);
        let id_token = sign_in(&mut browser).await;
        browser.post("/sign-out", &[]).await;
        let token = client.token().await;
        verified(&server, &token).await;
        for token in [&*token, id_token.as_str().unwrap()] {
            assert_eq!(jsonwebtoken::decode_header(token).unwrap().alg, expected);
        }
    }
}

#[tokio::test]
async fn message_is_sent_again_after_a_fault_of_the_client_and_not_after_a_refusal() {
    let cases: [(&[u16], usize); 4] = [(&[503, 500], 3), (&[503; 9], 6), (&[400], 1), (&[302], 1)];
    for (statuses, expected) in cases {
        let mut client = Hearing::new(statuses).await;
        let server = Server::new(|app| client.register(app)).await;
        let mut browser = Browser::new(&server);
        let id = claims(&sign_in(&mut browser).await);
        browser.post("/sign-out", &[]).await;
        // The sender is idle when the last try has ended.
        server.app.back_channel.is_idle().await;
        for minutes in [1, 2, 4, 10, 30, 40, 50] {
            send_due(&server.app, clock::now().saturating_add_seconds(60 * minutes)).await;
            server.app.back_channel.is_idle().await;
        }
        for _ in 0..expected {
            let logout = verified(&server, &client.token().await).await;
            assert_eq!((&logout["sub"], &logout["sid"]), (&id["sub"], &id["sid"]));
        }
        assert!(client.heard.try_recv().is_err(), "{statuses:?}");
    }
}

/// The first try of the first node fails, and this node then stops. Two other nodes look for due messages at the same
/// time.
#[tokio::test]
async fn message_of_a_node_that_ended_is_sent_once_by_another_node() {
    let mut client = Hearing::new(&[503]).await;
    let records = Records::for_tests();
    let first = Server::on(records.clone(), |app| client.register(app)).await;
    let mut browser = Browser::new(&first);
    let id = claims(&sign_in(&mut browser).await);
    browser.post("/sign-out", &[]).await;
    first.app.back_channel.is_idle().await;
    client.token().await;
    drop(first);
    let nodes = [
        Server::on(records.clone(), |app| client.register(app)).await,
        Server::on(records, |app| client.register(app)).await,
    ];
    let later = clock::now().saturating_add_seconds(60);
    tokio::join!(send_due(&nodes[0].app, later), send_due(&nodes[1].app, later));
    for node in &nodes {
        node.app.back_channel.is_idle().await;
    }
    let logout = verified(&nodes[0], &client.token().await).await;
    assert_eq!((&logout["sub"], &logout["sid"]), (&id["sub"], &id["sid"]));
    assert!(client.heard.try_recv().is_err(), "only one node sends the message");
}

#[tokio::test]
async fn new_sign_in_of_another_user_sends_a_message_and_a_new_sign_in_of_the_same_user_does_not() {
    let mut client = Hearing::new(&[]).await;
    let server = Server::new(|app| client.register(app)).await;
    let mut browser = Browser::new(&server);
    let id = claims(&sign_in(&mut browser).await);
    let begun = browser.authorize("prompt=login").await;
    let page = browser.follow(&begun).await;
    assert_eq!(browser.by_ticket(&page, "alice", true).await.status, 200);
    server.app.back_channel.is_idle().await;
    assert!(client.heard.try_recv().is_err());
    assert_eq!(browser.by_ticket(&page, "bob", true).await.status, 200);
    let logout = verified(&server, &client.token().await).await;
    assert_eq!((&logout["sub"], &logout["sid"]), (&id["sub"], &id["sid"]));
}
