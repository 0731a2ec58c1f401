//! Tests of revocation (RFC 7009) and of introspection (RFC 7662).

use super::{APP_SECRET, Answer, Browser, FORM, ISSUER, Server, encoded};
use serde_json::{Value, json};

const API: &str = r#"{"id": "api", "grants": [], "resources": ["http://127.0.0.1:8081/api"],
    "secret_sha256": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}"#;
const OTHER: &str = r#"{"id": "api", "grants": [], "resources": ["urn:other"],
    "secret_sha256": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}"#;

/// The client `api` and its secret. [`API`] and [`OTHER`] have the SHA-256 digest of the secret.
const API_CLIENT: (&str, Option<&str>) = ("api", Some("secret"));
const APP_CLIENT: (&str, Option<&str>) = ("app", Some(APP_SECRET));
const NATIVE_CLIENT: (&str, Option<&str>) = ("native", None);

impl Server {
    async fn ask(&self, endpoint: &str, (id, secret): (&str, Option<&str>), token: &str) -> (u16, Value) {
        let secret = secret.map(|secret| ("client_secret", secret));
        let fields = [("client_id", id), ("token", token)].into_iter().chain(secret);
        let answer: Answer =
            self.send("POST", &format!("/contoso.test/oauth2/{endpoint}"), &[FORM], &encoded(fields)).await;
        (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
    }
}

/// Signs alice in at the sample application, and returns its tokens.
async fn tokens(server: &Server, more: &str) -> Value {
    server.tokens(&Browser::new(server).sign_in("alice", more).await).await.1
}

fn text<'t>(tokens: &'t Value, name: &str) -> &'t str {
    tokens[name].as_str().unwrap()
}

#[tokio::test]
async fn revoked_token_of_either_kind_ends_the_whole_grant() {
    let server = Server::new(|_| {}).await;
    for name in ["access_token", "refresh_token"] {
        let tokens = tokens(&server, "").await;
        let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
        assert_eq!(server.ask("revoke", APP_CLIENT, text(&tokens, name)).await, (200, Value::Null), "{name}");
        assert_eq!(server.user_info(access).await.0, 401, "{name}");
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
        assert_eq!(server.token(&fields).await.1["error"], "invalid_grant", "{name}");
        assert_eq!(server.ask("revoke", APP_CLIENT, text(&tokens, name)).await.0, 200, "the second time");
    }
}

#[tokio::test]
async fn revocation_of_an_old_refresh_token_ends_the_grant_of_the_new_one() {
    let server = Server::new(|_| {}).await;
    let first = tokens(&server, "").await;
    let fields = [("grant_type", "refresh_token"), ("refresh_token", text(&first, "refresh_token"))];
    let (status, second) = server.token(&fields).await;
    assert_eq!((status, server.ask("revoke", APP_CLIENT, text(&first, "refresh_token")).await.0), (200, 200));
    assert_eq!(server.user_info(text(&second, "access_token")).await.0, 401);
}

#[tokio::test]
async fn token_of_another_client_is_not_revoked_and_an_unknown_token_gets_200() {
    let server = Server::new(|_| {}).await;
    let tokens = tokens(&server, "").await;
    for name in ["access_token", "refresh_token"] {
        let (status, error) = server.ask("revoke", NATIVE_CLIENT, text(&tokens, name)).await;
        assert_eq!((status, &error["error"]), (400, &"invalid_grant".into()), "{name}");
    }
    assert_eq!(server.user_info(text(&tokens, "access_token")).await.0, 200);
    let changed = &text(&tokens, "refresh_token")[1..];
    for unknown in ["x", changed, "eyJhbGciOiJub25lIn0.e30."] {
        assert_eq!(server.ask("revoke", APP_CLIENT, unknown).await, (200, Value::Null), "{unknown}");
    }
    let (status, error) = server.ask("revoke", APP_CLIENT, text(&tokens, "id_token")).await;
    assert_eq!((status, &error["error"]), (400, &"unsupported_token_type".into()));
    let (status, error) = server.ask("revoke", ("app", Some("wrong")), text(&tokens, "access_token")).await;
    assert_eq!((status, &error["error"]), (401, &"invalid_client".into()));
}

#[tokio::test]
async fn introspection_tells_a_client_about_its_own_tokens_until_they_end() {
    let server = Server::new(|_| {}).await;
    let tokens = tokens(&server, "").await;
    let (status, access) = server.ask("introspect", APP_CLIENT, text(&tokens, "access_token")).await;
    assert_eq!((status, &access["active"], &access["token_type"]), (200, &true.into(), &"Bearer".into()));
    assert_eq!((&access["iss"], &access["client_id"]), (&ISSUER.into(), &"app".into()));
    assert_eq!((&access["scope"], &access["upn"]), (&"groups openid profile".into(), &"alice@contoso.test".into()));
    assert!(access["exp"].as_i64() > access["iat"].as_i64() && access["sub"].is_string());
    let (_, refresh) = server.ask("introspect", APP_CLIENT, text(&tokens, "refresh_token")).await;
    assert_eq!((&refresh["active"], &refresh["sub"]), (&true.into(), &access["sub"]));
    assert_eq!(refresh.get("upn"), None);
    server.ask("revoke", APP_CLIENT, text(&tokens, "access_token")).await;
    for name in ["access_token", "refresh_token"] {
        let inactive = server.ask("introspect", APP_CLIENT, text(&tokens, name)).await;
        assert_eq!(inactive, (200, json!({ "active": false })), "{name}");
    }
}

#[tokio::test]
async fn introspection_tells_an_api_about_tokens_for_it_and_says_that_other_tokens_are_not_active() {
    let inactive = (200, json!({ "active": false }));
    for (registration, reads) in [(API, true), (OTHER, false)] {
        let server = Server::new(|app| app.tenants.register(registration)).await;
        let for_api = tokens(&server, "resource=http%3A%2F%2F127.0.0.1%3A8081%2Fapi").await;
        let (status, answer) = server.ask("introspect", API_CLIENT, text(&for_api, "access_token")).await;
        assert_eq!((status, answer["active"] == true), (200, reads), "{registration}");
        assert_eq!(answer.get("sub").is_some(), reads);
        assert_eq!(server.ask("introspect", API_CLIENT, text(&for_api, "refresh_token")).await, inactive);
        let for_issuer = tokens(&server, "").await;
        for name in ["access_token", "refresh_token", "id_token"] {
            assert_eq!(server.ask("introspect", API_CLIENT, text(&for_issuer, name)).await, inactive, "{name}");
        }
    }
}

#[tokio::test]
async fn introspection_by_a_client_without_a_secret_or_with_a_wrong_secret_is_refused() {
    let server = Server::new(|_| {}).await;
    let tokens = tokens(&server, "").await;
    for client in [NATIVE_CLIENT, ("app", None), ("app", Some("wrong")), ("unknown", None)] {
        let (status, error) = server.ask("introspect", client, text(&tokens, "access_token")).await;
        assert_eq!((status, &error["error"]), (401, &"invalid_client".into()), "{client:?}");
    }
}
