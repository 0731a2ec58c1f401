//! The routes for browsers, from the user's name to a session, by ticket or by password.

use crate::app::{App, Shared};
use crate::client::Client;
use crate::clock;
use crate::cookies::Cookie;
use crate::directory::{self, Refusal};
use crate::judged::JudgedTicket;
use crate::metrics::SignInMethod;
use crate::native;
use crate::negotiate;
use crate::origin;
use crate::pages::{ExplainLink, SignInPage};
use crate::principal;
use crate::session::{Method, Session, SessionId, Stage};
use crate::store::StoreError;
use crate::tenants::Tenant;
use crate::user_name::UserName;
use axum::Router;
use axum::extract::{Form, Query, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Json, Redirect, Response};
use axum::routing::{get, post};
use kerberos_sso::http::SignInStep;
use kerberos_sso::{Identity, policy::SEAMLESS_SSO_SERVICES};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use zeroize::Zeroizing;

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/", get(start))
        .route("/{tenant}/winauth/sso", get(autologon))
        .route("/{tenant}/password", post(password))
        .route("/proof", post(proof))
        .route("/sign-out", post(sign_out))
        .route("/test-ticket", post(test_ticket))
        .route("/style.css", get(([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("pages/style.css"))))
        .route(
            "/sign-in.js",
            get(([(CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("pages/sign-in.js"))),
        )
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .fallback(not_found)
}

#[derive(Deserialize)]
struct Hints {
    #[serde(default)]
    login_hint: String,
    #[serde(default)]
    domain_hint: String,
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: Zeroized,
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
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct TestUser {
    #[serde(default)]
    name: String,
}

/// Shows the signed-in user, or the page of the next step of the sign-in.
async fn start(State(app): State<Shared>, Query(hints): Query<Hints>, client: Client, headers: HeaderMap) -> Response {
    match session(&app, &headers).await {
        Some((id, session, Stage::SignedIn)) => {
            app.pages.who(&session, app.sessions.lifetime(), explain_link(&app, &id, &client))
        }
        Some((_, session, Stage::AwaitsProof)) => app.pages.proof(StatusCode::OK, &session, None),
        None => discover(&app, &hints),
    }
}

/// Returns the session of the browser that sent `headers`.
async fn session(app: &App, headers: &HeaderMap) -> Option<(SessionId, Arc<Session>, Stage)> {
    let id = app.cookies.session_id(headers)?;
    let (session, stage) = app.sessions.find(&id, clock::now()).await?;
    Some((id, session, stage))
}

fn explain_link(app: &App, id: &SessionId, client: &Client) -> ExplainLink {
    if !native::explains(app, client) {
        ExplainLink::None
    } else if app.judged.contains(id) {
        ExplainLink::OwnTicket
    } else {
        ExplainLink::AnyTicket
    }
}

/// Shows the sign-in page of the tenant that the hint selects (home-realm discovery), or asks for the user's name.
fn discover(app: &App, hints: &Hints) -> Response {
    let test_realm = app.tenants.test_tenant().is_some();
    let name = |status, error| app.pages.name(status, &hints.login_hint, error, test_realm);
    let user = UserName::parse(&hints.login_hint);
    let tenant = match (&user, hints.domain_hint.as_str()) {
        (None, "") if hints.login_hint.is_empty() => return name(StatusCode::OK, None),
        (None, "") => return name(StatusCode::BAD_REQUEST, Some("Please check the name.")),
        (Some(user), "") => app.tenants.of_user(user),
        (_, domain) => app.tenants.of_domain(domain),
    };
    match (tenant, user) {
        (Some(tenant), user) => {
            let user = user.map(|user| user.to_string()).unwrap_or_default();
            app.pages.sign_in(StatusCode::OK, &SignInPage { tenant: &tenant, name: &user, error: None })
        }
        (None, Some(UserName::Account(_))) => {
            name(StatusCode::NOT_FOUND, Some("Add your organisation: name@example.com."))
        }
        (None, _) => name(StatusCode::NOT_FOUND, Some("No organisation of that name signs in here.")),
    }
}

/// Answers the request that the sign-in page sends in the background. A client whose ticket is refused gets no new challenge,
/// because the browser would then ask its user for a password. A request from a page of another site is refused. Otherwise that
/// page could sign the user in again and again, and the new sessions would end the user's other sessions.
async fn autologon(State(app): State<Shared>, tenant: Tenant, client: Client, headers: HeaderMap) -> Response {
    if !origin::is_own(&client, &headers) {
        return (StatusCode::FORBIDDEN, Json(json!({ "signed_in": false }))).into_response();
    }
    let step = negotiate::decide(&app, &tenant, &client, SignInMethod::Ticket, &headers).await;
    let answer = negotiate::headers(&app, &step).await;
    match step {
        SignInStep::SignedIn(signed_in) => {
            let identity = signed_in.identity().to_owned();
            let Ok((id, stage)) = begin(&app, &tenant, &identity, Method::Kerberos, &headers).await else {
                return (StatusCode::SERVICE_UNAVAILABLE, answer, Json(json!({ "signed_in": false }))).into_response();
            };
            keep_ticket(&app, &id, &headers, &client);
            let signed_in = stage == Stage::SignedIn;
            (answer, session_cookie(&app, &id), Json(json!({ "signed_in": signed_in, "proof_required": !signed_in })))
                .into_response()
        }
        other => {
            let status = StatusCode::from_u16(other.status()).unwrap_or(StatusCode::FORBIDDEN);
            (status, answer, Json(json!({ "signed_in": false }))).into_response()
        }
    }
}

async fn password(
    State(app): State<Shared>,
    tenant: Tenant,
    client: Client,
    headers: HeaderMap,
    Form(credentials): Form<Credentials>,
) -> Response {
    let page = |status, error| {
        app.pages.sign_in(status, &SignInPage { tenant: &tenant, name: &credentials.name, error: Some(error) })
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
        Ok(accepted) => {
            let identity = accepted.identity().to_owned();
            match begin(&app, &tenant, &identity, Method::Password, &headers).await {
                Ok((id, _)) => (session_cookie(&app, &id), Redirect::to("/")).into_response(),
                Err(response) => response,
            }
        }
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
    identity: &Identity,
    method: Method,
    headers: &HeaderMap,
) -> Result<(SessionId, Stage), Response> {
    let stage = if tenant.proofs.are_needed(identity) { Stage::AwaitsProof } else { Stage::SignedIn };
    let session = Arc::new(Session::new(&tenant.name, identity, method));
    let id = app.sessions.begin(session, stage, clock::now()).await.map_err(|error| unavailable(app, &error))?;
    app.metrics.session_began(method.into());
    if let Some(old) = app.cookies.session_id(headers) {
        // If the store cannot be asked, the old session goes on until its end, without a browser that has its cookie.
        let _ = end(app, &old).await;
    }
    Ok((id, stage))
}

async fn end(app: &App, id: &SessionId) -> Result<Option<Arc<Session>>, StoreError> {
    app.judged.forget(id);
    let ended = app.sessions.end(id, clock::now()).await?;
    if ended.is_some() {
        app.metrics.session_ended();
    }
    Ok(ended)
}

/// Returns the page for a user whose request needs the store, while the store cannot be asked.
fn unavailable(app: &App, error: &StoreError) -> Response {
    tracing::error!("a request is answered by 503: {error}");
    let text = "The server cannot do this at the moment. Please try again shortly.";
    app.pages.message(StatusCode::SERVICE_UNAVAILABLE, "Please try again", text)
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

/// Checks the one-time code. A correct code ends the waiting session and begins a session with another id.
async fn proof(State(app): State<Shared>, headers: HeaderMap, Form(Code { code }): Form<Code>) -> Response {
    let waiting = session(&app, &headers).await;
    let Some((id, session, Stage::AwaitsProof)) = waiting else { return Redirect::to("/").into_response() };
    match prove(&app, &session, &code).await {
        Ok(true) => {}
        Ok(false) => {
            let user = principal::of_session(&session.identity);
            tracing::warn!(tenant = %session.tenant, user, "the one-time code is refused");
            let error = Some("That code is not right, or no longer. Enter the one your app shows now.");
            return app.pages.proof(StatusCode::FORBIDDEN, &session, error);
        }
        Err(error) => return unavailable(&app, &error),
    }
    match proved(&app, &id).await {
        Ok(Some(new)) => (session_cookie(&app, &new), Redirect::to("/")).into_response(),
        // Another request with the same cookie and code has come first, and has the new cookie.
        Ok(None) => Redirect::to("/").into_response(),
        Err(error) => unavailable(&app, &error),
    }
}

async fn prove(app: &App, session: &Session, code: &str) -> Result<bool, StoreError> {
    match app.tenants.get(&session.tenant) {
        Some(tenant) => tenant.proofs.check(&app.records, &tenant.name, &session.identity, code, clock::now()).await,
        None => Ok(false),
    }
}

/// Ends a waiting session and begins a session with another cookie.
async fn proved(app: &App, waiting: &SessionId) -> Result<Option<SessionId>, StoreError> {
    let now = clock::now();
    let Some(session) = app.sessions.end(waiting, now).await? else { return Ok(None) };
    let new = app.sessions.begin(session, Stage::SignedIn, now).await?;
    app.judged.rename(waiting, &new);
    Ok(Some(new))
}

async fn sign_out(State(app): State<Shared>, headers: HeaderMap) -> Response {
    let ended = match app.cookies.session_id(&headers) {
        Some(id) => end(&app, &id).await,
        None => Ok(None),
    };
    match ended {
        Ok(Some(session)) => {
            let user = principal::of_session(&session.identity);
            tracing::info!(tenant = %session.tenant, user, "signed out");
        }
        Ok(None) => {}
        Err(error) => return unavailable(&app, &error),
    }
    (with_cookie(app.cookies.clear(Cookie::Session)), Redirect::to("/")).into_response()
}

/// Signs in with a ticket that the server itself makes, in the built-in test realm only.
async fn test_ticket(
    State(app): State<Shared>,
    client: Client,
    headers: HeaderMap,
    Form(user): Form<TestUser>,
) -> Response {
    let tenant = app.tenants.test_tenant();
    let Some((tenant, realm)) = tenant.as_ref().and_then(|tenant| Some((tenant, tenant.test_realm.as_ref()?))) else {
        return not_found(State(app)).await;
    };
    let account = test_account(&user.name);
    let service = SEAMLESS_SSO_SERVICES.first().copied().unwrap_or_default();
    let value = realm.ticket_for(&account).service(service).at(clock::now()).mutual().header();
    let authorization = HeaderValue::try_from(value).map(|value| (AUTHORIZATION, value)).into_iter().collect();
    match negotiate::decide(&app, tenant, &client, SignInMethod::TestTicket, &authorization).await {
        SignInStep::SignedIn(signed_in) => {
            let identity = signed_in.identity().to_owned();
            match begin(&app, tenant, &identity, Method::TestTicket, &headers).await {
                Ok((id, _)) => {
                    keep_ticket(&app, &id, &authorization, &client);
                    (session_cookie(&app, &id), Redirect::to("/")).into_response()
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

/// Says whether the server can serve requests. A load balancer sends no requests to a server that is not ready.
async fn ready(State(app): State<Shared>) -> Response {
    match app.unready().await.as_slice() {
        [] => "ready\n".into_response(),
        unready => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", unready.join(", "))).into_response(),
    }
}

async fn not_found(State(app): State<Shared>) -> Response {
    app.pages.message(StatusCode::NOT_FOUND, "Nothing here", "This address leads nowhere.")
}

fn session_cookie(app: &App, id: &SessionId) -> HeaderMap {
    with_cookie(app.cookies.set(Cookie::Session, &id.to_string(), app.sessions.lifetime()))
}

fn with_cookie(cookie: Option<HeaderValue>) -> HeaderMap {
    cookie.into_iter().map(|cookie| (SET_COOKIE, cookie)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::limits;
    use crate::replay::Replays;
    use crate::tenants::Tenants;
    use axum::body::to_bytes;
    use axum::http::Request;
    use tower::ServiceExt as _;

    async fn answer(tenants: Tenants, request: Request<String>) -> (u16, String) {
        let app = App { tenants, ..App::for_tests(None).await };
        let response = limits::around(routes(), Arc::new(app)).oneshot(request).await.unwrap();
        let (status, body) = (response.status().as_u16(), to_bytes(response.into_body(), 1 << 20).await.unwrap());
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn autologon_request_from_another_site_is_refused() {
        for (site, expected) in [("same-origin", 401), ("none", 401), ("same-site", 403), ("cross-site", 403)] {
            let request =
                Request::get("/contoso.test/winauth/sso").header("host", "sso.test").header("sec-fetch-site", site);
            let (status, _) = answer(App::for_tests(None).await.tenants, request.body(String::new()).unwrap()).await;
            assert_eq!(status, expected, "{site}");
        }
    }

    /// The passwords are empty: the server refuses an empty password without asking the KDC.
    #[tokio::test(start_paused = true)]
    async fn password_is_refused_when_the_name_is_of_another_tenant() {
        for (name, is_of_another) in
            [("alice@b.test", true), (r"B\alice", true), ("alice@a.test", false), ("alice", false)]
        {
            let form = format!("name={}&password=", name.replace('@', "%40").replace('\\', "%5C"));
            let tenants = Tenants::of_realms(&["A.TEST", "B.TEST"], &Replays::for_tests()).await;
            let request = Request::post("/a.test/password").header("host", "sso.test");
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            let (status, page) = answer(tenants, request.body(form).unwrap()).await;
            assert_eq!((status, page.contains("of another organisation")), (403, is_of_another), "{name}: {page}");
        }
    }
}
