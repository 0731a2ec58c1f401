//! The steps of a sign-in in a browser: by ticket, by password and by one-time code.

use crate::app::{App, Shared};
use crate::browser::{self, not_found, session, unavailable, with_cookie};
use crate::client::Client;
use crate::clock;
use crate::cookies::Cookie;
use crate::destination::Destination;
use crate::directory::{self, Refusal};
use crate::judged::JudgedTicket;
use crate::metrics::SignInMethod;
use crate::native;
use crate::negotiate;
use crate::oidc::{Prompt, TicketUse};
use crate::origin;
use crate::pages::SignInPage;
use crate::principal;
use crate::session::{Method, Session, SessionId, Stage};
use crate::store::StoreError;
use crate::tenants::Tenant;
use crate::user_name::UserName;
use axum::extract::{Form, Query, State};
use axum::http::header::{AUTHORIZATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Json, Redirect, Response};
use kerberos_sso::http::{SignInStep, SignedIn};
use kerberos_sso::{Accepted, Refused, policy::SEAMLESS_SSO_SERVICES};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

#[derive(Deserialize)]
pub(crate) struct Credentials {
    name: String,
    password: Zeroized,
    #[serde(default)]
    request: Option<String>,
}

/// A text whose memory is overwritten when it is dropped.
#[derive(Deserialize)]
#[serde(from = "String")]
struct Zeroized(Zeroizing<String>);

impl From<String> for Zeroized {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

#[derive(Deserialize)]
pub(crate) struct Code {
    code: String,
    #[serde(default)]
    request: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct TestUser {
    #[serde(default)]
    name: String,
    #[serde(default)]
    request: Option<String>,
}

/// The query of the request in the background.
#[derive(Deserialize)]
pub(crate) struct Attempt {
    #[serde(default)]
    request: Option<String>,
    /// Whether the user pressed the button for a ticket.
    #[serde(default)]
    by_user: bool,
}

/// Answers the request that the sign-in page sends in the background. A client whose ticket is refused gets no new challenge,
/// because the browser would then ask its user for a password. A request from a page of another site is refused. Otherwise that
/// page could sign the user in again and again, and the new sessions would end the user's other sessions.
pub(crate) async fn autologon(
    State(app): State<Shared>,
    tenant: Tenant,
    client: Client,
    Query(attempt): Query<Attempt>,
    headers: HeaderMap,
) -> Response {
    if !origin::is_own(&client, &headers) {
        return failed(StatusCode::FORBIDDEN, "other-site", "The request came from a page of another site.");
    }
    let destination = Destination::of_form(&app, &tenant, &headers, attempt.request.as_deref(), clock::now());
    let Ok(destination) = destination else {
        return failed(StatusCode::CONFLICT, "stale-page", "The page is too old. Load the page again.");
    };
    let prompt = destination.application().map(|application| application.conversation.request.prompt);
    if prompt == Some(Prompt::Login) && !attempt.by_user {
        let text = "The application asked for a new sign-in, so a ticket is used only after a press of the button.";
        return failed(StatusCode::FORBIDDEN, "login-prompt", text);
    }
    let step = negotiate::decide(&app, &tenant, &client, SignInMethod::Ticket, &headers).await;
    let answer = negotiate::headers(&app, &step).await;
    match step {
        SignInStep::SignedIn(signed_in) => {
            let mut response = by_ticket(&app, &tenant, &client, &headers, &destination, &signed_in).await;
            response.headers_mut().extend(answer);
            response
        }
        other => {
            let status = StatusCode::from_u16(other.status()).unwrap_or(StatusCode::FORBIDDEN);
            let (code, check) = reason(&other);
            let mut response = failed(status, code, check);
            response.headers_mut().extend(answer);
            remember_failure(&app, &other, &mut response);
            response
        }
    }
}

/// Begins the session of a user whose ticket was accepted.
async fn by_ticket(
    app: &App,
    tenant: &Tenant,
    client: &Client,
    headers: &HeaderMap,
    destination: &Destination,
    signed_in: &SignedIn,
) -> Response {
    let accepted = signed_in.accepted();
    if !tenant.takes_tickets_of(&accepted.identity().to_owned()) {
        let user = principal::with_sid(&accepted.identity().to_owned());
        tracing::info!(tenant = %tenant.name, %user, "no sign-in by ticket: the user is in none of the groups of `ticket_groups`");
        let text = "Your organisation has not switched on the sign-in by ticket for your account.";
        return failed(StatusCode::FORBIDDEN, "not-in-group", text);
    }
    match begin(app, tenant, accepted, Method::Kerberos, destination, headers).await {
        Ok((id, stage)) => {
            keep_ticket(app, &id, headers, client);
            let body = json!({
                "signed_in": stage == Stage::SignedIn,
                "proof_required": stage == Stage::AwaitsProof,
            });
            let mut response = (signed_in_cookies(app, tenant, &id), Json(body)).into_response();
            let forget = app.cookies.clear(Cookie::NoTicket);
            if let Some(cookie) = forget {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            response
        }
        Err(_) => {
            failed(StatusCode::SERVICE_UNAVAILABLE, "no-store", "The server cannot begin a session at the moment.")
        }
    }
}

/// Returns an answer for the page's script, which writes the code and the text to the browser's console.
fn failed(status: StatusCode, code: &str, check: &str) -> Response {
    let body: Value = json!({ "signed_in": false, "code": code, "check": check });
    (status, Json(body)).into_response()
}

/// Returns the code of a step that does not sign the user in, and what to check. A user may read this text.
fn reason(step: &SignInStep) -> (&'static str, &'static str) {
    match step {
        SignInStep::FallBack(refused) => (refused.code(), refused_check(refused)),
        _ => (
            "no-ticket",
            "The browser sent no ticket. Check that the user signed in to Windows with a domain account, that this address is in \
             the browser's intranet zone, and that the computer reaches a domain controller.",
        ),
    }
}

fn refused_check(refused: &Refused) -> &'static str {
    match refused.code() {
        "ntlm" => {
            "The browser sent NTLM. Check that this address is in the intranet zone, and that the computer is in the domain."
        }
        "clock-skew" => "The clock of this computer or of the server is wrong.",
        _ => {
            "The server refused the ticket. The server's log has the reason under this request's id. `klist purge` gets new tickets."
        }
    }
}

/// Keeps in a cookie that a try with a ticket failed. The cookie comes with the challenge, too, and goes with a session.
fn remember_failure(app: &App, step: &SignInStep, response: &mut Response) {
    if !matches!(step, SignInStep::Continue(_)) {
        if let Some(cookie) = app.cookies.set(Cookie::NoTicket, "1", NO_TICKET_TIME) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
}

pub(crate) async fn password(
    State(app): State<Shared>,
    tenant: Tenant,
    client: Client,
    headers: HeaderMap,
    Form(credentials): Form<Credentials>,
) -> Response {
    let destination = Destination::of_form(&app, &tenant, &headers, credentials.request.as_deref(), clock::now());
    let destination = match destination {
        Ok(destination) => destination,
        Err(response) => return response,
    };
    let page = |status, error| {
        let (name, ticket) = (credentials.name.as_str(), TicketUse::No);
        let page = SignInPage { tenant: &tenant, name, error: Some(error), ticket, destination: &destination };
        app.pages.sign_in(status, &page)
    };
    let Some(user) = UserName::parse(&credentials.name) else {
        return page(StatusCode::BAD_REQUEST, "Please check the name.");
    };
    if app.tenants.is_of_another(&user, &tenant) {
        return page(StatusCode::FORBIDDEN, "That name is of another organisation. Please start again with that name.");
    }
    let verdict = directory::sign_in(&app.lockout, &tenant, &user, &credentials.password.0, client.address).await;
    app.metrics.signed_in(SignInMethod::Password, verdict.as_ref().err().map_or("accepted", Refusal::code));
    match verdict {
        Ok(accepted) => match begin(&app, &tenant, &accepted, Method::Password, &destination, &headers).await {
            Ok((id, _)) => (signed_in_cookies(&app, &tenant, &id), Redirect::to(&destination.path())).into_response(),
            Err(response) => response,
        },
        Err(refusal) => page(refusal.status(), refusal.text()),
    }
}

impl From<Method> for SignInMethod {
    fn from(method: Method) -> Self {
        match method {
            Method::Kerberos => Self::Ticket,
            Method::Password => Self::Password,
            Method::TestTicket => Self::TestTicket,
        }
    }
}

/// Begins a session in place of the browser's old session. The session waits if the user must enter a one-time code.
/// Returns the page for the user if the store cannot be asked.
async fn begin(
    app: &App,
    tenant: &Tenant,
    accepted: &Accepted,
    method: Method,
    destination: &Destination,
    headers: &HeaderMap,
) -> Result<(SessionId, Stage), Response> {
    let (identity, now) = (accepted.identity().to_owned(), clock::now());
    let stage = if tenant.proofs.are_needed(identity.sid) { Stage::AwaitsProof } else { Stage::SignedIn };
    // The KDC issued the ticket of a password a moment ago, with its own clock.
    let authenticated = if method == Method::Password { now } else { accepted.ticket().auth_time() };
    let session = Session::new(&tenant.name, &identity, method, authenticated, destination.conversation_id());
    let old = browser::session(app, headers).await;
    // The applications of the same user go on, and those of another user end.
    let (session, is_same) = match &old {
        Some((_, old, Stage::SignedIn)) if session.is_of_user_of(old) => (session.after(old), true),
        _ => (session, false),
    };
    let id = app.sessions.begin(Arc::new(session), stage, now).await.map_err(|error| unavailable(app, &error))?;
    app.metrics.session_began(method.into());
    if let Some((old, ..)) = old {
        app.judged.forget(&old);
        // If the store cannot be asked, the old session goes on until its end, without a browser that has its cookie.
        let ended = if is_same { app.sessions.replace(&old, now).await } else { app.sessions.end(&old, now).await };
        count_end(app, &ended);
    }
    Ok((id, stage))
}

fn count_end(app: &App, ended: &Result<Option<Arc<Session>>, StoreError>) {
    if matches!(ended, Ok(Some(_))) {
        app.metrics.session_ended();
    }
}

/// Ends the session of a browser.
pub(crate) async fn end_of_browser(app: &App, headers: &HeaderMap) -> Result<Option<Arc<Session>>, StoreError> {
    let Some(id) = app.cookies.session_id(headers) else { return Ok(None) };
    app.judged.forget(&id);
    let ended = app.sessions.end(&id, clock::now()).await;
    count_end(app, &ended);
    let ended = ended?;
    if let Some(session) = &ended {
        let user = principal::of_session(&session.identity);
        tracing::info!(tenant = %session.tenant, user, "signed out");
    }
    Ok(ended)
}

/// Keeps the ticket in `ticket` for `/explain/own` if the server serves that page to `client`. A message
/// that continues a negotiation is not kept, because it cannot be explained without the messages before it.
fn keep_ticket(app: &App, id: &SessionId, ticket: &HeaderMap, client: &Client) {
    let goes_on = app.cookies.find(ticket, Cookie::Continuation).is_some();
    let mut values = ticket.get_all(AUTHORIZATION).iter();
    if let (Some(value), None, true, false) = (values.next(), values.next(), native::explains(app, client), goes_on) {
        let authorization = value.as_bytes().to_vec().into();
        app.judged.keep(id, JudgedTicket { authorization, at: clock::now() });
    }
}

/// Checks the one-time code. A correct code ends the session and begins a session with another id.
pub(crate) async fn proof(
    State(app): State<Shared>,
    headers: HeaderMap,
    Form(Code { code, request }): Form<Code>,
) -> Response {
    let Some((id, session, _)) = session(&app, &headers).await.filter(|(_, session, _)| !session.is_proved) else {
        return Redirect::to("/").into_response();
    };
    let Some(tenant) = app.tenants.get(&session.tenant) else { return Redirect::to("/").into_response() };
    let now = clock::now();
    let destination = match Destination::of_form(&app, &tenant, &headers, request.as_deref(), now) {
        Ok(destination) => destination,
        Err(response) => return response,
    };
    match tenant.proofs.check(&app.records, &tenant.name, session.identity.sid, &code, now).await {
        Ok(true) => {}
        Ok(false) => {
            let user = principal::of_session(&session.identity);
            tracing::warn!(tenant = %session.tenant, user, "the one-time code is refused");
            let error = Some("That code is not right, or no longer. Enter the one your app shows now.");
            return app.pages.proof(StatusCode::FORBIDDEN, &session, error, &destination);
        }
        Err(error) => return unavailable(&app, &error),
    }
    match proved(&app, &id).await {
        Ok(Some(new)) => (session_cookie(&app, &new), Redirect::to(&destination.path())).into_response(),
        // Another request with the same cookie and code has come first, and has the new cookie.
        Ok(None) => Redirect::to(&destination.path()).into_response(),
        Err(error) => unavailable(&app, &error),
    }
}

/// Ends a session without a one-time code and begins a session with another cookie.
async fn proved(app: &App, waiting: &SessionId) -> Result<Option<SessionId>, StoreError> {
    let now = clock::now();
    let Some(session) = app.sessions.replace(waiting, now).await? else { return Ok(None) };
    let new = app.sessions.begin(Arc::new(session.proved()), Stage::SignedIn, now).await?;
    app.judged.rename(waiting, &new);
    Ok(Some(new))
}

/// Signs in with a ticket that the server itself makes, in the built-in test realm only.
pub(crate) async fn test_ticket(
    State(app): State<Shared>,
    client: Client,
    headers: HeaderMap,
    Form(user): Form<TestUser>,
) -> Response {
    let tenant = app.tenants.test_tenant();
    let Some((tenant, realm)) = tenant.as_ref().and_then(|tenant| Some((tenant, tenant.test_realm.as_ref()?))) else {
        return not_found(State(app)).await;
    };
    let destination = match Destination::of_form(&app, tenant, &headers, user.request.as_deref(), clock::now()) {
        Ok(destination) => destination,
        Err(response) => return response,
    };
    let account = test_account(&user.name);
    let service = SEAMLESS_SSO_SERVICES.first().copied().unwrap_or_default();
    let value = realm.ticket_for(&account).service(service).at(clock::now()).mutual().header();
    let authorization = HeaderValue::try_from(value).map(|value| (AUTHORIZATION, value)).into_iter().collect();
    match negotiate::decide(&app, tenant, &client, SignInMethod::TestTicket, &authorization).await {
        SignInStep::SignedIn(signed_in) => {
            let method = Method::TestTicket;
            match begin(&app, tenant, signed_in.accepted(), method, &destination, &headers).await {
                Ok((id, _)) => {
                    keep_ticket(&app, &id, &authorization, &client);
                    (signed_in_cookies(&app, tenant, &id), Redirect::to(&destination.path())).into_response()
                }
                Err(response) => response,
            }
        }
        _ => app.pages.message(StatusCode::FORBIDDEN, "The ticket was refused", "The log of the server says why."),
    }
}

/// Returns the account for which the server makes a test ticket.
pub(crate) fn test_account(name: &str) -> String {
    UserName::parse(name).map_or_else(|| "alice".into(), UserName::into_account)
}

fn session_cookie(app: &App, id: &SessionId) -> HeaderMap {
    with_cookie(app.cookies.set(Cookie::Session, &id.to_string(), app.sessions.lifetime()))
}

/// Returns the cookies after a sign-in: the session, and the tenant for the next sign-in.
fn signed_in_cookies(app: &App, tenant: &Tenant, id: &SessionId) -> HeaderMap {
    let mut headers = session_cookie(app, id);
    let tenant = app.cookies.set(Cookie::Tenant, &tenant.name, TENANT_TIME);
    if let Some(cookie) = tenant {
        headers.append(SET_COOKIE, cookie);
    }
    headers
}

/// The time for which a browser does not try a ticket again after a try that failed.
pub(crate) const NO_TICKET_TIME: Duration = Duration::from_mins(10);

/// The time for which a browser remembers the tenant of its last sign-in.
const TENANT_TIME: Duration = Duration::from_hours(365 * 24);
