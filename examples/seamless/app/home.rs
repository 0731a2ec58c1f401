//! `/`: shows who is signed in, and what the API says about the access token.

use crate::cookies::Cookie;
use crate::id_token::User;
use crate::relying_party::UserIdToken;
use crate::shared::Shared;
use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use openidconnect::AccessToken;

/// The session of a signed-in user.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) user: User,
    pub(crate) access_token: AccessToken,
    /// The ID token, which tells the issuer at a sign-out whose session ends.
    pub(crate) id_token: Box<UserIdToken>,
}

/// The answer of the API.
pub(crate) enum ApiAnswer {
    Answered { status: StatusCode, text: String },
    NotReached(String),
}

/// `GET /`
pub(crate) async fn home(State(app): State<Shared>, headers: HeaderMap) -> Response {
    let id = app.cookies.find(&headers, Cookie::Session);
    match id.and_then(|id| app.sessions.get(id, (app.now)())) {
        Some(session) => {
            let answer = call_api(&app, &session.access_token).await;
            app.pages.signed_in(&session.user, &answer)
        }
        None => app.pages.signed_out(),
    }
}

/// Calls the API as any client does: over HTTP, with the access token.
async fn call_api(app: &Shared, token: &AccessToken) -> ApiAnswer {
    let request = Request::get(format!("{}/me", app.config.api()))
        .header(AUTHORIZATION, format!("Bearer {}", token.secret()))
        .body(Vec::new());
    let request = match request {
        Ok(request) => request,
        Err(error) => return ApiAnswer::NotReached(error.to_string()),
    };
    match app.http.send(request).await {
        Ok(response) => ApiAnswer::Answered {
            status: response.status(),
            text: String::from_utf8_lossy(response.body()).into_owned(),
        },
        Err(error) => ApiAnswer::NotReached(error.to_string()),
    }
}
