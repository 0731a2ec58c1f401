//! Tests of clients that sign an assertion instead of sending a secret.

use super::{Browser, FORM, REQUEST, Server, encoded};
use crate::clock;
use crate::oidc::client_assertion::TYPE;
use crate::oidc::client_assertion::tests::KEYS;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Returns a server with a client that signs assertions.
async fn server() -> Server {
    let client = json!({ "id": "signing", "redirect_uris": [super::CALLBACK], "jwks": KEYS.public,
        "grants": ["authorization_code", "refresh_token"] });
    Server::new(|app| app.tenants.register(&client.to_string())).await
}

/// Returns a new assertion.
fn assertion() -> String {
    let (now, id) = (clock::now().seconds(), URL_SAFE_NO_PAD.encode(clock::random::<16>()));
    let claims =
        json!({ "iss": "signing", "sub": "signing", "aud": super::ISSUER, "exp": now + 60, "iat": now, "jti": id });
    KEYS.sign(&json!({ "alg": "PS256", "kid": "r" }), &claims)
}

impl Server {
    async fn asserting(&self, endpoint: &str, assertion: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        let proof = [("client_assertion_type", TYPE), ("client_assertion", assertion)];
        let body = encoded(fields.iter().copied().chain(proof));
        let answer = self.send("POST", &format!("/contoso.test/oauth2/{endpoint}"), &[FORM], &body).await;
        (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
    }
}

#[tokio::test]
async fn every_endpoint_for_clients_accepts_an_assertion_once() {
    let server = server().await;
    let mut browser = Browser::new(&server);
    browser.sign_in("alice", "").await;
    let request = REQUEST.map(|(name, value)| match name {
        "client_id" => (name, "signing"),
        "scope" => (name, "openid"),
        _ => (name, value),
    });
    let pushing = assertion();
    let (status, pushed) = server.asserting("par", &pushing, &request).await;
    let uri = pushed["request_uri"].as_str().unwrap();
    assert_eq!(status, 201, "{pushed}");
    let fields = encoded([("client_id", "signing"), ("request_uri", uri)]);
    let code = browser.get(&format!("/contoso.test/oauth2/authorize?{fields}")).await.field("code").unwrap();
    let fields =
        [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", super::CALLBACK), super::VERIFIER];
    let (status, tokens) = server.asserting("token", &assertion(), &fields).await;
    assert_eq!(status, 200, "{tokens}");
    let token = [("token", tokens["access_token"].as_str().unwrap())];
    assert_eq!(server.asserting("introspect", &assertion(), &token).await.1["active"], true);
    assert_eq!(server.asserting("revoke", &assertion(), &token).await.0, 200);
    assert_eq!(server.asserting("introspect", &assertion(), &token).await.1["active"], false);
    for endpoint in ["par", "token", "introspect", "revoke"] {
        let (status, error) = server.asserting(endpoint, &pushing, &token).await;
        assert_eq!((status, &error["error"]), (401, &"invalid_client".into()), "{endpoint}");
    }
}

#[tokio::test]
async fn client_with_keys_is_refused_without_an_assertion() {
    let server = server().await;
    for endpoint in ["par", "token", "introspect", "revoke"] {
        let fields = encoded([("client_id", "signing"), ("token", "x"), ("grant_type", "refresh_token")]);
        let answer = server.send("POST", &format!("/contoso.test/oauth2/{endpoint}"), &[FORM], &fields).await;
        assert_eq!(answer.status, 401, "{endpoint}");
    }
}
