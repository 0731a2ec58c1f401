//! `/callback`: receives the issuer's answer, and begins the user's session.

use crate::all_groups;
use crate::cookies::Cookie;
use crate::failure::Failure;
use crate::home::Session;
use crate::id_token;
use crate::random::random;
use crate::relying_party;
use crate::shared::{SESSION_TIME, Shared};
use crate::sign_in::SignIn;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse as _, Redirect, Response};
use openidconnect::{AuthorizationCode, OAuth2TokenResponse as _, TokenResponse as _};
use serde::Deserialize;

/// The parameters of the issuer's answer (RFC 6749 section 4.1.2, RFC 9207 section 2).
#[derive(Deserialize)]
pub(crate) struct Answer {
    state: Option<String>,
    iss: Option<String>,
    code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// `GET /callback`
pub(crate) async fn callback(
    State(app): State<Shared>,
    headers: HeaderMap,
    answer: Result<Query<Answer>, QueryRejection>,
) -> Response {
    let answered = match answer {
        Ok(Query(answer)) => end(&app, &headers, answer).await,
        Err(_) => Err(Failure::Answer),
    };
    answered.unwrap_or_else(|failure| app.pages.failure(&failure))
}

async fn end(app: &Shared, headers: &HeaderMap, answer: Answer) -> Result<Response, Failure> {
    let now = (app.now)();
    let state = answer.state.ok_or(Failure::Answer)?;
    let browser = app.cookies.find(headers, Cookie::Browser).ok_or(Failure::NotBegunHere)?;
    let sign_in = app.sign_ins.take(&SignIn::name(&state, browser), now).ok_or(Failure::NotBegunHere)?;
    // An answer of another issuer may carry a code that only that issuer should see (RFC 9207 section 1).
    if answer.iss.as_deref() != Some(app.config.issuer.as_str()) {
        return Err(Failure::OtherIssuer(answer.iss));
    }
    if let Some(code) = answer.error {
        return Err(Failure::Refused { code, description: answer.error_description });
    }
    let code = answer.code.ok_or(Failure::Answer)?;
    let session = redeem(app, AuthorizationCode::new(code), sign_in).await?;
    // Each sign-in gets a new session id, so nobody can know the id before the sign-in.
    if let Some(old) = app.cookies.find(headers, Cookie::Session) {
        app.sessions.take(old, now);
    }
    let id = random();
    app.sessions.put(&id, session, now);
    let mut response = Redirect::to("/").into_response();
    response.headers_mut().extend(app.cookies.set(Cookie::Session, &id, SESSION_TIME).map(|value| (SET_COOKIE, value)));
    Ok(response)
}

/// Exchanges the code for tokens, and verifies the ID token.
async fn redeem(app: &Shared, code: AuthorizationCode, sign_in: SignIn) -> Result<Session, Failure> {
    let metadata = app.issuer.metadata(&app.http, (app.now)()).await.map_err(Failure::no_issuer)?;
    let tokens = relying_party::of(&app.config, &metadata)
        .exchange_code(code)
        .map_err(Failure::no_tokens)?
        .set_pkce_verifier(sign_in.verifier)
        .add_extra_param("resource", app.config.api())
        .request_async(&app.http)
        .await
        .map_err(Failure::no_tokens)?;
    let mut user = id_token::verify(app, &metadata, &tokens, &sign_in.nonce).await?;
    if let Some(endpoint) = &user.groups_at {
        user.groups = all_groups::ask(app, endpoint, tokens.access_token()).await;
    }
    let id_token = tokens.id_token().ok_or(Failure::NoIdToken)?.clone();
    Ok(Session { user, access_token: tokens.access_token().clone(), id_token: Box::new(id_token) })
}
