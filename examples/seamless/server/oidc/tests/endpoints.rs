//! Tests that the endpoints refuse faulty requests, and that the metadata names the endpoints.

use super::{Browser, FORM, REQUEST, Server, encoded};

/// The endpoints for clients, which accept only forms.
const FOR_CLIENTS: [&str; 4] = ["token", "revoke", "introspect", "par"];

#[tokio::test]
async fn request_of_a_wrong_form_gets_a_status_of_4xx() {
    let server = Server::new(|_| {}).await;
    let long = format!("client_id=native&x={}", "a".repeat(128 * 1024));
    for name in FOR_CLIENTS {
        let path = format!("/contoso.test/oauth2/{name}");
        for (method, kind, body, expected) in [
            ("GET", FORM, "", 405),
            ("PUT", FORM, "", 405),
            ("POST", FORM, "", 400),
            ("POST", ("content-type", "application/json"), "{}", 400),
            ("POST", ("content-type", "multipart/form-data"), "x", 400),
            ("POST", FORM, "client_id=native&client_id=native&token=x", 400),
            ("POST", FORM, "client_id=native&token=x&token=y", 400),
            ("POST", FORM, &long, 400),
        ] {
            let answer = server.send(method, &path, &[kind], body).await;
            assert_eq!(answer.status, expected, "{method} {name} {}", body.get(..40).unwrap_or(body));
        }
        let unknown = server.send("POST", &path.replace("contoso", "unknown"), &[FORM], "client_id=native").await;
        assert_eq!(unknown.status, 404, "{name}");
    }
}

/// OpenID Connect Core 1.0 section 3.1.2.1 and RFC 6750 section 2.2: these endpoints accept forms, and no other bodies.
#[tokio::test]
async fn endpoint_for_browsers_or_bearers_refuses_a_wrong_method_or_body_or_size() {
    let server = Server::new(|_| {}).await;
    let long = format!("request=x&x={}", "a".repeat(128 * 1024));
    let json = ("content-type", "application/json");
    for (path, method, kind, body, expected) in [
        ("oauth2/authorize", "PUT", FORM, "", 405),
        ("oauth2/authorize", "POST", json, "{}", 415),
        ("oauth2/authorize", "POST", FORM, &*long, 413),
        ("oauth2/end_session", "PUT", FORM, "", 405),
        ("oauth2/end_session", "POST", json, "{}", 400),
        ("oauth2/end_session", "POST", FORM, &long, 400),
        ("oauth2/end_session", "POST", FORM, "client_id=app&client_id=app", 400),
        ("sign-out", "PUT", FORM, "", 405),
        ("sign-out", "GET", FORM, "", 400),
        ("sign-out", "POST", json, "{}", 415),
        ("sign-out", "POST", FORM, "x=y", 422),
        ("sign-out", "POST", FORM, "request=x&request=x", 422),
        ("sign-out", "POST", FORM, &long, 413),
        ("oauth2/userinfo", "PUT", FORM, "", 405),
        ("oauth2/userinfo", "POST", json, "{\"access_token\":\"x\"}", 401),
        ("oauth2/userinfo", "POST", FORM, "access_token=x&access_token=x", 400),
        ("oauth2/userinfo", "POST", FORM, &long, 413),
        ("oauth2/groups", "POST", FORM, "access_token=x", 405),
        ("discovery/keys", "POST", FORM, "", 405),
        (".well-known/openid-configuration", "POST", FORM, "", 405),
        ("forward-auth", "POST", FORM, "", 405),
        ("forward-auth?mode=redirect&mode=redirect", "GET", FORM, "", 400),
    ] {
        let answer = server.send(method, &format!("/contoso.test/{path}"), &[kind], body).await;
        assert_eq!(answer.status, expected, "{method} {path} {}", body.get(..40).unwrap_or(body));
    }
}

#[tokio::test]
async fn metadata_names_an_endpoint_only_if_the_server_has_it() {
    let server = Server::new(|_| {}).await;
    let document = server.send("GET", "/contoso.test/.well-known/openid-configuration", &[], "").await;
    let document: serde_json::Value = serde_json::from_str(&document.body).unwrap();
    let fields = document.as_object().unwrap();
    let endpoints: Vec<_> =
        fields.iter().filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri").collect();
    assert!(endpoints.len() >= 8, "{endpoints:?}");
    for (name, address) in endpoints {
        let path = address.as_str().unwrap().strip_prefix("http://sso.test").unwrap();
        let statuses =
            [server.send("GET", path, &[], "").await.status, server.send("POST", path, &[FORM], "").await.status];
        assert!(!statuses.contains(&404) && statuses != [405, 405], "{name} {statuses:?}");
    }
}

/// A token for an API refers to the `groups` endpoint if the token's user has too many groups (OpenID Connect Core 1.0
/// section 5.6.2).
#[tokio::test]
async fn groups_are_returned_for_an_access_token_of_any_audience_only_if_it_has_the_scope_groups() {
    let server = Server::new(|_| {}).await;
    let tokens = async |scope: &str, more: &str| {
        let mut browser = Browser::new(&server);
        browser.sign_in("alice", "").await;
        let request = REQUEST.map(|(name, value)| (name, if name == "scope" { scope } else { value }));
        let answer = browser.get(&format!("/contoso.test/oauth2/authorize?{}&{more}", encoded(request))).await;
        server.tokens(&answer).await.1
    };
    let groups = async |token: &serde_json::Value| {
        let bearer = format!("Bearer {}", token.as_str().unwrap());
        let answer = server.send("GET", "/contoso.test/oauth2/groups", &[("authorization", &bearer)], "").await;
        (answer.status, answer.body.contains("S-1-5-21-"))
    };
    let resource = "resource=http%3A%2F%2F127.0.0.1%3A8081%2Fapi";
    for more in ["", resource] {
        assert_eq!(groups(&tokens("openid groups", more).await["access_token"]).await, (200, true), "{more}");
        assert_eq!(groups(&tokens("openid", more).await["access_token"]).await, (403, false), "{more}");
    }
    assert_eq!(groups(&tokens("openid groups", resource).await["id_token"]).await, (401, false));
}
