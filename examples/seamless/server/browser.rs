//! The routes for browsers: the first page, the page of the signed-in user, and the files that all pages need.

use crate::app::{App, Shared};
use crate::autologon::{self, Autologon};
use crate::client::Client;
use crate::clock;
use crate::cookies::Cookie;
use crate::destination::Destination;
use crate::forward_auth;
use crate::native;
use crate::oidc::{BrowserId, TicketUse};
use crate::pages::{ExplainLink, NamePage, SignInPage};
use crate::session::{Session, SessionId, Stage};
use crate::sign_in;
use crate::store::StoreError;
use crate::tenants::Tenant;
use crate::user_name::UserName;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/", get(start))
        .route("/{tenant}/winauth/sso", get(autologon::autologon))
        .route("/{tenant}/winauth/exchange", post(autologon::exchange))
        .route("/{tenant}/winauth/hop", get(autologon::hop))
        .route("/{tenant}/winauth/return", get(autologon::come_back))
        .route("/{tenant}/forward-auth", get(forward_auth::check))
        .route("/{tenant}/forward-auth/sign-in", get(forward_auth::sign_in))
        .route("/{tenant}/password", post(sign_in::password))
        .route("/proof", post(sign_in::proof))
        .route("/sign-out", post(sign_out))
        .route("/test-ticket", post(sign_in::test_ticket))
        .route("/style.css", get(style))
        .route("/sign-in.js", script(include_str!("pages/sign-in.js")))
        .route("/hop.js", script(include_str!("pages/hop.js")))
        .route("/submit.js", script(include_str!("pages/submit.js")))
        .route("/signed-out.js", script(include_str!("pages/signed-out.js")))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .fallback(not_found)
}

fn script(text: &'static str) -> axum::routing::MethodRouter<Shared> {
    get(([(CONTENT_TYPE, "text/javascript; charset=utf-8")], text))
}

#[derive(Deserialize)]
struct Hints {
    #[serde(default)]
    login_hint: String,
    #[serde(default)]
    domain_hint: String,
    /// Whether the user wants to enter another name.
    #[serde(default)]
    other: bool,
}

/// Shows the signed-in user, or the page of the next step of the sign-in.
async fn start(State(app): State<Shared>, Query(hints): Query<Hints>, client: Client, headers: HeaderMap) -> Response {
    match session(&app, &headers).await {
        Some((id, session, Stage::SignedIn)) => {
            let app_passwords = app.tenants.get(&session.tenant).is_some_and(|tenant| tenant.offers_app_passwords());
            app.pages.who(&session, app.sessions.lifetime(), explain_link(&app, &id, &client), app_passwords)
        }
        Some((_, session, Stage::AwaitsProof)) => {
            app.pages.proof(StatusCode::OK, &session, None, &Destination::OwnPage)
        }
        None => discover(&app, &hints, &client, &headers),
    }
}

/// Returns the session of the browser that sent `headers`.
pub(crate) async fn session(app: &App, headers: &HeaderMap) -> Option<(SessionId, Arc<Session>, Stage)> {
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
fn discover(app: &App, hints: &Hints, client: &Client, headers: &HeaderMap) -> Response {
    let test_realm = app.tenants.test_tenant().is_some();
    match tenant_of(app, &hints.login_hint, &hints.domain_hint, headers, hints.other) {
        Ok((tenant, user)) => {
            let ticket = ticket_use(app, &tenant, client, headers);
            let browser = app.cookies.browser_id(headers).unwrap_or_else(BrowserId::random);
            let (destination, autologon) = (&Destination::OwnPage, Autologon::of(app, &tenant, &browser));
            let page =
                SignInPage { tenant: &tenant, name: &user, error: None, ticket, destination, autologon: &autologon };
            (browser_cookie(app, &browser, headers), app.pages.sign_in(StatusCode::OK, &page)).into_response()
        }
        Err(reason) => {
            let (status, error) = reason.shown();
            app.pages.name(status, &NamePage { name: &hints.login_hint, error, test_realm, ..NamePage::default() })
        }
    }
}

/// Returns the style sheet of all pages.
pub(crate) async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("pages/style.css")).into_response()
}

/// Returns the cookie that gives the browser its identifier. A browser that sent such a cookie gets no new cookie.
pub(crate) fn browser_cookie(app: &App, browser: &BrowserId, headers: &HeaderMap) -> HeaderMap {
    let is_known = app.cookies.browser_id(headers).is_some();
    with_cookie(app.cookies.set(Cookie::Browser, &browser.to_string(), BROWSER_TIME).filter(|_| !is_known))
}

/// The time for which a browser keeps its identifier.
const BROWSER_TIME: Duration = Duration::from_hours(24);

/// The reason why the tenant of a user is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undiscovered {
    NoName,
    NotAName,
    NoOrganisation,
    Unknown,
}

impl Undiscovered {
    /// Returns the status and the error text of the page that asks for the name.
    pub(crate) const fn shown(self) -> (StatusCode, Option<&'static str>) {
        match self {
            Self::NoName => (StatusCode::OK, None),
            Self::NotAName => (StatusCode::BAD_REQUEST, Some("Please check the name.")),
            Self::NoOrganisation => (StatusCode::NOT_FOUND, Some("Add your organisation: name@example.com.")),
            Self::Unknown => (StatusCode::NOT_FOUND, Some("No organisation of that name signs in here.")),
        }
    }
}

/// Returns the tenant of a user, and the user's name if the hints have it. Without hints, the cookie of the browser's last
/// sign-in selects the tenant.
pub(crate) fn tenant_of(
    app: &App,
    login_hint: &str,
    domain_hint: &str,
    headers: &HeaderMap,
    wants_other: bool,
) -> Result<(Tenant, String), Undiscovered> {
    let user = UserName::parse(login_hint);
    let tenant = match (&user, domain_hint) {
        (None, "") if login_hint.is_empty() => {
            let last = app.cookies.find(headers, Cookie::Tenant).filter(|_| !wants_other);
            return last
                .and_then(|last| app.tenants.get(last))
                .map(|last| (last, String::new()))
                .ok_or(Undiscovered::NoName);
        }
        (None, "") => return Err(Undiscovered::NotAName),
        (Some(user), "") => app.tenants.of_user(user),
        (_, domain) => app.tenants.of_domain(domain),
    };
    match (tenant, user) {
        (Some(tenant), user) => Ok((tenant, user.map(|user| user.to_string()).unwrap_or_default())),
        (None, Some(UserName::Account(_))) => Err(Undiscovered::NoOrganisation),
        (None, _) => Err(Undiscovered::Unknown),
    }
}

/// Returns how far a sign-in page may use a ticket. If the configuration names networks for tickets, and the client is
/// in none of them, the page asks for no ticket. If a try failed a short time ago, the page waits for a press of the
/// button. So the user does not wait for a second try that would also fail.
pub(crate) fn ticket_use(app: &App, tenant: &Tenant, client: &Client, headers: &HeaderMap) -> TicketUse {
    if !tenant.tries_tickets_at(client.address) {
        TicketUse::No
    } else if app.cookies.find(headers, Cookie::NoTicket).is_some() {
        TicketUse::ByButton
    } else {
        TicketUse::InBackground
    }
}

async fn sign_out(State(app): State<Shared>, headers: HeaderMap) -> Response {
    match sign_in::end_of_browser(&app, &headers).await {
        Ok(frames) => (sign_in::signed_out_cookies(&app), frames.lead(&app, Some("/"))).into_response(),
        Err(error) => unavailable(&app, &error),
    }
}

/// Returns the page that a user sees if the request needs the store and the store cannot be asked.
pub(crate) fn unavailable(app: &App, error: &StoreError) -> Response {
    tracing::error!("a request is answered by 503: {error}");
    let text = "The server cannot do this at the moment. Please try again shortly.";
    app.pages.message(StatusCode::SERVICE_UNAVAILABLE, "Please try again", text)
}

/// Says whether the server can serve requests. A load balancer sends no requests to a server that is not ready.
async fn ready(State(app): State<Shared>) -> Response {
    match app.unready().await.as_slice() {
        [] => "ready\n".into_response(),
        unready => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", unready.join(", "))).into_response(),
    }
}

pub(crate) async fn not_found(State(app): State<Shared>) -> Response {
    app.pages.message(StatusCode::NOT_FOUND, "Nothing here", "This address leads nowhere.")
}

pub(crate) fn with_cookie(cookie: Option<HeaderValue>) -> HeaderMap {
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
