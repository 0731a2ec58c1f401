//! Tests of clients and APIs whose registration asks for tokens that are signed with ES256.

use super::{Answer, Browser, REQUEST, Server, encoded};
use serde_json::Value;

const CHOOSING: &str = r#"{"id": "choosing", "redirect_uris": ["http://127.0.0.1:8081/callback"],
    "id_token_signed_response_alg": "ES256", "resources": ["urn:api"], "grants": ["authorization_code", "refresh_token"]}"#;

/// Returns the tokens of alice at the client that chose ES256.
async fn tokens(server: &Server, resource: Option<&str>) -> Value {
    let mut browser = Browser::new(server);
    browser.sign_in("alice", "").await;
    let request = REQUEST.map(|(name, value)| match name {
        "client_id" => (name, "choosing"),
        "scope" => (name, "openid"),
        _ => (name, value),
    });
    let request = request.into_iter().chain(resource.map(|resource| ("resource", resource)));
    let answer: Answer = browser.get(&format!("/contoso.test/oauth2/authorize?{}", encoded(request))).await;
    let code = answer.field("code").unwrap();
    let fields =
        [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", super::CALLBACK), super::VERIFIER];
    server.token_of("choosing", None, &fields).await.1
}

fn algorithm(tokens: &Value, name: &str) -> String {
    format!("{:?}", jsonwebtoken::decode_header(tokens[name].as_str().unwrap()).unwrap().alg)
}

#[tokio::test]
async fn id_tokens_have_the_algorithm_of_the_client_and_access_tokens_have_that_of_their_audience() {
    let server = Server::new(|app| {
        app.tenants.register(CHOOSING);
        app.tenants.choose_es256_for("urn:api");
    });
    let server = server.await;
    for (resource, of_access) in [(None, "RS256"), (Some("urn:api"), "ES256")] {
        let tokens = tokens(&server, resource).await;
        let found = ["id_token", "access_token"].map(|name| algorithm(&tokens, name));
        assert_eq!(found, ["ES256", of_access], "{resource:?}");
        let refresh = tokens["refresh_token"].as_str().unwrap();
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
        let refreshed = server.token_of("choosing", None, &fields).await.1;
        let found = ["id_token", "access_token"].map(|name| algorithm(&refreshed, name));
        assert_eq!(found, ["ES256", of_access], "{resource:?}, refreshed");
    }
    let answer = Browser::new(&server).sign_in("alice", "").await;
    let others = server.tokens(&answer).await.1;
    assert_eq!(["id_token", "access_token"].map(|name| algorithm(&others, name)), ["RS256", "RS256"]);
}

#[tokio::test]
async fn servers_own_endpoints_accept_access_tokens_with_es256() {
    let server = Server::new(|app| {
        app.tenants.register(CHOOSING);
        app.tenants.choose_es256_for(super::ISSUER);
    });
    let server = server.await;
    let tokens = tokens(&server, None).await;
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!((algorithm(&tokens, "access_token"), server.user_info(access).await.0), ("ES256".into(), 200));
    let id = tokens["id_token"].as_str().unwrap();
    assert_eq!(server.user_info(id).await.0, 401, "an ID token is no access token");
    let hint = encoded([("id_token_hint", id)]);
    let page = server.send("GET", &format!("/contoso.test/oauth2/end_session?{hint}"), &[], "").await;
    assert!(page.status == 200 && page.body.contains("You are signed out"), "{}", page.body);
}
