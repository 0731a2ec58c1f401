//! `POST /{tenant}/winauth/trust/2005/windowstransport`: answers a ticket and a RequestSecurityToken with a SAML assertion,
//! which contains a DesktopSsoToken.
//!
//! A client without a ticket gets 401 with a challenge and a fault. A client whose ticket is refused gets 403. A request that
//! cannot be read gets 400 (SOAP 1.2 part 2 section 7.5.2.2).

use super::assertion::{self, Issuer, Method, SignIn, Subject, instant};
use super::codes::Code;
use super::fault::{Fault, soap};
use super::rst::{AUDIENCE, Request};
use super::soap_request::SoapRequest;
use super::{in_background, templates};
use crate::app::{App, Shared};
use crate::client::Client;
use crate::metrics::SignInMethod;
use crate::negotiate::{self, StateIn};
use crate::tenants::Tenant;
use crate::{clock, principal};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use kerberos_sso::http::{SignInStep, SignedIn};
use kerberos_sso::{SessionIdentity, UnixTime};
use minijinja::{Value, context};

pub(super) async fn issue(
    State(app): State<Shared>,
    client: Client,
    headers: HeaderMap,
    request: Result<SoapRequest, Fault>,
) -> Response {
    let request = match request {
        Ok(request) => request,
        Err(fault) => return fault.respond(HeaderMap::new()),
    };
    if let Err(fault) = request.refuse_ticket_of(&request.domain) {
        return fault.respond(HeaderMap::new());
    }
    let step =
        negotiate::decide(&app, &request.tenant, &client, SignInMethod::WsTrust, &headers, StateIn::Cookie).await;
    let answered = match &step {
        SignInStep::SignedIn(signed_in) => answer(&app, &request, signed_in).await,
        SignInStep::FallBack(refused) => Err(Fault::authentication(StatusCode::FORBIDDEN, Code::of_ticket(refused))),
        _ => Err(Fault::authentication(StatusCode::UNAUTHORIZED, Code::NoAuthorizationHeader)),
    };
    let headers = negotiate::headers(&app, &step, StateIn::Cookie).await;
    match answered {
        Ok(envelope) => {
            let mut response = soap(StatusCode::OK, envelope);
            response.headers_mut().extend(headers);
            response
        }
        Err(fault) => fault.respond(headers),
    }
}

async fn answer(app: &App, request: &SoapRequest, signed_in: &SignedIn) -> Result<String, Fault> {
    let rst = Request::parse(request.body())?;
    let identity = signed_in.identity().to_session();
    if !request.tenant.takes_tickets_of(&identity) {
        let fault = Fault::authentication(StatusCode::FORBIDDEN, Code::TenantIsNotOptIn);
        return Err(fault.because("The organisation has not switched on the sign-in by ticket for this account."));
    }
    let subject = subject(&request.tenant, &identity, StatusCode::FORBIDDEN)?;
    request.refuse_ticket_of(subject.domain())?;
    let authenticated = signed_in.accepted().ticket().auth_time();
    respond(app, &request.tenant, rst, SignIn { subject, method: Method::Ticket, authenticated }).await
}

/// Returns the claims about a user who signed in. A WS-Trust endpoint cannot ask for a one-time code, so it refuses
/// users who must enter a code. These users must sign in with a browser instead.
pub(super) fn subject(tenant: &Tenant, identity: &SessionIdentity, refused: StatusCode) -> Result<Subject, Fault> {
    let subject = Subject::new(identity).ok_or(Fault::authentication(refused, Code::NoUser))?;
    if tenant.proofs.are_needed(identity.sid) {
        let user = principal::with_sid(identity);
        tracing::warn!(tenant = %tenant.name, %user, "no assertion: this user must also enter a one-time code");
        return Err(Fault::authentication(refused, Code::ProofNeeded));
    }
    Ok(subject)
}

/// Returns the envelope with an assertion for a sign-in.
pub(super) async fn respond(app: &App, tenant: &Tenant, rst: Request, sign_in: SignIn) -> Result<String, Fault> {
    let now = clock::now();
    let keys = tenant.signing.keys(now).await.map_err(|_| Fault::unavailable())?.rs256;
    let (name, secret, tenant) = (app.issuer(tenant), app.records.secret().clone(), tenant.name.clone());
    let issue = move || {
        let issuer = Issuer { tenant: &tenant, name: &name, secret: &secret };
        assertion::issue(keys.current(now)?, issuer, &sign_in, now)
    };
    let made = in_background(issue).await.ok().flatten();
    let made = made.ok_or_else(|| Fault::authentication(StatusCode::FORBIDDEN, Code::NoUser))?;
    envelope(&rst, made, now).ok_or_else(Fault::unavailable)
}

pub(super) fn envelope(rst: &Request, made: assertion::Issued, now: UnixTime) -> Option<String> {
    let values = context! {
        relates_to => rst.message_id.as_deref().unwrap_or_default(),
        audience => AUDIENCE,
        id => made.id,
        now => made.now,
        soon => instant(now.saturating_add_seconds(MESSAGE_LIFETIME)),
        end => made.end,
        assertion => Value::from_safe_string(made.xml),
    };
    templates::render("rstr.xml", values)
}

/// The time between the two times in a response's time stamp, in seconds.
const MESSAGE_LIFETIME: i64 = 5 * 60;
