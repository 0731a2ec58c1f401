//! Ends a session at the request of an application, and shows the page on which the user confirms this (OpenID Connect
//! RP-Initiated Logout 1.0). The server sends the browser only to an address that the client registered.
//!
//! If the ID token names the session's user, the endpoint ends the session at once. Otherwise a page first asks the
//! user. If the request is a form of a page of another site, the browser sends no cookie with the form. So the endpoint
//! redirects every form to the sign-out page. The browser sends the cookie to this page, which ends the session in the
//! same way.

use super::clients::RegisteredClient;
use super::front_channel::Frames;
use super::logout_request::{Hint, LogoutRequest};
use super::parameters::Parameters;
use super::token::{self, Fields};
use super::user::User;
use crate::app::{App, Shared};
use crate::browser::{session, unavailable};
use crate::clock;
use crate::session::Session;
use crate::sign_in;
use crate::signing::{Audience, TokenType};
use crate::tenants::Tenant;
use axum::extract::{Form, Query, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

pub(super) async fn by_query(
    State(app): State<Shared>,
    tenant: Tenant,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    match read(&app, &tenant, &Parameters::parse(query.unwrap_or_default().as_bytes())).await {
        Ok((request, sealed)) => go_on(&app, &tenant, &headers, &request, &sealed).await,
        Err(response) => response,
    }
}

pub(super) async fn by_form(State(app): State<Shared>, tenant: Tenant, fields: Fields) -> Response {
    let parameters = match token::parameters(fields) {
        Ok(parameters) => parameters,
        Err(error) => return refused(&app, &error.description),
    };
    match read(&app, &tenant, &parameters).await {
        Ok((_, sealed)) => Redirect::to(&format!("/{}/sign-out?request={sealed}", tenant.name)).into_response(),
        Err(response) => response,
    }
}

/// Reads a logout request. Also returns the request as encrypted text, for the address of the page that asks the user.
///
/// # Errors
/// Returns the page that says why the server refuses the request.
async fn read(app: &App, tenant: &Tenant, parameters: &Parameters) -> Result<(LogoutRequest, String), Response> {
    let now = clock::now();
    let hint = match parameters.get("id_token_hint") {
        None => None,
        Some(token) => {
            let keys = tenant.signing.keys(now).await.map_err(|error| unavailable(app, &error))?;
            let expected = (&*app.issuer(tenant), Audience::InClaims);
            let hint = keys.verified::<Hint>(token, TokenType::Id, expected, now, true);
            Some(hint.ok_or_else(|| refused(app, "id_token_hint is no ID token of this server"))?)
        }
    };
    let request = LogoutRequest::parse(parameters, hint, (&tenant.name, &tenant.clients), now);
    let request = request.map_err(|error| refused(app, &error.description))?;
    let sealed = request.seal(&app.records).ok_or_else(|| refused(app, "the request is too long"))?;
    Ok((request, sealed))
}

fn refused(app: &App, reason: &str) -> Response {
    tracing::warn!("an application's request for sign-out is refused on a page: {reason}");
    let text =
        format!("The application sent a request that this server does not take: {reason}. You are still signed in.");
    app.pages.message(StatusCode::BAD_REQUEST, "This sign-out cannot begin", &text)
}

/// The query or the form of the sign-out page.
#[derive(Deserialize)]
pub(super) struct Sealed {
    request: String,
}

/// Continues the request that a form began.
pub(super) async fn page(
    State(app): State<Shared>,
    tenant: Tenant,
    headers: HeaderMap,
    Query(Sealed { request: sealed }): Query<Sealed>,
) -> Response {
    match open(&app, &tenant, &sealed) {
        Some(request) => go_on(&app, &tenant, &headers, &request, &sealed).await,
        None => stale_page(&app),
    }
}

/// Ends the session if it belongs to the user whom the request names. Asks any other user of this tenant before the
/// session ends. Does not end a session of another tenant.
async fn go_on(app: &App, tenant: &Tenant, headers: &HeaderMap, request: &LogoutRequest, sealed: &str) -> Response {
    match session(app, headers).await {
        Some((_, session, _)) if session.tenant != tenant.name => {
            Frames::default().lead(app, request.target(&tenant.clients).as_deref())
        }
        Some((_, session, _)) if !is_hinted(app, tenant, request, &session) => {
            let name = request.client(&tenant.clients).map(RegisteredClient::shown_name);
            app.pages.sign_out(&session, name, sealed, request.target(&tenant.clients).as_deref())
        }
        _ => end(app, tenant, headers, request).await,
    }
}

/// Ends the session after its user has pressed the button. `origin.rs` checks that the form comes from a page of this
/// server.
pub(super) async fn confirmed(
    State(app): State<Shared>,
    tenant: Tenant,
    headers: HeaderMap,
    Form(Sealed { request }): Form<Sealed>,
) -> Response {
    match open(&app, &tenant, &request) {
        Some(request) => end(&app, &tenant, &headers, &request).await,
        None => stale_page(&app),
    }
}

fn open(app: &App, tenant: &Tenant, sealed: &str) -> Option<LogoutRequest> {
    LogoutRequest::open(&app.records, sealed, &tenant.name, clock::now())
}

fn stale_page(app: &App) -> Response {
    let text = "This page does not belong to a sign-out that is in progress. Go back to the application and try again.";
    app.pages.message(StatusCode::BAD_REQUEST, "Please start again", text)
}

/// Returns whether the ID token of a request names the user of a session.
fn is_hinted(app: &App, tenant: &Tenant, request: &LogoutRequest, session: &Session) -> bool {
    let (user, client) = (User::of_session(&session.identity), request.client(&tenant.clients));
    let subject =
        user.zip(client).map(|(user, client)| user.subject(app.records.secret(), &tenant.name, client.sector()));
    subject.is_some() && subject == request.subject
}

async fn end(app: &App, tenant: &Tenant, headers: &HeaderMap, request: &LogoutRequest) -> Response {
    match sign_in::end_of_browser(app, headers).await {
        Ok(frames) => {
            let response = frames.lead(app, request.target(&tenant.clients).as_deref());
            (sign_in::signed_out_cookies(app), response).into_response()
        }
        Err(error) => unavailable(app, &error),
    }
}
