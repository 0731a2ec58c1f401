//! Tests of pushed authorization requests (RFC 9126).

use super::{APP_SECRET, Browser, FORM, REQUEST, Server, encoded};
use serde_json::Value;

const PUSHING: &str = r#"{"id": "pushing", "redirect_uris": ["http://127.0.0.1:8081/callback"],
    "require_pushed_authorization_requests": true}"#;
const AUTHORIZE: &str = "/contoso.test/oauth2/authorize";

impl Server {
    async fn push(&self, fields: &[(&str, &str)]) -> (u16, Value) {
        let answer = self.send("POST", "/contoso.test/oauth2/par", &[FORM], &encoded(fields.iter().copied())).await;
        (answer.status, serde_json::from_str(&answer.body).unwrap())
    }
}

/// Returns the fields of the sample application's request with its secret. The fields `more` are added, or replace
/// fields of the same name.
fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let secret = [("client_secret", APP_SECRET)];
    let all = REQUEST.into_iter().chain(secret).filter(|(name, _)| more.iter().all(|(other, _)| other != name));
    all.chain(more.iter().copied()).collect()
}

#[tokio::test]
async fn pushed_request_gives_a_code_once_and_the_parameters_in_the_address_are_ignored() {
    let server = Server::new(|_| {}).await;
    let mut browser = Browser::new(&server);
    browser.sign_in("alice", "").await;
    let (status, pushed) = server.push(&with(&[])).await;
    let uri = pushed["request_uri"].as_str().unwrap();
    assert_eq!((status, &pushed["expires_in"]), (201, &60.into()));
    assert!(uri.starts_with("urn:ietf:params:oauth:request_uri:") && uri.len() == 34 + 43, "{uri}");
    let fields = [("client_id", "app"), ("request_uri", uri), ("state", "other"), ("scope", "openid email")];
    let address = format!("{AUTHORIZE}?{}", encoded(fields));
    let answer = browser.get(&address).await;
    assert_eq!(answer.field("state").as_deref(), Some("a state"));
    let (status, tokens) = server.tokens(&answer).await;
    assert_eq!((status, &tokens["scope"]), (200, &"groups openid profile".into()));
    let again = browser.get(&address).await;
    assert_eq!((again.status, again.location()), (400, ""));
}

#[tokio::test]
async fn reference_of_another_client_or_without_a_client_is_refused_on_a_page() {
    let server = Server::new(|_| {}).await;
    for client in [Some("native"), Some("unknown"), None] {
        let (_, pushed) = server.push(&with(&[])).await;
        let uri = pushed["request_uri"].as_str().unwrap();
        let fields = [("request_uri", uri)].into_iter().chain(client.map(|client| ("client_id", client)));
        let answer = server.send("GET", &format!("{AUTHORIZE}?{}", encoded(fields)), &[], "").await;
        assert_eq!((answer.status, answer.location()), (400, ""), "{client:?}");
    }
    let unknown = format!("urn:ietf:params:oauth:request_uri:{}", "A".repeat(43));
    let fields = encoded([("client_id", "app"), ("request_uri", &unknown)]);
    assert_eq!(server.send("GET", &format!("{AUTHORIZE}?{fields}"), &[], "").await.status, 400);
    let mut browser = Browser::new(&server);
    let other = browser.authorize("request_uri=https%3A%2F%2Fapp.test%2Frequest").await;
    assert_eq!(other.field("error").as_deref(), Some("request_uri_not_supported"));
}

#[tokio::test]
async fn faulty_request_is_refused_when_the_client_pushes_it() {
    let server = Server::new(|_| {}).await;
    for (more, status, code) in [
        (("client_secret", "wrong"), 401, "invalid_client"),
        (("client_id", "unknown"), 401, "invalid_client"),
        (("redirect_uri", "https://evil.example/"), 400, "invalid_request"),
        (("scope", "unknown"), 400, "invalid_scope"),
        (("resource", "urn:other"), 400, "invalid_target"),
        (("response_type", "token"), 400, "unsupported_response_type"),
        (("code_challenge_method", "plain"), 400, "invalid_request"),
        (("request_uri", "urn:ietf:params:oauth:request_uri:x"), 400, "invalid_request"),
        (("request", "x"), 400, "request_not_supported"),
        (("id_token_hint", "x"), 400, "invalid_request"),
    ] {
        let (found, error) = server.push(&with(&[more])).await;
        assert_eq!((found, error["error"].as_str()), (status, Some(code)), "{more:?}");
    }
    let long = "\"".repeat(2_048);
    assert_eq!(server.push(&with(&[("state", &long)])).await.0, 201);
    let (status, error) = server.push(&with(&[("state", &long), ("nonce", &long)])).await;
    assert_eq!((status, &error["error_description"]), (400, &"the request is too long".into()));
    let twice: Vec<_> = with(&[]).into_iter().chain([("nonce", "m")]).collect();
    assert_eq!(server.push(&twice).await.1["error"], "invalid_request");
}

#[tokio::test]
async fn client_that_must_push_is_refused_without_a_reference_and_accepted_with_one() {
    let server = Server::new(|app| app.tenants.register(PUSHING)).await;
    let mut browser = Browser::new(&server);
    browser.sign_in("alice", "").await;
    let request = REQUEST.map(|(name, value)| match name {
        "client_id" => (name, "pushing"),
        "scope" => (name, "openid"),
        _ => (name, value),
    });
    let refused = browser.get(&format!("{AUTHORIZE}?{}", encoded(request))).await;
    assert_eq!(refused.field("error").as_deref(), Some("invalid_request"));
    let (status, pushed) = server.push(&request).await;
    let fields = [("client_id", "pushing"), ("request_uri", pushed["request_uri"].as_str().unwrap())];
    let answer = browser.get(&format!("{AUTHORIZE}?{}", encoded(fields))).await;
    assert!(status == 201 && answer.field("code").is_some(), "{}", answer.location());
}
