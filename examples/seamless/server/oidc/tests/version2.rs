//! Tests of the flow at the endpoints of version 2, whose scope names the resource.

use super::*;

const API: &str = "http://127.0.0.1:8081/api";

/// Signs in with an authorization request to version 2, and returns the redirect to the application.
async fn signed_in(server: &Server, scope: &str) -> Answer {
    let mut browser = Browser::new(server);
    let fields = REQUEST.into_iter().map(|(name, value)| (name, if name == "scope" { scope } else { value }));
    let begun = browser.get(&format!("/contoso.test/oauth2/v2.0/authorize?{}", encoded(fields))).await;
    if begun.location().starts_with(CALLBACK) {
        return begun;
    }
    let page = browser.follow(&begun).await;
    assert_eq!(browser.by_ticket(&page, "alice", false).await.status, 200, "{}", page.body);
    browser.get(begun.location()).await
}

#[tokio::test]
async fn code_of_version_2_is_for_the_resource_of_its_scope() {
    let server = Server::new(|_| {}).await;
    let scope = format!("{API}/api.read openid profile offline_access");
    let answer = signed_in(&server, &scope).await;
    let code = answer.field("code").unwrap();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", CALLBACK),
        VERIFIER,
        ("scope", &*scope),
        ("client_id", "app"),
        ("client_secret", APP_SECRET),
    ];
    let answer = server.send("POST", "/contoso.test/oauth2/v2.0/token", &[FORM], &encoded(fields)).await;
    let tokens: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((answer.status, &tokens["expires_in"]), (200, &3_600.into()), "{tokens}");
    assert_eq!(tokens["scope"], format!("{API}/api.read offline_access openid profile"));
    let access = claims(&tokens["access_token"]);
    assert_eq!(
        (&access["aud"], &access["azp"], &access["scope"]),
        (&API.into(), &"app".into(), &"api.read offline_access openid profile".into())
    );
}

#[tokio::test]
async fn scope_of_an_unknown_resource_is_refused_at_version_2_and_a_scope_with_resource_at_version_1() {
    let server = Server::new(|_| {}).await;
    let answer = signed_in(&server, "https://other.test/read openid").await;
    assert_eq!(answer.field("error").as_deref(), Some("invalid_scope"));
    let fields = REQUEST
        .into_iter()
        .map(|(name, value)| (name, if name == "scope" { "http://127.0.0.1:8081/api/api.read" } else { value }));
    let answer = Browser::new(&server).get(&format!("/contoso.test/oauth2/authorize?{}", encoded(fields))).await;
    assert_eq!(answer.field("error").as_deref(), Some("invalid_scope"));
}
