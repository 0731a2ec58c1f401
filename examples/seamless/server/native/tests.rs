//! Tests of the routes for native clients, with tickets of the built-in test realm.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod discovery;
mod mutations;
mod tokens;
pub(crate) mod username_mixed;
mod windows_transport;
mod wrapping;

pub(crate) use super::username_token::tests::request as with_password;

use super::routes;
use crate::app::App;
use crate::federation::Federation;
use crate::{clock, limits, oidc};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use kerberos_sso::testing::TestRealm;
use serde_json::Value;
use std::sync::{Arc, LazyLock};
use tower::ServiceExt as _;

/// The server that all tests share. A server for each test would be slow, because a server needs about a second to make
/// its keys. A separate thread makes the server, because inside the asynchronous runtime of a test, no second runtime
/// may block.
static SERVER: LazyLock<(Router, TestRealm)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut app = std::thread::spawn(move || runtime.block_on(App::for_tests(None))).join().unwrap();
    app.tenants.require_proof_of("olga");
    app.tenants.federate("partner.test", &partner());
    let realm = app.tenants.get("contoso.test").unwrap().test_realm.unwrap();
    (limits::around(routes().merge(oidc::routes()), Arc::new(app)), realm)
});

fn partner() -> Federation {
    let service = "https://adfs.partner.test/adfs/services/trust";
    Federation {
        metadata_url: format!("{service}/mex"),
        active_auth_url: format!("{service}/2005/usernamemixed"),
        sign_in_url: Some("https://adfs.partner.test/adfs/ls/".into()),
        brand: "Partner & Co".into(),
    }
}

fn ticket(name: &str) -> String {
    let token = SERVER.1.ticket_for(name).service("HTTP/autologon.microsoftazuread-sso.com").at(clock::now());
    token.mutual().header()
}

async fn send(method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> (u16, String, String) {
    let builder = headers
        .iter()
        .fold(Request::builder().method(method).uri(path).header("host", "sso.test"), |it, (k, v)| it.header(*k, *v));
    let response = SERVER.0.clone().oneshot(builder.body(body.into()).unwrap()).await.unwrap();
    let challenge = response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
    let (status, body) = (response.status().as_u16(), to_bytes(response.into_body(), 1 << 20).await.unwrap());
    (status, challenge.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap())
}

async fn trust(authorization: Option<&str>, body: &str) -> (u16, String, String) {
    let mut headers = vec![("content-type", "application/soap+xml; charset=utf-8")];
    headers.extend(authorization.map(|value| ("authorization", value)));
    send("POST", "/contoso.test/winauth/trust/2005/windowstransport", &headers, body.to_owned()).await
}

async fn token(fields: &[(&str, &str)]) -> (u16, Value) {
    token_at("/contoso.test/oauth2/token", fields).await
}

async fn token_at(path: &str, fields: &[(&str, &str)]) -> (u16, Value) {
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let (status, _, body) = send("POST", path, &[FORM], form).await;
    (status, serde_json::from_str(&body).unwrap())
}

/// Returns the claims of a token, without a check of its signature.
fn claims(token: &Value) -> Value {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// Returns the part of `text` between `before` and `after`.
fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    text.split_once(before).unwrap().1.split_once(after).unwrap().0
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

async fn assertion(name: &str) -> String {
    let (status, challenge, envelope) = trust(Some(&ticket(name)), super::rst::RST).await;
    assert_eq!(status, 200, "{envelope}");
    assert!(challenge.starts_with("Negotiate o"), "the server proves itself: {challenge}");
    let (start, end) = (envelope.find("<saml:Assertion").unwrap(), "</saml:Assertion>");
    envelope[start..envelope.find(end).unwrap() + end.len()].to_owned()
}

const GRANT: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:saml1_1-bearer");
const CLIENT: (&str, &str) = ("client_id", "native");

#[tokio::test]
async fn tokens_for_a_ticket_verify_with_the_published_key_set() {
    let assertion = URL_SAFE_NO_PAD.encode(assertion("alice").await);
    let (status, answer) = token(&[GRANT, CLIENT, ("assertion", &assertion), ("resource", "urn:api")]).await;
    assert_eq!((status, &answer["token_type"]), (200, &Value::from("Bearer")));
    let keys: Value = serde_json::from_str(&send("GET", "/contoso.test/discovery/keys", &[], "").await.2).unwrap();
    let key = &keys["keys"][0];
    let decoding = DecodingKey::from_rsa_components(key["n"].as_str().unwrap(), key["e"].as_str().unwrap()).unwrap();
    for (name, audience) in [("access_token", "urn:api"), ("id_token", "native")] {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[audience]);
        validation.set_issuer(&["http://sso.test/contoso.test"]);
        let token = jsonwebtoken::decode::<Value>(answer[name].as_str().unwrap(), &decoding, &validation).unwrap();
        assert_eq!(token.claims["oid"], SERVER.1.user_sid("alice").to_string());
        assert_eq!((&token.claims["upn"], &token.claims["amr"][0]), (&"alice@contoso.test".into(), &"wia".into()));
        assert_eq!(token.header.kid.as_deref(), key["kid"].as_str());
    }
}

#[tokio::test]
async fn used_assertion_or_refresh_token_is_refused() {
    let assertion = STANDARD.encode(assertion("bob").await);
    let fields = [GRANT, CLIENT, ("assertion", &*assertion)];
    let first = token(&fields).await.1["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(token(&fields).await.1["error"], "invalid_grant");
    let refresh = [("grant_type", "refresh_token"), CLIENT, ("refresh_token", &*first)];
    let (status, answer) = token(&refresh).await;
    assert!(status == 200 && answer["refresh_token"] != *first);
    assert_eq!(token(&refresh).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn replayed_ticket_and_ntlm_and_malformed_token_are_refused_without_a_challenge() {
    let header = ticket("carol");
    assert_eq!(trust(None, super::rst::RST).await.0, 401);
    assert_eq!(trust(None, super::rst::RST).await.1, "Negotiate");
    assert_eq!(trust(Some(&header), super::rst::RST).await.0, 200);
    for refused in [&*header, "Negotiate TlRMTVNTUAAB", "Negotiate AAAA", "Negotiate !"] {
        let (status, challenge, body) = trust(Some(refused), super::rst::RST).await;
        assert_eq!((status, &*challenge), (403, ""), "{body}");
        assert!(body.contains("wst:FailedAuthentication"), "{body}");
    }
}

#[tokio::test]
async fn account_that_needs_a_one_time_code_gets_no_assertion() {
    let (status, _, fault) = trust(Some(&ticket("olga")), super::rst::RST).await;
    assert!(status == 403 && fault.contains("wst:FailedAuthentication") && !fault.contains("Assertion"), "{fault}");
}

#[tokio::test]
async fn wrong_trust_request_is_answered_by_a_soap_fault_with_its_code() {
    for (from, to, code) in [
        ("MicrosoftOnline", "other", "wst:InvalidScope"),
        ("trust/RST/Issue", "trust/RST/Renew", "wst:InvalidRequest"),
        ("2003/05/soap-envelope", "2001/12/soap-envelope", "S:VersionMismatch"),
        ("<s:Envelope", "<!DOCTYPE a><s:Envelope", "wst:InvalidRequest"),
        ("<wsa:To s", "<wsa:Unknown s", "S:MustUnderstand"),
    ] {
        let body = super::rst::RST
            .replace(from, to)
            .replace("</wsa:To>", if from == "<wsa:To s" { "</wsa:Unknown>" } else { "</wsa:To>" });
        let (status, _, fault) = trust(Some(&ticket("alice")), &body).await;
        assert_eq!(status, 400);
        assert!(fault.contains(&format!("<S:Value>{code}<")) && fault.contains(">AADSTS81016: "), "{fault}");
    }
}

#[tokio::test]
async fn wrong_token_request_is_answered_by_its_oauth_error_code() {
    let forged = STANDARD.encode(assertion("dave").await.replace("dave@", "admin@"));
    for (fields, code) in [
        (&[][..], "invalid_request"),
        (&[CLIENT], "invalid_request"),
        (&[GRANT, ("assertion", "AAAA")], "invalid_request"),
        (&[GRANT, CLIENT], "invalid_request"),
        (&[GRANT, CLIENT, ("assertion", "")], "invalid_request"),
        (&[GRANT, CLIENT, CLIENT, ("assertion", "AAAA")], "invalid_request"),
        (&[GRANT, CLIENT, ("assertion", "%")], "invalid_grant"),
        (&[GRANT, CLIENT, ("assertion", &*forged)], "invalid_grant"),
        (&[GRANT, CLIENT, ("assertion", "PGEvPg==")], "invalid_grant"),
        (&[("grant_type", "refresh_token"), CLIENT, ("refresh_token", "0")], "invalid_grant"),
        (&[("grant_type", "password"), CLIENT], "unsupported_grant_type"),
    ] {
        let (status, answer) = token(fields).await;
        assert_eq!((status, answer["error"].as_str()), (400, Some(code)), "{fields:?}: {answer}");
    }
}

#[tokio::test]
async fn random_or_long_body_is_answered_by_a_4xx_status() {
    let rubbish = vec![0xFF; 1000];
    for path in ["/contoso.test/winauth/trust/2005/windowstransport", "/contoso.test/oauth2/token", "/explain"] {
        for media_type in ["text/xml", "application/x-www-form-urlencoded", "x", ""] {
            let status = send("POST", path, &[("content-type", media_type)], rubbish.clone()).await.0;
            assert!((400..500).contains(&status), "{path}, {media_type}: {status}");
        }
        let long = send("POST", path, &[("content-type", "text/xml")], vec![b'a'; 200_000]).await.0;
        assert!((400..500).contains(&long), "{path}: {long}");
    }
    assert_eq!(send("GET", "/nobody/winauth/trust/mex", &[], "").await.0, 404);
    assert_eq!(send("POST", "/nobody/oauth2/token", &[], "").await.0, 404);
}

#[tokio::test]
async fn mex_names_the_public_address_whatever_the_request_says() {
    let path = "/winauth/trust/2005/windowstransport</wsa10:Address>";
    for headers in [&[][..], &[("x-forwarded-proto", "https"), ("x-forwarded-host", "evil.example")]] {
        for document in ["/trust/mex", "/contoso.test/winauth/trust/mex"] {
            let body = send("GET", document, headers, "").await.2;
            assert!(
                body.contains(&format!("<wsa10:Address>http://sso.test/contoso.test{path}")),
                "{headers:?}: {body}"
            );
        }
    }
}

#[tokio::test]
async fn explained_ticket_still_signs_in() {
    let header = ticket("erin");
    let escaped = header.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D").replace(' ', "+");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    for _ in 0..2 {
        let (status, _, page) = send("POST", "/explain", &form, format!("token={escaped}")).await;
        assert!(status == 200 && page.contains("Accepted: <strong>erin@CONTOSO.TEST"), "{page}");
    }
    assert_eq!(trust(Some(&header), super::rst::RST).await.0, 200);
    let (_, _, page) = send("POST", "/explain", &form, format!("token={escaped}")).await;
    assert!(page.contains("Accepted"), "the explanation does not ask the replay cache");
}

#[tokio::test]
async fn pasted_text_is_not_repeated_on_the_page() {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let (status, _, page) = send("POST", "/explain", &form, "token=%3Cscript%3Ealert(1)%3C%2Fscript%3E").await;
    assert!(status == 200 && page.contains("This is not a token.") && !page.contains("alert"), "{page}");
}

#[tokio::test]
async fn explanation_is_refused_to_a_request_with_a_proxy_header() {
    assert_eq!(send("GET", "/explain", &[], "").await.0, 200);
    for name in ["x-forwarded-for", "x-forwarded-proto", "forwarded", "via"] {
        let headers = [("content-type", "application/x-www-form-urlencoded"), (name, "192.0.2.1")];
        assert_eq!(send("GET", "/explain", &headers, "").await.0, 403, "{name}");
        assert_eq!(send("POST", "/explain", &headers, "token=x").await.0, 403, "{name}");
    }
}

#[tokio::test]
async fn explanation_is_served_only_if_the_server_explains_tickets() {
    for explains in [false, true] {
        let app = App { explains, ..App::for_tests(None).await };
        let request = Request::post("/explain").header("content-type", "application/x-www-form-urlencoded");
        let request = request.header("host", "sso.test").body(Body::from("token=x")).unwrap();
        let response = limits::around(routes().merge(oidc::routes()), Arc::new(app)).oneshot(request).await.unwrap();
        assert_eq!(response.status().is_success(), explains);
    }
}
