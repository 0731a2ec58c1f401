//! The routes, the limits on the size and the time of a request, and the headers that protect the pages.

use crate::shared::Shared;
use crate::{api, callback, home, logout_token, pages, sign_in, sign_out};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Returns the routes of the application with their limits.
pub(crate) fn routes(app: Shared) -> Router {
    Router::new()
        .route("/", get(home::home))
        .route("/style.css", get(pages::style))
        .route("/login", get(sign_in::login))
        .route("/callback", get(callback::callback))
        .route("/logout", post(sign_out::logout))
        .route("/backchannel-logout", post(logout_token::receive))
        .route("/api/me", get(api::me))
        .layer(DefaultBodyLimit::max(MAX_BODY_SIZE))
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), protect))
        .with_state(app)
}

/// Limits the time of a request.
async fn in_time(request: Request, next: Next) -> Response {
    let response = timeout(REQUEST_TIME, next.run(request)).await;
    response.unwrap_or_else(|_| (StatusCode::GATEWAY_TIMEOUT, "This took too long.\n").into_response())
}

async fn protect(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    // The answer to the sign-out form redirects to the issuer, and browsers apply `form-action` to redirects, too.
    let issuer = app.config.issuer.url().origin().ascii_serialization();
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self' {issuer}; base-uri 'none'; frame-ancestors 'none'"
    );
    let policy = HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

const HEADERS: [(HeaderName, &str); 4] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CACHE_CONTROL, "no-store"),
    // The address of `/callback` contains the code, which must not reach another site as a referrer.
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

const MAX_BODY_SIZE: usize = 16 * 1024;
/// The longest time of a request. During a request, the application may have to ask the issuer three times.
pub(crate) const REQUEST_TIME: Duration = Duration::from_secs(30);
