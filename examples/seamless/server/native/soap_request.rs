//! Reads what both WS-Trust endpoints need from a request: the tenant in the path, and the body. Every refusal is a
//! fault, because clients read each answer as XML.
//!
//! Clients send the body with any media type or none. So a page in a browser could send such a body with a form. The server
//! refuses the request if the headers show that a page sent it.

use super::codes::Code;
use super::fault::Fault;
use super::xml;
use crate::app::{App, Shared};
use crate::federation::Federation;
use crate::tenants::Tenant;
use axum::RequestExt as _;
use axum::body::Bytes;
use axum::extract::{FromRequest, Path, Request};
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, StatusCode};
use zeroize::Zeroizing;

/// A request to a WS-Trust endpoint that no page in a browser has sent.
pub(super) struct SoapRequest {
    pub(super) tenant: Tenant,
    /// The part of the path that names the tenant.
    pub(super) domain: String,
    body: Zeroizing<String>,
}

impl SoapRequest {
    /// Returns the body of the request, without the white space before the XML document.
    pub(super) fn body(&self) -> &str {
        xml::without_leading_blanks(&self.body)
    }

    /// Refuses a ticket for a federated domain, because Seamless SSO does not apply to AD FS. The fault names the domain.
    pub(super) fn refuse_ticket_of(&self, domain: &str) -> Result<(), Fault> {
        self.refuse_federated(domain, |_| false)
    }

    /// Refuses a password for a federated domain whose federation service is not this server.
    pub(super) fn refuse_password_of(&self, app: &App, domain: &str) -> Result<(), Fault> {
        self.refuse_federated(domain, |federation| federation.is_at(app.origins()))
    }

    fn refuse_federated(&self, domain: &str, may_pass: impl Fn(&Federation) -> bool) -> Result<(), Fault> {
        if self.tenant.federation(domain).is_none_or(may_pass) {
            return Ok(());
        }
        let fault = Fault::authentication(StatusCode::FORBIDDEN, Code::TenantIsNotOptIn);
        Err(fault.because(format!("Seamless SSO does not apply to the domain {domain}, which is federated.")))
    }
}

impl FromRequest<Shared> for SoapRequest {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Fault> {
        if is_of_page(request.headers()) {
            return Err(Fault::request(StatusCode::FORBIDDEN, Code::InvalidStsRequest)
                .because("Invalid STS request: it comes from a page."));
        }
        let mut request = request;
        let path = request.extract_parts_with_state::<Path<String>, _>(app).await;
        let unknown = || Fault::request(StatusCode::BAD_REQUEST, Code::NoSuchTenant);
        // The server reads the body before it checks the tenant: a client that waits for "100 Continue" would not read
        // a fault that comes first.
        let body = Bytes::from_request(request, app).await;
        let Path(domain) = path.map_err(|_| unknown())?;
        let tenant = app.tenants.of_path(&domain).ok_or_else(unknown)?;
        let unread = |status| Fault::request(status, Code::InvalidStsRequest);
        let body = body
            .map_err(|_| unread(StatusCode::PAYLOAD_TOO_LARGE).because("Invalid STS request: the body is too long."))?;
        let body = String::from_utf8(body.to_vec());
        let body =
            body.map_err(|_| unread(StatusCode::BAD_REQUEST).because("Invalid STS request: the body is not UTF-8."))?;
        Ok(Self { tenant, domain, body: Zeroizing::new(body) })
    }
}

impl axum::response::IntoResponse for Fault {
    fn into_response(self) -> axum::response::Response {
        self.respond(HeaderMap::new())
    }
}

/// Returns whether a page of a browser sends the request. A browser sends `Origin` with every POST of a page, and most
/// browsers send `Sec-Fetch-Site`.
pub(super) fn is_of_page(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN) || headers.get("sec-fetch-site").is_some_and(|site| site != "none")
}

/// Returns whether a path is that of a WS-Trust endpoint. `origin.rs` passes a request on to these endpoints, because
/// they refuse the requests of pages themselves.
pub(crate) fn is_trust(path: &str) -> bool {
    path.ends_with("/winauth/trust/2005/windowstransport") || path.ends_with("/winauth/trust/2005/usernamemixed")
}
