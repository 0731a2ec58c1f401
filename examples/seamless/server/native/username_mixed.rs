//! `POST /{tenant}/winauth/trust/2005/usernamemixed`: returns a SAML assertion with a DesktopSsoToken for a name and a password.
//!
//! The endpoint is off by default, because an attacker needs no browser to guess passwords at this endpoint. If the tenant
//! switches the endpoint on, the server checks a password as on the sign-in page, with the same throttle, lockout, log and
//! response time. An unknown user and a wrong password get the same response.

use super::assertion::{Method, SignIn};
use super::codes::Code;
use super::fault::{Fault, soap};
use super::rst::Request;
use super::soap_request::SoapRequest;
use super::trust;
use crate::app::{App, Shared};
use crate::client::Client;
use crate::clock;
use crate::directory::{self, Refusal};
use crate::metrics::SignInMethod;
use crate::user_name::UserName;
use axum::extract::State;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

pub(super) async fn issue(State(app): State<Shared>, client: Client, request: Result<SoapRequest, Fault>) -> Response {
    let answered = match request {
        Ok(request) => answer(&app, &client, &request).await,
        Err(fault) => Err(fault),
    };
    match answered {
        Ok(envelope) => soap(StatusCode::OK, envelope),
        Err(fault) => fault.respond(HeaderMap::from_iter([(WWW_AUTHENTICATE, CHALLENGE)])),
    }
}

async fn answer(app: &App, client: &Client, request: &SoapRequest) -> Result<String, Fault> {
    let tenant = &request.tenant;
    if !tenant.takes_username_tokens {
        let fault = Fault::authentication(StatusCode::FORBIDDEN, Code::TenantIsNotOptIn);
        return Err(fault.because("Passwords by usernamemixed are switched off for this tenant."));
    }
    let (rst, token) = Request::parse_with_password(request.body())?;
    let refused = |code| Fault::authentication(StatusCode::UNAUTHORIZED, code);
    let user = UserName::parse(&token.name).ok_or_else(|| refused(Code::WrongPassword))?;
    check_domain(app, request, &user)?;
    let verdict = directory::sign_in(&app.lockout, tenant, &user, &token.password, client.address).await;
    app.metrics.signed_in(SignInMethod::UsernameToken, verdict.as_ref().err().map_or("accepted", Refusal::code));
    let user = verdict.map_err(|refusal| match Code::of_password(&refusal) {
        Code::Unavailable => Fault::unavailable(),
        code => refused(code),
    })?;
    let subject = trust::subject(tenant, &user.identity, StatusCode::UNAUTHORIZED)?;
    request.refuse_password_of(app, subject.domain())?;
    let sign_in = SignIn { subject, method: Method::Password, authenticated: clock::now() };
    trust::respond(app, tenant, rst, sign_in).await
}

/// Refuses a name of another tenant, and a name of a federated domain. The refusals depend only on the domain, so they
/// tell nothing about accounts.
fn check_domain(app: &App, request: &SoapRequest, user: &UserName) -> Result<(), Fault> {
    if app.tenants.is_of_another(user, &request.tenant) {
        return Err(Fault::authentication(StatusCode::UNAUTHORIZED, Code::NoTenantNamed));
    }
    request.refuse_password_of(app, &request.domain)?;
    request.refuse_password_of(app, user.suffix().unwrap_or_default())
}

/// RFC 9110 section 11.6.1 demands a challenge with 401. This scheme makes no client send a ticket or a password by
/// itself.
const CHALLENGE: HeaderValue = HeaderValue::from_static("WSSE profile=\"UsernameToken\"");
