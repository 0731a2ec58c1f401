//! `POST /{tenant}/winauth/trust/2005/windowstransport`: returns a SAML assertion for a ticket and a RequestSecurityToken.
//!
//! A fault for which the sender is to blame has status 400 (SOAP 1.2 part 2 section 7.5.2.2). A client whose ticket is refused
//! gets 403. A client without a ticket is challenged with 401.

use super::assertion::{self, Subject};
use super::rst::{AUDIENCE, Refusal, Request};
use super::{in_background, templates};
use crate::app::{App, Shared};
use crate::client::Client;
use crate::metrics::SignInMethod;
use crate::tenants::Tenant;
use crate::{clock, negotiate, principal};
use axum::extract::State;
use axum::extract::rejection::StringRejection;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use kerberos_sso::http::{SignInStep, SignedIn};
use minijinja::{Value, context};

pub(super) async fn issue(
    State(app): State<Shared>,
    tenant: Tenant,
    client: Client,
    headers: HeaderMap,
    body: Result<String, StringRejection>,
) -> Response {
    if !is_soap(&headers) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return rejection.into_response(),
    };
    let step = negotiate::decide(&app, &tenant, &client, SignInMethod::WsTrust, &headers).await;
    let mut response = match &step {
        SignInStep::SignedIn(signed_in) => match answer(&app, &tenant, signed_in, &body).await {
            Ok(envelope) => soap(StatusCode::OK, envelope),
            Err(refusal) => fault(refusal),
        },
        SignInStep::FallBack(_) => fault(Refusal::FailedAuthentication),
        _ => StatusCode::UNAUTHORIZED.into_response(),
    };
    response.headers_mut().extend(negotiate::headers(&app, &step).await);
    response
}

/// Returns whether the media type is that of SOAP 1.2 or of XML.
fn is_soap(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    ["application/soap+xml", "text/xml", "application/xml"].iter().any(|taken| media_type.eq_ignore_ascii_case(taken))
}

/// Returns the envelope with an assertion. This route cannot ask for a one-time code, so it refuses users who must enter one.
/// Such a user signs in with a browser.
async fn answer(app: &App, tenant: &Tenant, signed_in: &SignedIn, body: &str) -> Result<String, Refusal> {
    let request = Request::parse(body)?;
    let identity = signed_in.identity().to_owned();
    if tenant.proofs.are_needed(identity.sid) {
        let user = principal::with_sid(&identity);
        tracing::warn!(tenant = %tenant.name, %user, "no assertion: this user must also enter a one-time code");
        return Err(Refusal::ProofRequired);
    }
    let authenticated = signed_in.accepted().ticket().auth_time();
    let subject = Subject::new(&identity).ok_or(Refusal::RequestFailed)?;
    let (issuer, now) = (app.issuer(tenant), clock::now());
    let keys = tenant.signing.keys(now).await.map_err(|_| Refusal::RequestFailed)?;
    let issue = move || assertion::issue(keys.current(now)?, &issuer, &subject, authenticated, now);
    let made = in_background(issue).await.ok().flatten().ok_or(Refusal::RequestFailed)?;
    let values = context! {
        relates_to => request.message_id.unwrap_or_default(),
        audience => AUDIENCE,
        now => made.now,
        end => made.end,
        assertion => Value::from_safe_string(made.xml),
    };
    templates::render("rstr.xml", values).ok_or(Refusal::RequestFailed)
}

fn soap(status: StatusCode, envelope: String) -> Response {
    let headers = [(CONTENT_TYPE, "application/soap+xml; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (status, headers, envelope).into_response()
}

fn fault(refusal: Refusal) -> Response {
    let (code, subcode, reason) = named(refusal);
    let status = if subcode == FAILED_AUTHENTICATION { StatusCode::FORBIDDEN } else { StatusCode::BAD_REQUEST };
    match templates::render("fault.xml", context! { code, subcode, reason }) {
        Some(envelope) => soap(status, envelope),
        None => status.into_response(),
    }
}

/// Returns the code of SOAP 1.2 section 5.4.6, the code of WS-Trust section 10 if there is one, and a sentence.
const fn named(refusal: Refusal) -> (&'static str, &'static str, &'static str) {
    match refusal {
        Refusal::InvalidRequest(reason) => ("Sender", "InvalidRequest", reason),
        Refusal::InvalidScope => {
            ("Sender", "InvalidScope", "Assertions are issued for urn:federation:MicrosoftOnline.")
        }
        Refusal::FailedAuthentication => ("Sender", FAILED_AUTHENTICATION, "The client could not be authenticated."),
        Refusal::ProofRequired => {
            ("Sender", FAILED_AUTHENTICATION, "This account must also enter a one-time code: sign in with a browser.")
        }
        Refusal::RequestFailed => ("Sender", "RequestFailed", "The server cannot make an assertion for this user."),
        Refusal::MustUnderstand => ("MustUnderstand", "", "A header block with mustUnderstand is unknown."),
        Refusal::VersionMismatch => ("VersionMismatch", "", "The envelope is not of SOAP 1.2."),
    }
}

const FAILED_AUTHENTICATION: &str = "FailedAuthentication";
