//! `GET /common/discovery/instance`: says whether an authority belongs to this server, and where the metadata of the authority
//! is. MSAL and ADAL send this request to the host `login.microsoftonline.com`.

use super::codes::Code;
use crate::app::{App, Shared};
use crate::hosts::host_of;
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

pub(super) async fn answer(State(app): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let asked = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "authorization_endpoint");
    let Some((host, tenant)) = asked.as_ref().and_then(|(_, address)| authority(&app, address)) else {
        let (code, text) = (Code::UnknownInstance.number(), Code::UnknownInstance.text(None));
        let body = json!({ "error": "invalid_instance", "error_description": text, "error_codes": [code] });
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    };
    Json(json!({
        "tenant_discovery_endpoint": format!("{}/{tenant}/v2.0/.well-known/openid-configuration", app.address),
        "api-version": "1.1",
        "metadata": [{ "preferred_network": host, "preferred_cache": host, "aliases": [host] }],
    }))
    .into_response()
}

/// Returns the host and the tenant of an authorization endpoint of this server.
fn authority(app: &App, address: &str) -> Option<(String, String)> {
    let (authority, path) = address.strip_prefix("https://")?.split_once('/')?;
    let tenant = path.split('/').next().unwrap_or_default();
    let tenant = if super::is_common(tenant) {
        tenant.to_ascii_lowercase()
    } else {
        app.tenants.of_path(tenant)?.name.to_string()
    };
    app.hosts.contain(authority).then(|| (host_of(authority).to_ascii_lowercase(), tenant))
}
