//! Tests of requests from pages of other origins (CORS).

use super::{Answer, Browser, CALLBACK, FORM, REQUEST, Server, VERIFIER, encoded};

const SPA: &str = r#"{"id": "spa", "redirect_uris": ["https://spa.test/c"], "origins": ["https://spa.test"]}"#;
const SPA_ORIGIN: (&str, &str) = ("origin", "https://spa.test");

/// Origins that no client registered.
const OTHERS: [&str; 5] =
    ["https://evil.example", "https://spa.test:8443", "http://spa.test", "https://spa.test.evil.example", "null"];

async fn server() -> Server {
    Server::new(|app| app.tenants.register(SPA)).await
}

/// Returns the origin whose pages may read an answer.
fn reader(answer: &Answer) -> Option<&str> {
    assert!(!answer.headers.contains_key("access-control-allow-credentials"));
    answer.headers.get("access-control-allow-origin").map(|value| value.to_str().unwrap())
}

async fn preflight(server: &Server, path: &str, origin: &str) -> Answer {
    let asked = [("origin", origin), ("access-control-request-method", "POST")];
    server.send("OPTIONS", path, &asked, "").await
}

#[tokio::test]
async fn page_of_any_origin_may_read_the_metadata_and_the_keys() {
    let server = server().await;
    for path in [
        "/contoso.test/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/contoso.test",
        "/contoso.test/discovery/keys",
    ] {
        let answer = server.send("GET", path, &[("origin", "https://evil.example")], "").await;
        assert_eq!((answer.status, reader(&answer)), (200, Some("*")), "{path}");
        assert_eq!(preflight(&server, path, "https://evil.example").await.status, 204, "{path}");
    }
}

#[tokio::test]
async fn only_a_page_of_a_registered_origin_may_use_the_token_endpoints() {
    let server = server().await;
    for name in ["token", "userinfo", "revoke", "groups"] {
        let path = format!("/contoso.test/oauth2/{name}");
        let answer = preflight(&server, &path, SPA_ORIGIN.1).await;
        assert_eq!((answer.status, reader(&answer)), (204, Some(SPA_ORIGIN.1)), "{name}");
        assert_eq!(answer.headers["access-control-allow-headers"], "authorization, content-type");
        assert_eq!(
            (&answer.headers["access-control-allow-methods"], &answer.headers["vary"]),
            (&"GET, POST".parse().unwrap(), &"origin".parse().unwrap())
        );
        let method = if name == "groups" { "GET" } else { "POST" };
        let answer = server.send(method, &path, &[FORM, SPA_ORIGIN], "").await;
        assert!(
            (400..=401).contains(&answer.status) && reader(&answer) == Some(SPA_ORIGIN.1),
            "{name} {}",
            answer.status
        );
        for origin in OTHERS {
            let refused = preflight(&server, &path, origin).await;
            assert_eq!((refused.status, reader(&refused)), (403, None), "{name} {origin}");
            let answer = server.send("GET", &path, &[("origin", origin)], "").await;
            assert_eq!(reader(&answer), None, "{name} {origin}");
            let answer = server.send("POST", &path, &[FORM, ("origin", origin)], "").await;
            assert_eq!((answer.status, reader(&answer)), (403, None), "{name} {origin}");
        }
        let twice = [FORM, SPA_ORIGIN, ("origin", "https://evil.example")];
        assert_eq!(reader(&server.send(method, &path, &twice, "").await), None, "{name}");
    }
}

#[tokio::test]
async fn page_of_another_origin_may_not_read_the_answers_of_other_paths() {
    let server = server().await;
    for path in ["oauth2/authorize", "oauth2/introspect", "oauth2/par", "oauth2/end_session", "sign-in", "winauth/sso"]
    {
        let path = format!("/contoso.test/{path}");
        for method in ["GET", "POST", "OPTIONS"] {
            let asked = [FORM, SPA_ORIGIN, ("access-control-request-method", "POST")];
            let answer = server.send(method, &path, &asked, "").await;
            assert_eq!(reader(&answer), None, "{method} {path}");
        }
    }
    let forged = server.send("POST", "/contoso.test/oauth2/introspect", &[FORM, SPA_ORIGIN], "").await;
    assert_eq!(forged.status, 403);
}

/// A page of an application may send the request as a form in place of a link (OpenID Connect Core 1.0 section
/// 3.1.2.1).
#[tokio::test]
async fn form_of_an_applications_page_begins_a_sign_in() {
    let server = server().await;
    let foreign = [FORM, ("origin", "https://app.test"), ("sec-fetch-site", "cross-site")];
    let begun = server.send("POST", "/contoso.test/oauth2/authorize", &foreign, &encoded(REQUEST)).await;
    assert!(begun.status == 303 && begun.location().starts_with("/contoso.test/sign-in?"), "{}", begun.location());
    let password = server.send("POST", "/contoso.test/password", &foreign, "name=alice&password=x").await;
    assert_eq!(password.status, 403);
}

#[tokio::test]
async fn page_of_a_registered_origin_exchanges_a_code() {
    let server = server().await;
    let request = REQUEST.map(|(name, value)| match name {
        "client_id" => (name, "spa"),
        "redirect_uri" => (name, "https://spa.test/c"),
        "scope" => (name, "openid"),
        _ => (name, value),
    });
    let mut browser = Browser::new(&server);
    browser.sign_in("alice", "").await;
    let answer = browser.get(&format!("/contoso.test/oauth2/authorize?{}", encoded(request))).await;
    let location = answer.location().replace("https://spa.test/c", CALLBACK);
    let answer =
        Answer { headers: [("location".parse().unwrap(), location.parse().unwrap())].into_iter().collect(), ..answer };
    let code = answer.field("code").unwrap();
    let fields = [("grant_type", "authorization_code"), ("client_id", "spa"), ("code", &*code), VERIFIER];
    let fields = encoded(fields.into_iter().chain([("redirect_uri", "https://spa.test/c")]));
    let answer = server.send("POST", "/contoso.test/oauth2/token", &[FORM, SPA_ORIGIN], &fields).await;
    assert_eq!((answer.status, reader(&answer)), (200, Some(SPA_ORIGIN.1)), "{}", answer.body);
}
