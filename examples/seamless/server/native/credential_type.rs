//! `POST /common/GetCredentialType`: says how the users of a domain sign in. The answer is the same for every user of the
//! domain, whether the user exists or not.
//!
//! Clients send JSON with any media type, and write the field `username` with capital or small letters.

use crate::app::Shared;
use crate::federation::{Namespace, Realm};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::{Map, Value};

/// The answer to a client. Some clients compare parts of the JSON text, so the order of the fields matters.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CredentialType<'a> {
    username: &'a str,
    display: &'a str,
    if_exists_result: u8,
    throttle_status: u8,
    credentials: Credentials<'a>,
    ests_properties: EstsProperties,
    is_signup_disallowed: bool,
    flow_token: &'static str,
    #[serde(rename = "apiCanary")]
    api_canary: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials<'a> {
    pref_credential: u8,
    has_password: bool,
    remote_ngc_params: Option<()>,
    fido_params: Option<()>,
    sas_params: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    federation_redirect_url: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EstsProperties {
    desktop_sso_enabled: bool,
    user_tenant_branding: Option<()>,
    domain_type: u8,
}

pub(super) async fn answer(State(app): State<Shared>, body: Bytes) -> Response {
    match username(&body) {
        Some(login) => Json(CredentialType::of(&Realm::of(&app.tenants, &login))).into_response(),
        None => (StatusCode::BAD_REQUEST, "The body must be a JSON object with one `username`.\n").into_response(),
    }
}

/// Returns the user name of a request, or `None` if the request has no user name or two user names.
fn username(body: &[u8]) -> Option<String> {
    if body.len() > MAX_SIZE {
        return None;
    }
    let fields: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let mut names = fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("username"));
    let (_, name) = names.next().filter(|_| names.next().is_none())?;
    name.as_str().map(Into::into)
}

impl<'a> CredentialType<'a> {
    fn of(realm: &'a Realm) -> Self {
        let (if_exists_result, pref_credential, domain_type) = match &realm.namespace {
            Some(Namespace::Managed(_)) => (EXISTS, BY_PASSWORD, MANAGED),
            Some(Namespace::Federated(_)) => (EXISTS, BY_FEDERATION, FEDERATED),
            None => (UNKNOWN, BY_PASSWORD, NOT_A_DOMAIN),
        };
        let is_managed = domain_type == MANAGED;
        let federation_redirect_url = match &realm.namespace {
            Some(Namespace::Federated(federation)) => federation.sign_in_url.as_deref(),
            _ => None,
        };
        Self {
            username: &realm.login,
            display: &realm.login,
            if_exists_result,
            throttle_status: 0,
            credentials: Credentials {
                pref_credential,
                has_password: is_managed,
                remote_ngc_params: None,
                fido_params: None,
                sas_params: None,
                federation_redirect_url,
            },
            ests_properties: EstsProperties {
                desktop_sso_enabled: is_managed,
                user_tenant_branding: None,
                domain_type,
            },
            is_signup_disallowed: true,
            flow_token: "",
            api_canary: "",
        }
    }
}

/// The values of `IfExistsResult`. The server sends [`EXISTS`] for every name of a known domain, and [`UNKNOWN`] for
/// every other name.
const EXISTS: u8 = 0;
const UNKNOWN: u8 = 1;

/// The values of `PrefCredential`, the way in which the client should sign the user in.
const BY_PASSWORD: u8 = 1;
const BY_FEDERATION: u8 = 4;

/// The values of `DomainType`.
const NOT_A_DOMAIN: u8 = 1;
const MANAGED: u8 = 3;
const FEDERATED: u8 = 4;

/// The largest body, in octets. A usual body has a few hundred octets. A body with a token from an earlier page is
/// longer.
const MAX_SIZE: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::username;

    #[test]
    fn username_is_read_with_capital_or_small_letters_and_a_body_with_two_names_or_no_name_is_refused() {
        for body in
            [r#"{"username": "a@b"}"#, r#"{"Username":"a@b","checkPhones":true}"#, r#"{"USERNAME":"a@b","x":[]}"#]
        {
            assert_eq!(username(body.as_bytes()).as_deref(), Some("a@b"), "{body}");
        }
        for body in
            ["", "{}", "[]", r#"{"username": 1}"#, r#"{"username": "a", "Username": "b"}"#, r#"{"username": "a"#]
        {
            assert_eq!(username(body.as_bytes()), None, "{body}");
        }
        let long = format!(r#"{{"username": "a", "flowToken": "{}"}}"#, "f".repeat(super::MAX_SIZE));
        assert_eq!(username(long.as_bytes()), None);
    }
}
