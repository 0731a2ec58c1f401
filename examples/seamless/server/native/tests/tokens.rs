//! Tests of the token endpoints for native clients, in both versions.

use super::*;
use serde_json::json;

const V1: &str = "/contoso.test/oauth2/token";
const V2: &str = "/contoso.test/oauth2/v2.0/token";
const API: &str = "http://127.0.0.1:8081/api";

/// Returns an assertion that contains only the DesktopSsoToken of a user, as public clients make it.
async fn desktop_sso_token(name: &str) -> String {
    alone(&assertion(name).await)
}

fn alone(assertion: &str) -> String {
    let token = between(assertion, "<DesktopSsoToken>", "</DesktopSsoToken>");
    STANDARD.encode(format!(
        "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:1.0:assertion\"><DesktopSsoToken>{token}</DesktopSsoToken>\
         </saml:Assertion>"
    ))
}

fn tenant_id() -> String {
    crate::guid::Guid::of_tenant("contoso.test").to_string()
}

fn refused(answer: &(u16, Value), code: u32, what: &str) {
    assert_eq!((answer.0, &answer.1["error_codes"]), (400, &json!([code])), "{what}: {}", answer.1);
}

#[tokio::test]
async fn answer_of_version_1_has_its_numbers_as_text_and_the_claims_that_clients_read() {
    let assertion = desktop_sso_token("alice").await;
    let ignored = [("tbidv2", ""), ("win_ver", "10.0.17763.529"), ("msafed", "0"), ("redirect_uri", "urn:x")];
    let fields: Vec<_> = [GRANT, CLIENT, ("assertion", &*assertion), ("resource", API), ("scope", "openid")]
        .into_iter()
        .chain(ignored)
        .collect();
    let (status, answer) = token_at(V1, &fields).await;
    assert_eq!((status, &answer["expires_in"], &answer["resource"]), (200, &"3600".into(), &API.into()), "{answer}");
    let number = |name: &str| answer[name].as_str().unwrap().parse::<i64>().unwrap();
    assert_eq!((number("expires_on") - number("not_before"), number("ext_expires_in")), (3_600, 3_600));
    let access = claims(&answer["access_token"]);
    assert_eq!(
        (&access["aud"], &access["appid"], &access["tid"]),
        (&API.into(), &"native".into(), &tenant_id().into())
    );
    assert_eq!((&access["scope"], &access["upn"]), (&"api.read openid".into(), &"alice@contoso.test".into()));
    let id = claims(&answer["id_token"]);
    assert_eq!((&id["upn"], &id["tid"]), (&"alice@contoso.test".into(), &tenant_id().into()));
    assert!(answer["refresh_token"].is_string() && access.get("azp").is_none());
}

#[tokio::test]
async fn answer_of_version_2_is_for_the_resource_that_the_scope_names() {
    let assertion = URL_SAFE_NO_PAD.encode(assertion("alice").await);
    let scope = format!("{API}/api.read openid profile offline_access");
    let (status, answer) = token_at(V2, &[GRANT, CLIENT, ("assertion", &assertion), ("scope", &scope)]).await;
    assert_eq!(
        (status, &answer["expires_in"], &answer["ext_expires_in"]),
        (200, &3_600.into(), &3_600.into()),
        "{answer}"
    );
    assert_eq!(
        (&answer["scope"], answer.get("resource")),
        (&format!("{API}/api.read offline_access openid profile").into(), None)
    );
    let access = claims(&answer["access_token"]);
    assert_eq!((&access["aud"], &access["azp"], access.get("appid")), (&API.into(), &"native".into(), None));
    assert_eq!(access["scope"], "api.read offline_access openid profile");
    let refresh = answer["refresh_token"].as_str().unwrap().to_owned();
    let by_refresh = |refresh: String, scope: &str| {
        let scope = scope.to_owned();
        async move {
            let fields = [("grant_type", "refresh_token"), CLIENT, ("refresh_token", &*refresh), ("scope", &*scope)];
            token_at(V2, &fields).await
        }
    };
    let (status, answer) = by_refresh(refresh, &format!("{API}/.default openid")).await;
    assert_eq!((status, &claims(&answer["access_token"])["aud"]), (200, &API.into()), "{answer}");
    assert_eq!(answer["scope"], format!("{API}/api.read openid {API}/.default"));
    let refresh = answer["refresh_token"].as_str().unwrap().to_owned();
    refused(&by_refresh(refresh, "urn:api/api.read").await, 500_011, "another resource");
}

#[tokio::test]
async fn refresh_token_of_version_1_gets_an_answer_in_the_form_of_the_endpoints_version() {
    let assertion = desktop_sso_token("bob").await;
    let first = token_at(V1, &[GRANT, CLIENT, ("assertion", &assertion), ("resource", "urn:api")]).await.1;
    let mut refresh = first["refresh_token"].as_str().unwrap().to_owned();
    for (path, text) in [(V1, true), ("/common/oauth2/token", true), (V2, false), ("/Common/oauth2/v2.0/token", false)]
    {
        let fields = [("grant_type", "refresh_token"), CLIENT, ("refresh_token", &*refresh)];
        let (status, answer) = token_at(path, &fields).await;
        assert_eq!((status, answer["expires_in"].is_string()), (200, text), "{path}: {answer}");
        assert_eq!(claims(&answer["access_token"])["aud"], "urn:api");
        refresh = answer["refresh_token"].as_str().unwrap().to_owned();
    }
    let fields = [("grant_type", "refresh_token"), CLIENT, ("refresh_token", &*refresh), ("resource", API)];
    refused(&token_at(V1, &fields).await, 500_011, "another resource");
}

#[tokio::test]
async fn assertion_and_its_desktop_sso_token_are_redeemed_once_in_total() {
    for first in [true, false] {
        let whole = assertion("carol").await;
        let (alone, whole) = (alone(&whole), STANDARD.encode(&whole));
        let (used, other) = if first { (&alone, &whole) } else { (&whole, &alone) };
        assert_eq!(token(&[GRANT, CLIENT, ("assertion", used)]).await.0, 200);
        for again in [used, other] {
            let answer = token(&[GRANT, CLIENT, ("assertion", again)]).await;
            refused(&answer, 50_013, "a second use");
            assert_eq!(answer.1["error"], "invalid_grant");
        }
    }
}

/// If the server refuses the client or its request, the assertion stays unused.
#[tokio::test]
async fn desktop_sso_token_is_refused_for_an_unregistered_client_or_resource_or_scope() {
    let assertion = desktop_sso_token("dave").await;
    for (path, client, field, code, error) in [
        (V1, "1b730954-1685-4b74-9bfd-dac224a7b894", ("resource", "urn:api"), 700_016, "invalid_client"),
        (V1, "native", ("resource", "https://graph.windows.net"), 500_011, "invalid_target"),
        (V2, "native", ("scope", "https://graph.windows.net/.default"), 500_011, "invalid_target"),
        (V1, "native", ("scope", "openid admin"), 70_011, "invalid_scope"),
        (V2, "native", ("scope", "urn:api/admin"), 70_011, "invalid_scope"),
        (V1, "app", ("resource", "urn:api"), 700_016, "invalid_client"),
        ("/nobody/oauth2/token", "native", ("resource", "urn:api"), 90_002, "invalid_request"),
    ] {
        let answer = token_at(path, &[GRANT, ("client_id", client), ("assertion", &assertion), field]).await;
        refused(&answer, code, client);
        assert_eq!(answer.1["error"], error);
    }
    assert_eq!(token(&[GRANT, CLIENT, ("assertion", &assertion)]).await.0, 200);
}

#[tokio::test]
async fn request_at_common_is_for_the_tenant_that_the_assertion_names() {
    for (path, whole) in
        [("/common/oauth2/token", false), ("/common/oauth2/token", true), ("/organizations/oauth2/v2.0/token", false)]
    {
        let assertion = assertion("erin").await;
        let assertion = if whole { STANDARD.encode(&assertion) } else { alone(&assertion) };
        let (status, answer) = token_at(path, &[GRANT, CLIENT, ("assertion", &assertion)]).await;
        assert_eq!((status, &claims(&answer["id_token"])["tid"]), (200, &tenant_id().into()), "{answer}");
    }
    for assertion in ["AAAA", "", "PGEvPg==", "%"] {
        refused(&token_at("/common/oauth2/token", &[GRANT, CLIENT, ("assertion", assertion)]).await, 50_059, assertion);
    }
    let password = [("grant_type", "password"), CLIENT, ("username", "erin@contoso.test"), ("password", "x")];
    refused(&token_at("/common/oauth2/token", &password).await, 50_059, "another grant");
    refused(&token_at("/organizations/oauth2/v2.0/token", &password).await, 50_059, "another grant");
    let forged = STANDARD.encode(assertion("erin").await.replace("contoso.test\"", "fabrikam.test\""));
    refused(
        &token_at("/common/oauth2/token", &[GRANT, CLIENT, ("assertion", &forged)]).await,
        50_059,
        "another issuer",
    );
}

#[tokio::test]
async fn error_of_a_native_client_has_a_number_and_identifiers_and_a_time() {
    let id = "19ac39db-81d2-4713-8046-b0b7240592be";
    let fields = [GRANT, CLIENT, ("assertion", "AAAA")];
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::post(V1).header("host", "sso.test").header(FORM.0, FORM.1);
    let request = request.header("client-request-id", id).header("return-client-request-id", "true");
    let response = SERVER.0.clone().oneshot(request.body(Body::from(form)).unwrap()).await.unwrap();
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    let (log, repeated) = (header("x-request-id"), header("client-request-id"));
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&*repeated, &answer["correlation_id"]), (id, &id.into()));
    let trace = answer["trace_id"].as_str().unwrap();
    assert_eq!(trace.replace('-', ""), log, "the identifier of the request in the log");
    let time = answer["timestamp"].as_str().unwrap();
    let text = format!(
        "AADSTS50013: the assertion is not XML\r\nTrace ID: {trace}\r\nCorrelation ID: {id}\r\nTimestamp: {time}"
    );
    assert_eq!(answer["error_description"], text);
    assert_eq!((&answer["error_codes"], time.len()), (&json!([50_013]), "2016-01-09 02:02:12Z".len()));
    assert_eq!(answer["error_uri"], "https://login.microsoftonline.com/error?code=50013");
}

/// RFC 6749 section 5.2 allows no line break in a description.
#[tokio::test]
async fn error_of_an_application_has_the_form_of_oauth() {
    let fields = [("grant_type", "authorization_code"), ("client_id", "app"), ("client_secret", "wrong")];
    let (status, answer) = token_at(V1, &fields).await;
    assert_eq!((status, &answer["error"], answer.get("error_codes")), (401, &"invalid_client".into(), None));
    let fields =
        [("grant_type", "authorization_code"), CLIENT, ("code", "x"), ("redirect_uri", "http://127.0.0.1/callback")];
    let (status, answer) = token_at(V1, &fields).await;
    assert_eq!((status, &answer["error"], answer.get("trace_id")), (400, &"invalid_grant".into(), None));
}
