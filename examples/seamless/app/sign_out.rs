//! `/logout`: ends the session at the application and at the issuer (OpenID Connect RP-Initiated Logout 1.0).

use crate::cookies::Cookie;
use crate::failure::Failure;
use crate::shared::Shared;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse as _, Redirect, Response};
use openidconnect::LogoutRequest;

/// `POST /logout`. A link cannot sign a user out, because it makes a GET request. A form of another site cannot sign a
/// user out, because the browser does not send the cookie with such a form.
pub(crate) async fn logout(State(app): State<Shared>, headers: HeaderMap) -> Response {
    let next = end(&app, &headers).await;
    let mut response = next.unwrap_or_else(|failure| app.pages.failure(&failure));
    response.headers_mut().extend(app.cookies.clear(Cookie::Session).map(|value| (SET_COOKIE, value)));
    response
}

/// Ends the session at the application, and returns a redirect to the issuer.
async fn end(app: &Shared, headers: &HeaderMap) -> Result<Response, Failure> {
    let now = (app.now)();
    let session = app.cookies.find(headers, Cookie::Session).and_then(|id| app.sessions.take(id, now));
    let Some(session) = session else { return Ok(Redirect::to("/").into_response()) };
    let metadata = app.issuer.metadata(&app.http, now).await.map_err(Failure::still_signed_in)?;
    let endpoint = metadata.additional_metadata().end_session_endpoint.clone();
    let Some(endpoint) = endpoint else { return Ok(Redirect::to("/").into_response()) };
    let request = LogoutRequest::from(endpoint)
        .set_id_token_hint(&*session.id_token)
        .set_post_logout_redirect_uri(app.config.post_logout_redirect_uri.clone());
    Ok(Redirect::to(request.http_get_url().as_str()).into_response())
}
