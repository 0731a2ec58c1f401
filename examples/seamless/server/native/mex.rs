//! The MEX document (WS-MetadataExchange): a WSDL with one endpoint, at which clients sign in with Negotiate.
//!
//! MSAL and ADAL look for a policy with NegotiateAuthentication and a TransportBinding, for the binding that refers to this
//! policy, and for the port of that binding. The address of the port must begin with `https`. So the configuration of a
//! server for these clients must name the server's `address`. msodbcsql searches the text of the document for the same parts.

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

/// Returns the document with the server's public address. A request has no influence on the address.
fn document(app: &App, tenant: &Tenant) -> Response {
    let address = format!("{}/{}/winauth/trust/2005/windowstransport", app.address, tenant.name);
    match templates::render("mex.xml", context! { address }) {
        Some(document) => ([(CONTENT_TYPE, "text/xml; charset=utf-8")], document).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
