//! Answers the request that the sign-in page sends in the background. A browser that has a ticket sends the ticket with this
//! request.
//!
//! The endpoint may be on another host than the pages. Then only the endpoint's host is in the intranet zone of the
//! browsers. In this case, the endpoint answers a page with a handover ([`crate::handover`]) instead of a session, and
//! sets no session cookie. So sign-in also works in browsers that block the cookies of third parties.

use crate::app::{App, Shared};
use crate::authenticated::Authenticated;
use crate::browser::not_found;
use crate::client::Client;
use crate::clock;
use crate::cookies::Cookie;
use crate::destination::{Destination, ReturnPath, address, forward_auth_address};
use crate::handover::Page;
use crate::metrics::SignInMethod;
use crate::negotiate::{self, StateIn};
use crate::oidc::{BrowserId, Prompt};
use crate::origin;
use crate::principal;
use crate::session::{Method, Stage};
use crate::sign_in::{NewSession, begin, keep_ticket, new_session, signed_in_cookies};
use crate::tenants::Tenant;
use axum::extract::{Form, Query, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ORIGIN, SET_COOKIE,
    VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Json, Redirect, Response};
use kerberos_sso::Refused;
use kerberos_sso::http::{SignInStep, SignedIn};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// The endpoint to which the script of a page sends its request.
#[derive(Debug, Default)]
pub(crate) struct Autologon {
    /// The address of the endpoint, or its path if it is on the page's origin.
    pub(crate) address: String,
    /// The origin of the endpoint, if the page has another origin.
    pub(crate) origin: Option<String>,
    /// The sealed [`Page`], which the script sends with a request to another origin.
    pub(crate) page: Option<String>,
}

impl Autologon {
    /// Returns the endpoint of a tenant for a page in this browser.
    pub(crate) fn of(app: &App, tenant: &Tenant, browser: &BrowserId) -> Self {
        let path = format!("/{}/winauth/sso", tenant.name);
        match &app.autologon {
            None => Self { address: path, ..Self::default() },
            Some(origin) => Self {
                address: format!("{origin}{path}"),
                origin: Some(origin.clone()),
                page: Page::new(browser.clone(), clock::now()).seal(&app.records),
            },
        }
    }
}

/// The query of the request in the background.
#[derive(Deserialize)]
pub(crate) struct Attempt {
    #[serde(default)]
    request: Option<String>,
    /// The sealed [`Page`], if the page has another origin than the endpoint.
    #[serde(default)]
    page: Option<String>,
    /// Whether the user pressed the button that signs in with a ticket.
    #[serde(default)]
    by_user: bool,
}

/// Answers the request of a page of this server. A client whose ticket is refused gets no new challenge, because the browser
/// would then ask its user for a password. A request from a page of another site is refused. Otherwise that page could sign
/// the user in again and again, and the new sessions would end the user's other sessions.
pub(crate) async fn autologon(
    State(app): State<Shared>,
    tenant: Tenant,
    client: Client,
    Query(attempt): Query<Attempt>,
    headers: HeaderMap,
) -> Response {
    if app.is_autologon_host(&client) {
        let mut response = of_other_origin(&app, &tenant, &client, &attempt, &headers).await;
        allow_page(&app, &mut response);
        response
    } else {
        of_own_origin(&app, &tenant, &client, &attempt, &headers).await
    }
}

async fn of_own_origin(
    app: &App,
    tenant: &Tenant,
    client: &Client,
    attempt: &Attempt,
    headers: &HeaderMap,
) -> Response {
    if !origin::is_own(client, headers) {
        return failed(StatusCode::FORBIDDEN, "other-site", "The request came from a page of another site.");
    }
    let browser = app.cookies.browser_id(headers);
    let (new, answer) = match judge(app, tenant, client, attempt, browser.as_ref(), headers).await {
        Ok(judged) => judged,
        Err(response) => return response,
    };
    match begin(app, new, headers).await {
        Ok((id, stage)) => {
            keep_ticket(app, &id, headers, client);
            let mut response = (answer, signed_in_cookies(app, tenant, &id), Json(signed_in(stage))).into_response();
            append(&mut response, app.cookies.clear(Cookie::NoTicket));
            response
        }
        Err(_) => failed(StatusCode::SERVICE_UNAVAILABLE, "no-store", NO_STORE),
    }
}

/// Answers the request of a page with another origin than this host. The request may come from the origin of the server's
/// pages, or from the [page of this host](hop) to which such a page leads.
async fn of_other_origin(
    app: &App,
    tenant: &Tenant,
    client: &Client,
    attempt: &Attempt,
    headers: &HeaderMap,
) -> Response {
    let is_of_pages = headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes() == app.address.as_bytes());
    let is_of_hop = headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin");
    let may_ask = is_of_pages || (is_of_hop && origin::is_own(client, headers));
    if !may_ask {
        return failed(StatusCode::FORBIDDEN, "other-site", "The request came from a page of another site.");
    }
    let page = attempt.page.as_deref().and_then(|page| Page::open(&app.records, page, clock::now()));
    let Some(page) = page else { return failed(StatusCode::CONFLICT, "stale-page", STALE_PAGE) };
    let (new, answer) = match judge(app, tenant, client, attempt, Some(&page.browser), headers).await {
        Ok(judged) => judged,
        Err(response) => return response,
    };
    match app.handovers.give(new, &page, clock::now()).await {
        Ok(handover) => (answer, Json(json!({ "handover": handover }))).into_response(),
        Err(error) => {
            tracing::error!("the handover after an accepted ticket cannot be stored: {error}");
            failed(StatusCode::SERVICE_UNAVAILABLE, "no-store", NO_STORE)
        }
    }
}

/// Decides on the ticket of a request. Returns the session of the user, and the headers that authenticate the server to
/// the client.
async fn judge(
    app: &App,
    tenant: &Tenant,
    client: &Client,
    attempt: &Attempt,
    browser: Option<&BrowserId>,
    headers: &HeaderMap,
) -> Result<(NewSession, HeaderMap), Response> {
    let destination = Destination::of_attempt(app, tenant, browser, attempt.request.as_deref(), clock::now());
    let destination = destination.map_err(|_| failed(StatusCode::CONFLICT, "stale-page", STALE_PAGE))?;
    let prompt = destination.application().map(|application| application.conversation.request.prompt);
    if prompt == Some(Prompt::Login) && !attempt.by_user {
        let text = "The application asked for a new sign-in, so a ticket is used only after a press of the button.";
        return Err(failed(StatusCode::FORBIDDEN, "login-prompt", text));
    }
    let state = match attempt.page.as_deref() {
        Some(page) if app.is_autologon_host(client) => StateIn::Store(page),
        _ => StateIn::Cookie,
    };
    let step = negotiate::decide(app, tenant, client, SignInMethod::Ticket, headers, state).await;
    let answer = negotiate::headers(app, &step, state).await;
    let (status, judged) = match &step {
        SignInStep::SignedIn(signed_in) => return of_user(tenant, &destination, signed_in, answer),
        other => (StatusCode::from_u16(other.status()).unwrap_or(StatusCode::FORBIDDEN), reason(other)),
    };
    let mut response = failed(status, judged.0, judged.1);
    response.headers_mut().extend(answer);
    if !matches!(step, SignInStep::Continue(_)) {
        append(&mut response, failed_try(app));
    }
    Err(response)
}

/// Returns the session of the user of an accepted ticket, or a refusal if the user may not sign in by ticket.
fn of_user(
    tenant: &Tenant,
    destination: &Destination,
    signed_in: &SignedIn,
    answer: HeaderMap,
) -> Result<(NewSession, HeaderMap), Response> {
    let user = Authenticated::by_ticket(signed_in.accepted(), Method::Kerberos);
    if !tenant.takes_tickets_of(&user.identity) {
        let user = principal::with_sid(&user.identity);
        tracing::info!(tenant = %tenant.name, %user, "no sign-in by ticket: the user is in none of the groups of `ticket_groups`");
        let text = "Your organisation has not switched on the sign-in by ticket for your account.";
        return Err(failed(StatusCode::FORBIDDEN, "not-in-group", text));
    }
    Ok((new_session(tenant, user, destination), answer))
}

/// The form with which a page gets the session of its handover, or reports that its try with a ticket failed.
#[derive(Deserialize)]
pub(crate) struct Exchange {
    #[serde(default)]
    handover: Option<String>,
    #[serde(default)]
    request: Option<String>,
}

/// Begins the session of a handover in the browser whose page asked for the handover.
pub(crate) async fn exchange(
    State(app): State<Shared>,
    tenant: Tenant,
    headers: HeaderMap,
    Form(exchange): Form<Exchange>,
) -> Response {
    let Some(handover) = exchange.handover else {
        let mut response = StatusCode::NO_CONTENT.into_response();
        append(&mut response, failed_try(&app));
        return response;
    };
    let (new, _) = match handed_over(&app, &tenant, &headers, &handover, exchange.request.as_deref()).await {
        Ok(handed_over) => handed_over,
        Err(response) => return response,
    };
    match begin(&app, new, &headers).await {
        Ok((id, stage)) => {
            let mut response = (signed_in_cookies(&app, &tenant, &id), Json(signed_in(stage))).into_response();
            append(&mut response, app.cookies.clear(Cookie::NoTicket));
            response
        }
        Err(_) => failed(StatusCode::SERVICE_UNAVAILABLE, "no-store", NO_STORE),
    }
}

/// Returns the session of a handover and the destination of the page. The handover must be for this browser and for the page's
/// request.
async fn handed_over(
    app: &App,
    tenant: &Tenant,
    headers: &HeaderMap,
    handover: &str,
    request: Option<&str>,
) -> Result<(NewSession, Destination), Response> {
    let (browser, now) = (app.cookies.browser_id(headers), clock::now());
    let destination = Destination::of_attempt(app, tenant, browser.as_ref(), request, now);
    let (Ok(destination), Some(browser)) = (destination, browser) else {
        return Err(failed(StatusCode::CONFLICT, "stale-page", STALE_PAGE));
    };
    let taken = app.handovers.take(handover, &browser, now).await;
    let taken = taken.map_err(|_| failed(StatusCode::SERVICE_UNAVAILABLE, "no-store", NO_STORE))?;
    let is_of_page = |new: &NewSession| {
        new.session.tenant == tenant.name && new.session.conversation == destination.conversation_id()
    };
    let new = taken.filter(is_of_page).ok_or_else(|| failed(StatusCode::FORBIDDEN, "used-handover", STALE_PAGE))?;
    Ok((new, destination))
}

/// Shows the page of the autologon host that asks for a ticket and then leads back to the sign-in page. If Chromium
/// blocks the cookies of third parties, it sends a ticket only to the origin of the page that it shows. So the sign-in
/// page, which has another origin, leads to this page.
pub(crate) async fn hop(State(app): State<Shared>, tenant: Tenant, client: Client) -> Response {
    if app.is_autologon_host(&client) { app.pages.hop(&tenant, &app.address) } else { not_found(State(app)).await }
}

/// The query with which the [page of the autologon host](hop) leads back. If the query has no handover, the browser got
/// no session with a ticket.
#[derive(Deserialize)]
pub(crate) struct Return {
    #[serde(default)]
    handover: String,
    #[serde(default)]
    request: Option<String>,
    /// The path of the page that led to the autologon host, if that page has no request.
    #[serde(default)]
    back: String,
}

/// Begins the session of a handover. If no session can begin, the response leads back to the page that led to the
/// autologon host.
pub(crate) async fn come_back(
    State(app): State<Shared>,
    tenant: Tenant,
    headers: HeaderMap,
    Query(Return { handover, request, back }): Query<Return>,
) -> Response {
    if let Ok((new, destination)) = handed_over(&app, &tenant, &headers, &handover, request.as_deref()).await
        && let Ok((id, _)) = begin(&app, new, &headers).await
    {
        let mut response = (signed_in_cookies(&app, &tenant, &id), Redirect::to(&destination.path())).into_response();
        append(&mut response, app.cookies.clear(Cookie::NoTicket));
        return response;
    }
    // After a failure, the browser goes back to its page: `request` names the page of an application, and `back` is the
    // path of every other page.
    let of_request = request.filter(|text| !text.is_empty()).map(|text| match ReturnPath::parse(&text) {
        Some(path) => forward_auth_address(&tenant.name, Some(&path)),
        None => address(&tenant.name, &text),
    });
    let of_path = || ReturnPath::parse(&back).map_or_else(|| "/".into(), ReturnPath::into_path);
    let back = of_request.unwrap_or_else(of_path);
    let mut response = Redirect::to(&back).into_response();
    append(&mut response, failed_try(&app));
    response
}

fn signed_in(stage: Stage) -> Value {
    json!({ "signed_in": stage == Stage::SignedIn, "proof_required": stage == Stage::AwaitsProof })
}

/// Allows the server's pages to read a response of the autologon host (the CORS protocol of the Fetch standard). Pages of
/// other origins may not read the response.
fn allow_page(app: &App, response: &mut Response) {
    let Ok(page) = HeaderValue::try_from(&app.address) else { return };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, page);
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("x-request-id"));
    headers.append(VARY, HeaderValue::from_static("Origin"));
}

fn append(response: &mut Response, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// Returns the cookie that records that a try with a ticket failed. The server also sets this cookie with the challenge, and
/// deletes it when a session begins.
pub(crate) fn failed_try(app: &App) -> Option<HeaderValue> {
    app.cookies.set(Cookie::NoTicket, "1", NO_TICKET_TIME)
}

/// Returns an answer for the page's script, which writes the code and the text to the browser's console.
fn failed(status: StatusCode, code: &str, check: &str) -> Response {
    let body: Value = json!({ "signed_in": false, "code": code, "check": check });
    (status, Json(body)).into_response()
}

/// Returns the code of a step that does not sign the user in, and a text that says what to check. The text is safe to show to
/// the user.
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
            "The server refused the ticket. The server's log has the reason under this request's id. After \
             `klist purge`, this computer gets new tickets."
        }
    }
}

const STALE_PAGE: &str = "The page is too old. Load the page again.";
const NO_STORE: &str = "The server cannot begin a session at the moment.";

/// The time for which a browser does not try a ticket again after a try that failed.
const NO_TICKET_TIME: Duration = Duration::from_mins(10);
