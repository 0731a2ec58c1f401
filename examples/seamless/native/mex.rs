//! The MEX document (WS-MetadataExchange): a WSDL with one endpoint, at which clients sign in with Negotiate.
//!
//! MSAL and ADAL look for a policy with NegotiateAuthentication and a TransportBinding, for the binding that refers to this
//! policy, and for the port of that binding. The address of the port must begin with `https`. msodbcsql searches the text
//! of the document for the same parts.

use super::templates;
use crate::app::{App, Shared};
use crate::tenants::Tenant;
use crate::user_name::UserName;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use minijinja::context;

/// `GET /{tenant}/winauth/trust/mex`
pub(super) async fn of_tenant(State(app): State<Shared>, tenant: Tenant, headers: HeaderMap) -> Response {
    document(&app, &tenant, &headers)
}

/// `GET /trust/mex`
pub(super) async fn of_only_tenant(State(app): State<Shared>, headers: HeaderMap) -> Response {
    match app.tenants.of_user(&UserName::Account(String::new())) {
        Some(tenant) => document(&app, &tenant, &headers),
        None => (StatusCode::NOT_FOUND, "This server has several tenants: ask for /{tenant}/winauth/trust/mex.\n")
            .into_response(),
    }
}

fn document(app: &App, tenant: &Tenant, headers: &HeaderMap) -> Response {
    let address = format!("{}/{}/winauth/trust/2005/windowstransport", outside(app, headers), tenant.name);
    match templates::render("mex.xml", context! { address }) {
        Some(document) => ([(CONTENT_TYPE, "text/xml; charset=utf-8")], document).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Returns the server's address as the client knows it, if the headers of a proxy that ends TLS contain the address.
/// The address is used only in this document, which is returned to the sender of the headers. No token contains the
/// address.
fn outside(app: &App, headers: &HeaderMap) -> String {
    let is_secure = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).filter(|host| is_authority(host));
    host.filter(|_| is_secure).map_or_else(|| app.address.clone(), |host| format!("https://{host}"))
}

fn is_authority(host: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    (1..=MAX_AUTHORITY).contains(&host.len()) && host.bytes().all(is_part)
}

const MAX_AUTHORITY: usize = 260;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_with_or_without_a_port_is_an_authority_and_other_text_is_not() {
        for host in ["h", "sso.test:8443", "[::1]:443", &"h".repeat(MAX_AUTHORITY)] {
            assert!(is_authority(host), "{host}");
        }
        for host in
            ["", "sso.test/", "user@sso.test", "sso test", "h\"><a", "é", &"h".repeat(MAX_AUTHORITY.saturating_add(1))]
        {
            assert!(!is_authority(host), "{host}");
        }
    }
}
