//! Tests of several nodes with one store, of a node that restarts, and of a store that cannot be reached.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::app::App;
use crate::metrics::Metrics;
use crate::store::{Engine, Outage, Records, Secret, epoch, open};
use crate::{browser, clock, limits, native, oidc};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kerberos_sso::UnixTime;
use kerberos_sso::testing::TestRealm;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tower::ServiceExt as _;

/// One node of the sign-in server, with the built-in test realm.
struct Node {
    app: Arc<App>,
    routes: Router,
    realm: TestRealm,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Node {
    async fn on(records: &Records) -> Self {
        let app = App::on(records.clone(), None).await;
        let realm = app.tenants.test_tenant().unwrap().test_realm.unwrap();
        let app = Arc::new(app);
        let routes = limits::around(browser::routes().merge(native::routes()).merge(oidc::routes()), Arc::clone(&app));
        Self { app, routes, realm }
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let request = headers
            .iter()
            .fold(Request::builder().method(method).uri(path).header("host", "sso.test"), |it, (k, v)| {
                it.header(*k, *v)
            });
        let response = self.routes.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        Answer { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    async fn post(&self, path: &str, cookie: &str, form: &str) -> Answer {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("cookie", cookie)];
        self.send("POST", path, &headers, form).await
    }

    /// Returns whether this node's page for a browser with this cookie greets the user `name`.
    async fn greets(&self, cookie: &str, name: &str) -> bool {
        self.send("GET", "/", &[("cookie", cookie)], "").await.body.contains(&format!("Hello, {name}"))
    }

    /// Signs in with a test ticket and returns the session cookie.
    async fn sign_in(&self, name: &str) -> String {
        let answer = self.post("/test-ticket", "", &format!("name={name}")).await;
        let cookie = answer.headers.get("set-cookie").unwrap().to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    fn ticket(&self, name: &str) -> String {
        let token = self.realm.ticket_for(name).service("HTTP/autologon.microsoftazuread-sso.com").at(clock::now());
        token.mutual().header()
    }

    async fn autologon(&self, ticket: &str) -> u16 {
        self.send("GET", "/contoso.test/winauth/sso", &[("authorization", ticket)], "").await.status
    }

    async fn assertion(&self, name: &str) -> String {
        let headers = [("content-type", "application/soap+xml"), ("authorization", &*self.ticket(name))];
        let path = "/contoso.test/winauth/trust/2005/windowstransport";
        let envelope = self.send("POST", path, &headers, native::RST).await.body;
        let (start, end) = (envelope.find("<saml:Assertion").unwrap(), "</saml:Assertion>");
        URL_SAFE_NO_PAD.encode(&envelope[start..envelope.find(end).unwrap().saturating_add(end.len())])
    }

    async fn tokens(&self, grant: &str) -> (u16, Value) {
        let answer = self.post("/contoso.test/oauth2/token", "", &format!("client_id=native&{grant}")).await;
        (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
    }

    async fn key_set(&self) -> Value {
        serde_json::from_str(&self.send("GET", "/contoso.test/discovery/keys", &[], "").await.body).unwrap()
    }
}

fn by_assertion(assertion: &str) -> String {
    format!("grant_type=urn:ietf:params:oauth:grant-type:saml1_1-bearer&assertion={assertion}")
}

fn by_refresh_token(answer: &Value) -> String {
    format!("grant_type=refresh_token&refresh_token={}", answer["refresh_token"].as_str().unwrap())
}

/// Opens the store in a folder. A store that was dropped closes its file a moment later, so this function tries until
/// the file is closed.
fn opened(folder: &Path) -> Records {
    loop {
        match open(&Engine::Disk { folder: folder.into() }, &Metrics::new()) {
            Ok(records) => return records,
            Err(error) => assert!(error.contains("another process"), "{error}"),
        }
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn session_of_node_a_is_known_at_node_b_and_a_sign_out_at_a_ends_it_at_both_nodes() {
    let records = Records::for_tests();
    let (a, b) = (Node::on(&records).await, Node::on(&records).await);
    let cookie = a.sign_in("alice").await;
    assert!(a.greets(&cookie, "alice").await && b.greets(&cookie, "alice").await);
    assert_eq!(a.post("/sign-out", &cookie, "").await.status, 303);
    assert!(!a.greets(&cookie, "alice").await && !b.greets(&cookie, "alice").await);
}

#[tokio::test]
async fn ticket_that_node_a_accepted_is_refused_at_node_b() {
    let records = Records::for_tests();
    let (a, b) = (Node::on(&records).await, Node::on(&records).await);
    let ticket = a.ticket("alice");
    assert_eq!((a.autologon(&ticket).await, b.autologon(&ticket).await), (200, 403));
    assert_eq!(b.autologon(&b.ticket("alice")).await, 200);
}

#[tokio::test]
async fn assertion_and_refresh_token_are_each_redeemed_once_at_both_nodes_together() {
    let records = Records::for_tests();
    let (a, b) = (Node::on(&records).await, Node::on(&records).await);
    let assertion = by_assertion(&a.assertion("alice").await);
    let (status, first) = b.tokens(&assertion).await;
    assert_eq!((status, a.tokens(&assertion).await.0), (200, 400));
    let (status, second) = a.tokens(&by_refresh_token(&first)).await;
    assert_eq!(status, 200);
    assert_eq!(b.tokens(&by_refresh_token(&first)).await.0, 400, "a second use");
    assert_eq!(a.tokens(&by_refresh_token(&second)).await.0, 400, "the family has ended");
    assert_eq!(a.key_set().await, b.key_set().await);
}

/// Both requests run at the same time. The request that comes second ends the family of refresh tokens.
#[tokio::test]
async fn refresh_token_at_two_nodes_at_the_same_time_is_accepted_once() {
    let records = Records::for_tests();
    let (a, b) = (Node::on(&records).await, Node::on(&records).await);
    let (_, first) = a.tokens(&by_assertion(&a.assertion("alice").await)).await;
    let grant = by_refresh_token(&first);
    let (at_a, at_b) = tokio::join!(a.tokens(&grant), b.tokens(&grant));
    assert_eq!([at_a.0, at_b.0].iter().filter(|status| **status == 200).count(), 1);
    for (_, answer) in [at_a, at_b].iter().filter(|(status, _)| *status == 200) {
        assert_eq!(b.tokens(&by_refresh_token(answer)).await.0, 400, "the family has ended");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_keys_tokens_and_replay_entries_outlive_a_restart() {
    let folder = TempDir::new().unwrap();
    let records = opened(folder.path());
    // The server refuses an assertion that was issued in the second in which the store began.
    epoch(&records, UnixTime::from_seconds(0)).await.unwrap();
    let node = Node::on(&records).await;
    let (cookie, ticket) = (node.sign_in("alice").await, node.ticket("bob"));
    assert_eq!(node.autologon(&ticket).await, 200);
    let (unused, used) = (node.assertion("alice").await, node.assertion("bob").await);
    let (status, first) = node.tokens(&by_assertion(&used)).await;
    assert_eq!(status, 200);
    let keys = node.key_set().await;
    drop((node, records));

    let restarted = Node::on(&opened(folder.path())).await;
    assert!(restarted.greets(&cookie, "alice").await);
    assert_eq!(restarted.autologon(&ticket).await, 403);
    assert_eq!(restarted.key_set().await, keys);
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    for (grant, status) in [(by_assertion(&unused), 200), (by_assertion(&used), 400), (by_refresh_token(&first), 200)] {
        assert_eq!(restarted.tokens(&grant).await.0, status, "{grant}");
    }
}

#[tokio::test]
async fn while_the_store_is_away_a_session_goes_on_from_memory_but_sign_out_and_tickets_are_refused() {
    let outage = Arc::new(Outage::new(clock::now));
    let records = Records::new(outage.clone(), Secret::new([1; 32]));
    let (a, b) = (Node::on(&records).await, Node::on(&records).await);
    let alice = a.sign_in("alice").await;
    assert!(a.greets(&alice, "alice").await);
    outage.set_away(true);
    assert!(a.greets(&alice, "alice").await, "node a read the session a moment ago");
    assert!(!b.greets(&alice, "alice").await, "node b has never read the session");
    assert_eq!(a.post("/sign-out", &alice, "").await.status, 503);
    assert_eq!(a.autologon(&a.ticket("bob")).await, 403, "no ticket is accepted without the replay cache");
    outage.set_away(false);
    assert!(b.greets(&alice, "alice").await);
    assert_eq!(a.autologon(&a.ticket("bob")).await, 200);
    assert_eq!(a.post("/sign-out", &alice, "").await.status, 303);
    assert!(!a.greets(&alice, "alice").await && !b.greets(&alice, "alice").await);
}

#[tokio::test]
async fn node_is_ready_when_it_has_keys_and_the_store_answers() {
    let outage = Arc::new(Outage::new(clock::now));
    let node = Node::on(&Records::new(outage.clone(), Secret::new([1; 32]))).await;
    let ready = async || {
        let answer = node.send("GET", "/readyz", &[], "").await;
        (answer.status, answer.body)
    };
    assert_eq!(ready().await, (503, "not ready: keys\n".into()));
    node.app.sealing.keys(clock::now()).await.unwrap();
    let tenant = node.app.tenants.test_tenant().unwrap();
    tenant.signing.keys(clock::now()).await.unwrap();
    assert_eq!(ready().await, (200, "ready\n".into()));
    outage.set_away(true);
    assert_eq!(ready().await, (503, "not ready: store\n".into()));
    assert_eq!(node.send("GET", "/healthz", &[], "").await.status, 200);
}
