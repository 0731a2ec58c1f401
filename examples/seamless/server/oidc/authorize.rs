//! The authorization endpoint, and the sign-in page of an authorization request (OpenID Connect Core 1.0 section 3.1.2).

use super::answer;
use super::authorization_request::{AuthorizationRequest, Refused};
use super::conversation::{BrowserId, Conversation, Stale};
use super::decision::{self, Demand, Next, Page, Present, TicketUse};
use super::error::ErrorCode;
use super::grants::{Bound, Factors, Grant, Stay};
use super::parameters::Parameters;
use super::participants;
use super::pushed;
use super::scope_of_resource::as_version1;
use super::user::User;
use crate::app::{App, Shared};
use crate::autologon::Autologon;
use crate::browser::{Undiscovered, browser_cookie, session, tenant_of, ticket_use, unavailable};
use crate::client::Client;
use crate::clock;
use crate::destination::{Application, Destination, address};
use crate::pages::{NamePage, QuestionPage, SignInPage};
use crate::session::Session;
use crate::sign_in;
use crate::signing::{Audience, TokenType};
use crate::store::StoreError;
use crate::tenants::Tenant;
use crate::user_name::UserName;
use axum::extract::{Form, Query, RawQuery, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use kerberos_sso::UnixTime;
use serde::Deserialize;
use std::sync::Arc;

/// The browser of a request: its cookies and its address.
struct Browser<'a> {
    headers: &'a HeaderMap,
    client: &'a Client,
}

pub(super) async fn by_query(
    State(app): State<Shared>,
    tenant: Tenant,
    client: Client,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let parameters = Parameters::parse(query.unwrap_or_default().as_bytes());
    authorize(&app, &tenant, &Browser { headers: &headers, client: &client }, &parameters).await
}

pub(super) async fn by_form(
    State(app): State<Shared>,
    tenant: Tenant,
    client: Client,
    headers: HeaderMap,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let parameters = fields.into_iter().collect();
    authorize(&app, &tenant, &Browser { headers: &headers, client: &client }, &parameters).await
}

/// `GET /{tenant}/oauth2/v2.0/authorize`: the scope names the resource.
pub(super) async fn version2_by_query(
    State(app): State<Shared>,
    tenant: Tenant,
    client: Client,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let parameters = Parameters::parse(query.unwrap_or_default().as_bytes());
    let parameters = as_version1(parameters, &tenant.clients);
    authorize(&app, &tenant, &Browser { headers: &headers, client: &client }, &parameters).await
}

/// `POST /{tenant}/oauth2/v2.0/authorize`
pub(super) async fn version2_by_form(
    State(app): State<Shared>,
    tenant: Tenant,
    client: Client,
    headers: HeaderMap,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let parameters = as_version1(fields.into_iter().collect(), &tenant.clients);
    authorize(&app, &tenant, &Browser { headers: &headers, client: &client }, &parameters).await
}

async fn authorize(app: &Shared, tenant: &Tenant, browser: &Browser<'_>, parameters: &Parameters) -> Response {
    let pushed = parameters.get("request_uri").filter(|uri| uri.starts_with(pushed::PREFIX));
    let request = match pushed {
        Some(request_uri) => pushed_before(app, tenant, parameters, request_uri).await,
        None => read(app, tenant, parameters).await,
    };
    match request {
        Ok(request) => begin(app, tenant, browser, request).await,
        Err(response) => response,
    }
}

/// Returns the request that the client pushed. Ignores all other parameters except `client_id` (RFC 9126 section 4).
async fn pushed_before(
    app: &App,
    tenant: &Tenant,
    parameters: &Parameters,
    request_uri: &str,
) -> Result<AuthorizationRequest, Response> {
    let is_single = parameters.is_single("request_uri") && parameters.is_single("client_id");
    let client_id = parameters.get("client_id").filter(|_| is_single);
    match pushed::take(&app.records, request_uri, (&tenant.name, client_id), clock::now()).await {
        Ok(Some(request)) if is_registered(tenant, &request) => Ok(request),
        Ok(_) => {
            Err(refused_page(app, tenant, "the request_uri is unknown, was used, has expired, or is of another client"))
        }
        Err(error) => Err(unavailable(app, &error)),
    }
}

fn is_registered(tenant: &Tenant, request: &AuthorizationRequest) -> bool {
    let client = tenant.clients.get(&request.client_id);
    client.is_some_and(|client| client.has_redirect_uri(&request.reply.redirect_uri))
}

async fn read(app: &App, tenant: &Tenant, parameters: &Parameters) -> Result<AuthorizationRequest, Response> {
    let mut request = match AuthorizationRequest::parse(parameters, &tenant.clients) {
        Ok(request) => request,
        Err(Refused::Page(error)) => return Err(refused_page(app, tenant, &error.description)),
        Err(Refused::Client(reply, error)) => {
            tracing::warn!(tenant = %tenant.name, "an application's request is refused: {error}");
            return Err(answer::error(app, &reply, &app.issuer(tenant), &error));
        }
    };
    let refused = |request: &AuthorizationRequest, reason: &'static str| {
        answer::error(app, &request.reply, &app.issuer(tenant), &ErrorCode::InvalidRequest.because(reason))
    };
    if tenant.clients.get(&request.client_id).is_some_and(|client| client.require_pushed_authorization_requests) {
        return Err(refused(&request, "the client must push its authorization requests"));
    }
    if let Some(token) = parameters.get("id_token_hint") {
        request.hinted_subject = hinted_subject(app, tenant, &request.client_id, token).await;
        if request.hinted_subject.is_none() {
            return Err(refused(&request, "id_token_hint is no ID token of this client"));
        }
    }
    Ok(request)
}

fn refused_page(app: &App, tenant: &Tenant, reason: &str) -> Response {
    tracing::warn!(tenant = %tenant.name, "an application's request is refused on a page: {reason}");
    let text = format!("The application sent a request that this server does not take: {reason}.");
    app.pages.message(StatusCode::BAD_REQUEST, "This sign-in cannot begin", &text)
}

/// Returns the subject of an ID token of this client. The token may have expired.
pub(super) async fn hinted_subject(app: &App, tenant: &Tenant, client_id: &str, token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        sub: String,
    }
    let (now, issuer) = (clock::now(), app.issuer(tenant));
    let keys = tenant.signing.keys(now).await.ok()?;
    keys.verified::<Claims>(token, TokenType::Id, (&issuer, Audience::Is(client_id)), now, true)
        .map(|claims| claims.sub)
}

/// Begins the conversation of a request: the pages from the request to the answer. Answers at once if the request needs
/// no page.
async fn begin(app: &Shared, tenant: &Tenant, browser: &Browser<'_>, request: AuthorizationRequest) -> Response {
    let now = clock::now();
    let id = app.cookies.browser_id(browser.headers).unwrap_or_else(BrowserId::random);
    let conversation = Conversation::new(&tenant.name, &id, request, now);
    let Some(sealed) = conversation.seal(&app.records) else {
        let error = ErrorCode::InvalidRequest.because("the request is too long");
        return answer::error(app, &conversation.request.reply, &app.issuer(tenant), &error);
    };
    let path = address(&tenant.name, &sealed);
    let Some(application) = Application::new(tenant, conversation, sealed) else { return stale_page(app) };
    let step = step(app, tenant, browser, &application, false).await;
    if let Some(response) = without_a_page(app, tenant, &application, &step).await {
        return response;
    }
    let cookie = browser_cookie(app, &id, browser.headers);
    (StatusCode::SEE_OTHER, cookie, [(LOCATION, path)]).into_response()
}

/// The query or the form of a page in a conversation.
#[derive(Deserialize)]
pub(super) struct Sealed {
    #[serde(default)]
    request: String,
}

/// The query of the sign-in page.
#[derive(Deserialize)]
pub(super) struct Shown {
    #[serde(default)]
    request: String,
    #[serde(default)]
    other: bool,
}

/// What the user has answered on an earlier page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answered {
    Nothing,
    /// The user continues with the session's account.
    ThisAccount,
    /// The user is not the user whom the application names.
    SomeoneElse,
}

/// Shows the next page of a conversation, or sends the browser back to the application.
pub(super) async fn page(
    State(app): State<Shared>,
    tenant: Tenant,
    client: Client,
    headers: HeaderMap,
    Query(Shown { request, other }): Query<Shown>,
) -> Response {
    let answered = if other { Answered::SomeoneElse } else { Answered::Nothing };
    go_on(&app, &tenant, &Browser { headers: &headers, client: &client }, &request, answered).await
}

/// Continues after the user has chosen the account of the browser's session.
pub(super) async fn continue_as(
    State(app): State<Shared>,
    tenant: Tenant,
    client: Client,
    headers: HeaderMap,
    Form(Sealed { request }): Form<Sealed>,
) -> Response {
    go_on(&app, &tenant, &Browser { headers: &headers, client: &client }, &request, Answered::ThisAccount).await
}

/// Ends the session, so that the user can sign in with another account. The sign-in page then asks for the browser's
/// ticket only after the user has pressed a button.
pub(super) async fn as_other(
    State(app): State<Shared>,
    tenant: Tenant,
    headers: HeaderMap,
    Form(Sealed { request }): Form<Sealed>,
) -> Response {
    match sign_in::end_of_browser(&app, &headers).await {
        Ok(frames) => {
            let response = frames.lead(&app, Some(&address(&tenant.name, &request)));
            (sign_in::signed_out_cookies(&app), response).into_response()
        }
        Err(error) => unavailable(&app, &error),
    }
}

async fn go_on(app: &Shared, tenant: &Tenant, browser: &Browser<'_>, sealed: &str, answered: Answered) -> Response {
    let destination =
        match Destination::open(app, tenant, app.cookies.browser_id(browser.headers).as_ref(), sealed, clock::now()) {
            Ok(destination) => destination,
            // If the page is old or began in another browser, the request begins again in this browser.
            Err(Stale::Known(request)) => return begin(app, tenant, browser, *request).await,
            Err(Stale::Unknown) => return stale_page(app),
        };
    let Some(application) = destination.application() else { return stale_page(app) };
    let step = step(app, tenant, browser, application, answered == Answered::ThisAccount).await;
    match without_a_page(app, tenant, application, &step).await {
        Some(response) => response,
        None => shown(app, tenant, &destination, application, &step, answered),
    }
}

fn stale_page(app: &App) -> Response {
    let text = "This page does not belong to a sign-in that is in progress. Go back to the application and try again.";
    app.pages.message(StatusCode::BAD_REQUEST, "Please start again", text)
}

/// The next step of a sign-in, and the session from which this step follows.
struct Step {
    next: Next,
    session: Option<Arc<Session>>,
}

async fn step(app: &App, tenant: &Tenant, browser: &Browser<'_>, application: &Application, has_chosen: bool) -> Step {
    let (conversation, request) = (&application.conversation, &application.conversation.request);
    let session = session(app, browser.headers).await.map(|(_, session, _)| session);
    let session = session.filter(|session| session.tenant == tenant.name);
    let present = session.as_ref().map(|session| present(app, tenant, application, session));
    let client = application.client(tenant);
    let proof = client.is_some_and(|client| tenant.proofs.are_needed_for(client, request.resource.as_deref()));
    let ticket = ticket_use(app, tenant, browser.client, browser.headers);
    let may_be_another = request.hinted_subject.is_none();
    let page = Page { began: conversation.began(), has_chosen, may_be_another, ticket };
    Step { next: decision::decide(Demand::of(request, proof), page, present), session }
}

fn present(app: &App, tenant: &Tenant, application: &Application, session: &Session) -> Present {
    let sid = session.identity.sid;
    Present {
        began_here: session.conversation == Some(application.conversation.id),
        is_meant: is_meant(app, tenant, application, session),
        authenticated: UnixTime::from_seconds(session.authenticated),
        by_ticket: session.method.is_by_ticket(),
        is_proved: session.is_proved,
        must_prove: tenant.proofs.are_needed(sid),
        may_prove: tenant.proofs.has_secret(sid),
    }
}

/// Returns whether a session belongs to the user whom the hints name. Also returns true if the hints name nobody.
fn is_meant(app: &App, tenant: &Tenant, application: &Application, session: &Session) -> bool {
    let request = &application.conversation.request;
    let is_of_token = request.hinted_subject.as_ref().is_none_or(|hinted| {
        let (user, client) = (User::of_session(&session.identity), application.client(tenant));
        let subject =
            user.zip(client).map(|(user, client)| user.subject(app.records.secret(), &tenant.name, client.sector()));
        subject.as_ref() == Some(hinted)
    });
    let hint = request.login_hint.as_deref().and_then(UserName::parse);
    is_of_token && hint.is_none_or(|hint| tenant.is_name_of(&hint, &session.identity))
}

/// Answers the client if the step needs no page.
async fn without_a_page(app: &App, tenant: &Tenant, application: &Application, step: &Step) -> Option<Response> {
    let (request, issuer) = (&application.conversation.request, app.issuer(tenant));
    match (step.next, &step.session) {
        (Next::Answer, Some(session)) => Some(give_code(app, tenant, request, session).await),
        (Next::Refuse(code), _) => {
            let error = code.because("the user must sign in or answer a question, and prompt=none allows no page");
            Some(answer::error(app, &request.reply, &issuer, &error))
        }
        _ => None,
    }
}

/// Gives the client a code for the session's user.
async fn give_code(app: &App, tenant: &Tenant, request: &AuthorizationRequest, session: &Session) -> Response {
    let issuer = app.issuer(tenant);
    let lifetime = i64::try_from(app.sessions.lifetime().as_secs()).unwrap_or(i64::MAX);
    let end = session.began().saturating_add_seconds(lifetime).seconds();
    let Some(user) = User::of_session(&session.identity) else {
        let error = ErrorCode::AccessDenied.because("the user has no SID, so the server cannot identify the account");
        return answer::error(app, &request.reply, &issuer, &error);
    };
    let grant = Grant {
        tenant: tenant.name.to_string(),
        client_id: request.client_id.clone(),
        user,
        scopes: request.scopes.clone(),
        resource: request.resource.clone(),
        nonce: request.nonce.clone(),
        authenticated: session.authenticated,
        factors: Factors { first: session.method.into(), one_time_code: session.is_proved },
        stay: Some(Stay { name: session.stay, end }),
        app_password: None,
    };
    let bound = Bound { redirect_uri: request.reply.redirect_uri.clone(), challenge: request.challenge.clone() };
    let begun = match join(app, tenant, &request.client_id, session).await {
        Ok(()) => app.grants.begin(grant, bound, clock::now()).await,
        Err(error) => Err(error),
    };
    match begun {
        Ok(code) => {
            tracing::info!(tenant = %tenant.name, client_id = request.client_id, "sent the user back with a code");
            answer::code(app, &request.reply, &issuer, &code)
        }
        Err(error) => {
            tracing::error!("an application gets no code: {error}");
            let error = ErrorCode::TemporarilyUnavailable.because("the server cannot make a code at the moment");
            answer::error(app, &request.reply, &issuer, &error)
        }
    }
}

/// Lists the client among those to which the server will report the end of the user's stay. Does nothing if the client
/// registered no address for such a report.
async fn join(app: &App, tenant: &Tenant, client_id: &str, session: &Session) -> Result<(), StoreError> {
    let client = tenant.clients.get(client_id).filter(|client| client.hears_of_sign_outs());
    let Some(client) = client else { return Ok(()) };
    // The user may sign in again at the end of the session's lifetime, and the client may then keep its session for a
    // second lifetime. So the list must last for two lifetimes.
    let lifetime = i64::try_from(app.sessions.lifetime().as_secs()).unwrap_or(i64::MAX);
    let end = clock::now().saturating_add_seconds(lifetime.saturating_mul(2));
    participants::add(&app.records, &session.stay, &client.id, end).await
}

/// Shows the page of a step.
fn shown(
    app: &App,
    tenant: &Tenant,
    destination: &Destination,
    application: &Application,
    step: &Step,
    answered: Answered,
) -> Response {
    let hint = application.conversation.request.login_hint.as_deref().unwrap_or_default();
    match (step.next, &step.session) {
        (Next::SignIn(ticket), _) => {
            let autologon = Autologon::of(app, tenant, application.conversation.browser());
            // The user has pressed "Someone else?", but the computer's ticket would sign the same user in. So the page
            // asks for the ticket only after the user presses a button.
            let (name, ticket) = match (answered, ticket) {
                (Answered::SomeoneElse, TicketUse::InBackground) => ("", TicketUse::ByButton),
                (Answered::SomeoneElse, ticket) => ("", ticket),
                (_, ticket) => (hint, ticket),
            };
            let page = SignInPage { tenant, name, error: None, ticket, destination, autologon: &autologon };
            app.pages.sign_in(StatusCode::OK, &page)
        }
        (Next::Choose, Some(session)) => {
            app.pages.question(&QuestionPage { session, asked_for: None, may_continue: true, destination })
        }
        (Next::WrongUser, Some(session)) => {
            // An `id_token_hint` names one account, and the application would refuse every other account.
            let may_continue = application.conversation.request.hinted_subject.is_none();
            let asked_for = Some(hint).filter(|hint| !hint.is_empty());
            app.pages.question(&QuestionPage { session, asked_for, may_continue, destination })
        }
        (Next::Prove, Some(session)) => app.pages.proof(StatusCode::OK, session, None, destination),
        (Next::CannotProve, _) => {
            let text =
                "This application wants a one-time code, and none is set up for your account. Ask your administrator.";
            app.pages.message(StatusCode::FORBIDDEN, "One more step is missing", text)
        }
        _ => stale_page(app),
    }
}

/// Asks for the user's name, and sends the browser to the authorization endpoint of the user's tenant with the same query.
pub(super) async fn of_common(State(app): State<Shared>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let parameters = Parameters::parse(query.as_bytes());
    let get = |name| parameters.get(name).unwrap_or_default();
    let wants_other = get("prompt").split(' ').any(|value| value == "select_account");
    match tenant_of(&app, get("login_hint"), get("domain_hint"), &headers, wants_other) {
        Ok((tenant, _)) => Redirect::to(&format!("/{}/oauth2/authorize?{query}", tenant.name)).into_response(),
        Err(reason) => name_page(&app, &query, get("login_hint"), reason),
    }
}

fn name_page(app: &App, query: &str, name: &str, reason: Undiscovered) -> Response {
    let (status, error) = reason.shown();
    let fields: Vec<(String, String)> =
        form_urlencoded::parse(query.as_bytes()).into_owned().filter(|(name, _)| name != "login_hint").collect();
    let redirect_uri = fields.iter().find(|(name, _)| name == "redirect_uri").map(|(_, uri)| uri.as_str());
    // After the form, redirects may lead the browser only to this server or to the origin of a registered redirect URI.
    let is_known = |uri: &&str| app.tenants.all().any(|tenant| tenant.clients.have_redirect_uri(uri));
    let origin = redirect_uri.filter(is_known).and_then(super::origin_of);
    let action = "/common/oauth2/authorize";
    app.pages.name(status, &NamePage { name, error, test_realm: false, action: Some(action), fields: &fields, origin })
}
