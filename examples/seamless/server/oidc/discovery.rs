//! The documents that clients read about a tenant's issuer: the metadata (OpenID Connect Discovery 1.0 section 3, RFC
//! 8414) and the keys (RFC 7517).

use super::authorization_request::ACR_VALUES;
use super::client_assertion::ALGORITHMS;
use super::client_authentication::METHODS;
use super::clients::GrantType;
use super::scopes::{EMAIL, GROUPS, OFFLINE_ACCESS, OPENID, PROFILE};
use crate::app::{App, Shared};
use crate::clock;
use crate::native;
use crate::signing::SigningAlgorithm;
use crate::tenants::Tenant;
use crate::user_name::UserName;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

/// `GET /{tenant}/discovery/keys`: returns the key that signs, the next key, and the old keys whose signatures may
/// still be in use.
pub(super) async fn key_set(State(_): State<Shared>, tenant: Tenant) -> Result<Json<Value>, StatusCode> {
    let now = clock::now();
    let keys = tenant.signing.keys(now).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(Json(json!({ "keys": keys.public(now).collect::<Vec<_>>() })))
}

/// `GET /{tenant}/.well-known/openid-configuration`
pub(super) async fn metadata(State(app): State<Shared>, tenant: Tenant) -> Json<Value> {
    Json(document(&app, &tenant))
}

/// `GET /{tenant}/v2.0/.well-known/openid-configuration`: the metadata of the same issuer, with the endpoints of
/// version 2, whose scopes name the resource. Each tenant has its own issuer and keys, so the path `/common/…` works
/// only if the server has one tenant.
pub(super) async fn metadata_of_version2(
    State(app): State<Shared>,
    Path(name): Path<String>,
) -> Result<Json<Value>, StatusCode> {
    let only = || app.tenants.of_user(&UserName::Account(String::new()));
    let tenant = if native::is_common(&name) { only() } else { app.tenants.of_path(&name) };
    let tenant = tenant.ok_or(StatusCode::NOT_FOUND)?;
    let (mut document, base) = (document(&app, &tenant), app.issuer(&tenant));
    let endpoints = [("authorization", "authorize"), ("token", "token"), ("end_session", "logout")];
    if let Some(fields) = document.as_object_mut() {
        fields.extend(
            endpoints.map(|(name, path)| (format!("{name}_endpoint"), format!("{base}/oauth2/v2.0/{path}").into())),
        );
    }
    Ok(Json(document))
}

fn document(app: &App, tenant: &Tenant) -> Value {
    let issuer = app.issuer(tenant);
    let endpoint = |name: &str| format!("{issuer}/oauth2/{name}");
    let grants: Vec<_> = tenant.clients.supported_grants().map(GrantType::as_str).collect();
    let algorithms = SigningAlgorithm::ALL.map(SigningAlgorithm::as_str);
    let methods: Vec<_> = METHODS.into_iter().chain(["none"]).collect();
    json!({
        "issuer": issuer,
        "authorization_endpoint": endpoint("authorize"),
        "token_endpoint": endpoint("token"),
        "userinfo_endpoint": endpoint("userinfo"),
        "pushed_authorization_request_endpoint": endpoint("par"),
        "require_pushed_authorization_requests": false,
        "end_session_endpoint": endpoint("end_session"),
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "frontchannel_logout_supported": true,
        "frontchannel_logout_session_supported": true,
        "revocation_endpoint": endpoint("revoke"),
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "introspection_endpoint": endpoint("introspect"),
        "introspection_endpoint_auth_methods_supported": METHODS,
        "introspection_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "jwks_uri": format!("{issuer}/discovery/keys"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": grants,
        "scopes_supported": [OPENID, PROFILE, EMAIL, GROUPS, OFFLINE_ACCESS],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "acr_values_supported": ACR_VALUES,
        "prompt_values_supported": ["none", "login", "select_account"],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "amr", "acr", "sid", "tid", "name",
            "preferred_username", "upn", "oid", "groups",
        ],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    })
}
