//! `GET /common/userrealm/{user}?api-version=1.0` or `2.0`: names the service that signs in the users of a domain.
//!
//! MSAL and ADAL use version 1.0. MSAL and ADAL continue with WS-Trust only if `account_type` is `Federated`.

use super::{CLOUD_AUDIENCE, CLOUD_INSTANCE, mex};
use crate::app::{App, Shared};
use crate::federation::{Namespace, Realm};
use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

/// The answer of version 1.0.
#[derive(Serialize)]
struct Version1<'a> {
    ver: &'static str,
    account_type: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    domain_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    federation_protocol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    federation_metadata_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    federation_active_auth_url: Option<&'a str>,
    cloud_instance_name: &'static str,
    cloud_audience_urn: &'static str,
}

/// The answer of version 2.0.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Version2<'a> {
    name_space_type: &'static str,
    #[serde(rename = "federation_protocol", skip_serializing_if = "Option::is_none")]
    federation_protocol: Option<&'static str>,
    login: &'a str,
    #[serde(rename = "AuthURL", skip_serializing_if = "Option::is_none")]
    auth_url: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    domain_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    federation_brand_name: Option<&'a str>,
    tenant_branding_info: Option<()>,
    #[serde(rename = "cloud_instance_name")]
    cloud_instance_name: &'static str,
}

pub(super) async fn answer(
    State(app): State<Shared>,
    Path(login): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let version = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name.eq_ignore_ascii_case("api-version"));
    let realm = Realm::of(&app.tenants, &login);
    match version.as_ref().map(|(_, version)| version.as_ref()) {
        None | Some("1.0") => Json(Version1::of(&app, &realm)).into_response(),
        Some("2.0" | "2.1") => Json(Version2::of(&realm)).into_response(),
        Some(_) => (StatusCode::BAD_REQUEST, "The api-version is 1.0 or 2.0.\n").into_response(),
    }
}

impl<'a> Version1<'a> {
    /// Returns the answer about a domain. For a managed domain, the answer has the address of the WS-Trust metadata, where a
    /// client finds the endpoint for tickets.
    fn of(app: &App, realm: &'a Realm) -> Self {
        let (protocol, metadata, active) = match &realm.namespace {
            Some(Namespace::Managed(tenant)) => (None, Some(mex::address(app, tenant)), None),
            Some(Namespace::Federated(federation)) => {
                (Some("WSTrust"), Some(federation.metadata_url.clone()), Some(&*federation.active_auth_url))
            }
            None => (None, None, None),
        };
        Self {
            ver: "1.0",
            account_type: realm.namespace_type(),
            domain_name: realm.known_domain(),
            federation_protocol: protocol,
            federation_metadata_url: metadata,
            federation_active_auth_url: active,
            cloud_instance_name: CLOUD_INSTANCE,
            cloud_audience_urn: CLOUD_AUDIENCE,
        }
    }
}

impl<'a> Version2<'a> {
    fn of(realm: &'a Realm) -> Self {
        let federation = realm.federation();
        Self {
            name_space_type: realm.namespace_type(),
            federation_protocol: federation.map(|_| "WSTrust"),
            login: &realm.login,
            auth_url: federation.and_then(|federation| federation.sign_in_url.as_deref()),
            domain_name: realm.known_domain(),
            federation_brand_name: realm.brand(),
            tenant_branding_info: None,
            cloud_instance_name: CLOUD_INSTANCE,
        }
    }
}
