//! The MEX document (WS-MetadataExchange): a WSDL with the endpoint at which clients sign in with Negotiate. If the tenant has
//! switched on the endpoint for passwords, the document also has this endpoint.
//!
//! MSAL and ADAL look for a policy with NegotiateAuthentication and a TransportBinding. Then these clients look for the
//! binding that refers to this policy, and for the port of the binding. The address of the port must begin with
//! `https`. So for these clients, the configuration must give the server an `address` that begins with `https`.
//! msodbcsql searches the text of the document for the same parts.

use super::templates;
use crate::app::{App, Shared};
use crate::tenants::Tenant;
use crate::user_name::UserName;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use minijinja::context;

/// `GET /{tenant}/winauth/trust/mex`
pub(super) async fn of_tenant(State(app): State<Shared>, tenant: Tenant) -> Response {
    document(&app, &tenant)
}

/// `GET /trust/mex`
pub(super) async fn of_only_tenant(State(app): State<Shared>) -> Response {
    match app.tenants.of_user(&UserName::Account(String::new())) {
        Some(tenant) => document(&app, &tenant),
        None => (StatusCode::NOT_FOUND, "This server has several tenants: ask for /{tenant}/winauth/trust/mex.\n")
            .into_response(),
    }
}

/// Returns the address of a tenant's MEX document.
pub(super) fn address(app: &App, tenant: &Tenant) -> String {
    format!("{}/mex", trust(app, tenant))
}

/// Returns the public address of the tenant's WS-Trust endpoints, at the host that accepts tickets. The address comes
/// only from the configuration, never from a request.
fn trust(app: &App, tenant: &Tenant) -> String {
    let origin = app.autologon.as_deref().unwrap_or(&app.address);
    format!("{origin}/{}/winauth/trust", tenant.name)
}

fn document(app: &App, tenant: &Tenant) -> Response {
    let trust = trust(app, tenant);
    let with_passwords = tenant.takes_username_tokens;
    match templates::render("mex.xml", context! { trust, with_passwords }) {
        Some(document) => ([(CONTENT_TYPE, "text/xml; charset=utf-8")], document).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
