//! Tests of requests that no endpoint takes.

use super::{FORM, Server};

/// The endpoints for clients, which take forms only.
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
