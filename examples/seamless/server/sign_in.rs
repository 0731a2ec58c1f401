//! The steps of a sign-in in a browser: by ticket, by password and by one-time code.

use crate::app::{App, Shared};
use crate::authenticated::Authenticated;
use crate::autologon::{self, Autologon};
use crate::browser::{self, not_found, session, unavailable, with_cookie};
use crate::client::Client;
use crate::clock;
use crate::cookies::Cookie;
use crate::destination::Destination;
use crate::directory::{self, Refusal};
use crate::judged::JudgedTicket;
use crate::metrics::SignInMethod;
use crate::native;
use crate::negotiate::{self, StateIn};
use crate::oidc::{self, Frames, TicketUse};
use crate::pages::SignInPage;
use crate::principal;
use crate::session::{Method, Session, SessionId, Stage};
use crate::store::StoreError;
use crate::tenants::Tenant;
use crate::user_name::UserName;
use axum::extract::{Form, State};
use axum::http::header::{AUTHORIZATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use kerberos_sso::http::SignInStep;
use kerberos_sso::policy::SEAMLESS_SSO_SERVICES;
use serde::{Deserialize, Serialize};
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

/// A text whose memory is overwritten when the text is dropped.
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
        let (error, autologon) = (Some(error), &Autologon::default());
        let page = SignInPage { tenant: &tenant, name, error, ticket, destination: &destination, autologon };
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
        Ok(user) => match begin(&app, new_session(&tenant, user, &destination), &headers).await {
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
            Method::Password | Method::PassThrough(_) => Self::Password,
            Method::PasswordHash => Self::PasswordHash,
            Method::TestTicket => Self::TestTicket,
        }
    }
}

/// A session that begins when the browser gets the cookie of the session.
#[derive(Serialize, Deserialize)]
pub(crate) struct NewSession {
    pub(crate) session: Session,
    pub(crate) stage: Stage,
}

/// Returns the session of a user who signed in. If the user must enter a one-time code, the session waits for the code.
pub(crate) fn new_session(tenant: &Tenant, user: Authenticated, destination: &Destination) -> NewSession {
    let stage = if tenant.proofs.are_needed(user.identity.sid) { Stage::AwaitsProof } else { Stage::SignedIn };
    NewSession { session: Session::new(&tenant.name, user, destination.conversation_id()), stage }
}

/// Begins a session in place of the browser's old session. If the store cannot be asked, returns the page that tells
/// the user so.
pub(crate) async fn begin(
    app: &App,
    NewSession { session, stage }: NewSession,
    headers: &HeaderMap,
) -> Result<(SessionId, Stage), Response> {
    let (method, now) = (session.method, clock::now());
    let old = browser::session(app, headers).await;
    // If the same user signs in again, the user's applications stay signed in. If another user signs in, the old user's
    // applications are signed out.
    let (session, is_same) = match &old {
        Some((_, old, Stage::SignedIn)) if session.is_of_user_of(old) => (session.after(old), true),
        _ => (session, false),
    };
    let id = app.sessions.begin(Arc::new(session), stage, now).await.map_err(|error| unavailable(app, &error))?;
    app.metrics.session_began(method.into());
    if let Some((old, ..)) = old {
        app.judged.forget(&old);
        // If the store cannot be asked, the old session stays valid until it ends. But the browser loses the cookie of
        // the old session.
        let ended = if is_same { app.sessions.replace(&old, now).await } else { app.sessions.end(&old, now).await };
        count_end(app, &ended);
        if let Some(ended) = ended.ok().flatten().filter(|_| !is_same) {
            // The browser goes on to a page of this sign-in, which shows no frames. So a client that hears of sign-outs
            // only through frames does not hear that the old session ended.
            oidc::tell_clients(app, &ended).await;
        }
    }
    Ok((id, stage))
}

fn count_end(app: &App, ended: &Result<Option<Arc<Session>>, StoreError>) {
    if matches!(ended, Ok(Some(_))) {
        app.metrics.session_ended();
    }
}

/// Ends the session of a browser, and returns the frames of the clients that hear of the sign-out through the browser.
pub(crate) async fn end_of_browser(app: &App, headers: &HeaderMap) -> Result<Frames, StoreError> {
    let Some(id) = app.cookies.session_id(headers) else { return Ok(Frames::default()) };
    app.judged.forget(&id);
    let ended = app.sessions.end(&id, clock::now()).await;
    count_end(app, &ended);
    let Some(session) = ended? else { return Ok(Frames::default()) };
    let user = principal::of(&session.identity);
    tracing::info!(tenant = %session.tenant, user, "signed out");
    Ok(oidc::tell_clients(app, &session).await)
}

/// Keeps the ticket for `/explain/own` if the server serves that page to `client`. `ticket` are the headers of the
/// request with the ticket. A message that continues a negotiation is not kept, because it cannot be explained without
/// the messages before it.
pub(crate) fn keep_ticket(app: &App, id: &SessionId, ticket: &HeaderMap, client: &Client) {
    let goes_on = app.cookies.find(ticket, Cookie::Continuation).is_some();
    let mut values = ticket.get_all(AUTHORIZATION).iter();
    if let (Some(value), None, true, false) = (values.next(), values.next(), native::explains(app, client), goes_on) {
        let authorization = value.as_bytes().to_vec().into();
        app.judged.keep(id, JudgedTicket { authorization, at: clock::now() });
    }
}

/// Checks the one-time code. After a correct code, a session with another id replaces the session.
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
            let user = principal::of(&session.identity);
            tracing::warn!(tenant = %session.tenant, user, "the one-time code is refused");
            let error = Some("That code is wrong or has expired. Enter the code that your app shows now.");
            return app.pages.proof(StatusCode::FORBIDDEN, &session, error, &destination);
        }
        Err(error) => return unavailable(&app, &error),
    }
    match proved(&app, &id).await {
        Ok(Some(new)) => (session_cookie(&app, &new), Redirect::to(&destination.path())).into_response(),
        // Another request with the same cookie came first, and got the new cookie.
        Ok(None) => Redirect::to(&destination.path()).into_response(),
        Err(error) => unavailable(&app, &error),
    }
}

/// Ends a session that waits for a one-time code, and begins a signed-in session with another cookie.
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
    match negotiate::decide(&app, tenant, &client, SignInMethod::TestTicket, &authorization, StateIn::Cookie).await {
        SignInStep::SignedIn(signed_in) => {
            let user = Authenticated::by_ticket(signed_in.accepted(), Method::TestTicket);
            let new = new_session(tenant, user, &destination);
            match begin(&app, new, &headers).await {
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

/// Returns the cookies after a sign-out. With these cookies, the sign-in page tries a ticket only when the user presses
/// a button. Otherwise the page would sign the user in again at once.
pub(crate) fn signed_out_cookies(app: &App) -> HeaderMap {
    let mut headers = with_cookie(app.cookies.clear(Cookie::Session));
    if let Some(cookie) = autologon::failed_try(app) {
        headers.append(SET_COOKIE, cookie);
    }
    headers
}

/// Returns the cookies after a sign-in: the session, and the tenant for the next sign-in.
pub(crate) fn signed_in_cookies(app: &App, tenant: &Tenant, id: &SessionId) -> HeaderMap {
    let mut headers = session_cookie(app, id);
    let tenant = app.cookies.set(Cookie::Tenant, &tenant.name, TENANT_TIME);
    if let Some(cookie) = tenant {
        headers.append(SET_COOKIE, cookie);
    }
    headers
}

/// The time for which a browser remembers the tenant of its last sign-in.
const TENANT_TIME: Duration = Duration::from_hours(365 * 24);
