//! Tests of the endpoints that tell clients how the users of a domain sign in. The golden files have the shape that
//! public clients read.

use super::*;
use serde_json::json;

const LITERAL: &str = r#"{"DesktopSsoEnabled":true,"UserTenantBranding":null,"DomainType":3}"#;

fn credential_type(login: &str) -> (&'static str, String, String) {
    ("POST", "/common/GetCredentialType".into(), json!({ "username": login, "checkPhones": true }).to_string())
}

fn requests(login: &str) -> [(&'static str, String, String); 5] {
    let get = |path: String| ("GET", path, String::new());
    [
        credential_type(login),
        get(format!("/common/userrealm/{login}?api-version=1.0")),
        get(format!("/common/UserRealm/{login}?api-version=2.0")),
        get(format!("/GetUserRealm.srf?login={login}")),
        get(format!("/GetUserRealm.srf?login={login}&xml=1")),
    ]
}

async fn answers(login: &str) -> Vec<String> {
    let mut answers = Vec::new();
    for (method, path, body) in requests(login) {
        let (status, _, answer) = send(method, &path, &[], body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answers.push(answer);
    }
    answers
}

#[tokio::test]
async fn answers_about_a_managed_or_federated_or_unknown_domain_equal_the_golden_files() {
    for (login, golden) in [
        (
            "info@contoso.test",
            [
                include_str!("../golden/credential-type-managed.json"),
                include_str!("../golden/user-realm-1-managed.json"),
                include_str!("../golden/user-realm-2-managed.json"),
                include_str!("../golden/realm-info-managed.json"),
                include_str!("../golden/realm-info-managed.xml"),
            ],
        ),
        (
            "info@partner.test",
            [
                include_str!("../golden/credential-type-federated.json"),
                include_str!("../golden/user-realm-1-federated.json"),
                include_str!("../golden/user-realm-2-federated.json"),
                include_str!("../golden/realm-info-federated.json"),
                include_str!("../golden/realm-info-federated.xml"),
            ],
        ),
        (
            "info@unknown.test",
            [
                include_str!("../golden/credential-type-unknown.json"),
                include_str!("../golden/user-realm-1-unknown.json"),
                include_str!("../golden/user-realm-2-unknown.json"),
                include_str!("../golden/realm-info-unknown.json"),
                include_str!("../golden/realm-info-unknown.xml"),
            ],
        ),
    ] {
        for (found, expected) in answers(login).await.iter().zip(golden) {
            assert_eq!(found.trim_end(), expected.trim_end(), "{login}");
        }
    }
}

/// The test realm has an account for every valid account name.
#[tokio::test]
async fn answers_about_two_users_of_a_domain_differ_in_their_names_only() {
    for domain in ["contoso.test", "partner.test", "unknown.test"] {
        let of = async |user: &str| {
            let login = format!("{user}@{domain}");
            answers(&login).await.iter().map(|answer| answer.replace(&login, "LOGIN")).collect::<Vec<_>>()
        };
        let first = of("alice").await;
        for user in ["no-such-user", "nn", "administrator", "krbtgt", "olga"] {
            assert_eq!(of(user).await, first, "{user}@{domain}");
        }
    }
}

#[tokio::test]
async fn text_that_a_client_searches_for_is_in_the_answer_about_a_managed_domain_only() {
    for (login, is_there) in [("nn@contoso.test", true), ("nn@partner.test", false), ("nn@unknown.test", false)] {
        let (method, path, body) = credential_type(login);
        assert_eq!(send(method, &path, &[], body).await.2.contains(LITERAL), is_there, "{login}");
    }
}

#[tokio::test]
async fn name_without_a_domain_is_unknown_and_markup_in_a_name_is_escaped() {
    for login in ["alice", "CONTOSO\\alice", "", "@contoso.test"] {
        let (method, path, body) = credential_type(login);
        let answer = send(method, &path, &[], body).await.2;
        assert!(answer.contains("\"IfExistsResult\":1") && answer.contains("\"DomainType\":1"), "{login}: {answer}");
    }
    let path = "/GetUserRealm.srf?login=%3Ca%3E%26%22@contoso.test&xml=1";
    let answer = send("GET", path, &[], "").await.2;
    assert!(answer.contains("<Login>&#60;a&#62;&#38;&#34;@contoso.test</Login>"), "{answer}");
    assert_eq!(send("GET", "/GetUserRealm.srf?login=%00@contoso.test&xml=1", &[], "").await.0, 400);
}

#[tokio::test]
async fn request_with_any_media_type_is_answered_and_request_without_a_name_or_from_a_page_is_refused() {
    let (method, path, body) = credential_type("info@contoso.test");
    for headers in [&[][..], &[("content-type", "text/plain")], &[FORM], &[("content-type", "application/json")]] {
        assert_eq!(send(method, &path, headers, body.clone()).await.0, 200, "{headers:?}");
    }
    for body in ["", "{}", "[1]", "{\"username\":\"a\",\"UserName\":\"b\"}", "{\"username\":null}"] {
        assert_eq!(send(method, &path, &[], body).await.0, 400, "{body}");
    }
    for header in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        assert_eq!(send(method, &path, &[header], body.clone()).await.0, 403, "{header:?}");
    }
    assert_eq!(send("GET", "/common/userrealm/a@contoso.test?api-version=9", &[], "").await.0, 400);
    assert_eq!(send("GET", "/GetUserRealm.srf", &[], "").await.0, 400);
}

#[tokio::test]
async fn metadata_equals_the_golden_files() {
    let authority = "https%3A%2F%2Fsso.test%2Fcontoso.test%2Foauth2%2Fv2.0%2Fauthorize";
    for (path, golden) in [
        ("/contoso.test/winauth/trust/mex".into(), include_str!("../golden/mex.xml")),
        (
            "/contoso.test/v2.0/.well-known/openid-configuration".into(),
            include_str!("../golden/openid-configuration-2.json"),
        ),
        (
            format!("/common/discovery/instance?api-version=1.1&authorization_endpoint={authority}"),
            include_str!("../golden/instance.json"),
        ),
    ] {
        assert_eq!(send("GET", &path, &[], "").await.2.trim_end(), golden.trim_end(), "{path}");
    }
}

#[tokio::test]
async fn authority_of_this_server_has_metadata_and_another_authority_is_invalid() {
    let ask = async |endpoint: &str| {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("api-version", "1.1"), ("authorization_endpoint", endpoint)])
            .finish();
        let (status, _, body) = send("GET", &format!("/common/discovery/instance?{query}"), &[], "").await;
        (status, serde_json::from_str::<Value>(&body).unwrap())
    };
    for (tenant, expected) in [("contoso.test", "contoso.test"), ("CONTOSO.test", "contoso.test"), ("common", "common")]
    {
        let (status, answer) = ask(&format!("https://sso.test/{tenant}/oauth2/v2.0/authorize")).await;
        let metadata = format!("http://sso.test/{expected}/v2.0/.well-known/openid-configuration");
        assert_eq!((status, &answer["tenant_discovery_endpoint"]), (200, &metadata.into()), "{tenant}");
        assert_eq!(answer["metadata"][0]["aliases"], json!(["sso.test"]));
    }
    for endpoint in [
        "https://evil.example/contoso.test/oauth2/authorize",
        "https://sso.test/nobody/x",
        "http://sso.test/contoso.test/x",
        "x",
    ] {
        let (status, answer) = ask(endpoint).await;
        assert_eq!((status, &answer["error"]), (400, &"invalid_instance".into()), "{endpoint}");
    }
}

#[tokio::test]
async fn metadata_of_version_2_has_the_endpoints_of_version_2_and_the_same_issuer() {
    let guid = crate::guid::Guid::of_tenant("contoso.test").to_string();
    for name in ["contoso.test", &*guid, "partner.test", "common", "Organizations"] {
        let body = send("GET", &format!("/{name}/v2.0/.well-known/openid-configuration"), &[], "").await.2;
        let metadata: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(metadata["issuer"], "http://sso.test/contoso.test");
        for (field, path) in
            [("authorization_endpoint", "authorize"), ("token_endpoint", "token"), ("end_session_endpoint", "logout")]
        {
            assert_eq!(metadata[field], format!("http://sso.test/contoso.test/oauth2/v2.0/{path}"), "{name}");
        }
    }
    for path in ["/nobody/v2.0/.well-known/openid-configuration", "/nobody/.well-known/openid-configuration"] {
        assert_eq!(send("GET", path, &[], "").await.0, 404);
    }
    let first = send("GET", &format!("/{guid}/.well-known/openid-configuration"), &[], "").await.2;
    assert!(first.contains("http://sso.test/contoso.test/oauth2/token\""), "{first}");
}
