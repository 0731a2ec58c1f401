//! Checks that a form comes from a page of this server, against cross-site request forgery. As a second protection, the
//! session cookie is `SameSite`.

use crate::app::Shared;
use crate::client::Client;
use crate::{native, oidc};
use axum::extract::{Request, State};
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// Refuses POST requests that come from a page of another origin. The endpoints for applications accept requests from other
/// origins. Pages of registered origins may send forms to the token endpoints, and any page may send a user to the endpoints
/// for sign-in and sign-out. The WS-Trust endpoints themselves refuse the requests of all pages, and answer with a SOAP
/// fault.
pub(crate) async fn check(State(app): State<Shared>, client: Client, request: Request, next: Next) -> Response {
    let (path, headers) = (request.uri().path(), request.headers());
    let is_allowed = || {
        is_own(&client, headers) || oidc::may_send(&app, path, headers) || oidc::begins(path) || native::is_trust(path)
    };
    if request.method() == Method::POST && !is_allowed() {
        tracing::warn!(path = request.uri().path(), "a form from another origin is refused");
        return (StatusCode::FORBIDDEN, "This form was sent from another site.\n").into_response();
    }
    next.run(request).await
}

/// Returns whether a request comes from a page of this server, or from a client that is no browser. A browser sends `Origin`
/// with every POST, with the value `null` if it hides the origin. A client without `Origin` is usually no browser and has no
/// cookies to misuse. Without `Origin`, this function looks at `Sec-Fetch-Site`, if the request has this header.
pub(crate) fn is_own(client: &Client, headers: &HeaderMap) -> bool {
    match headers.get(ORIGIN) {
        Some(origin) => origin.to_str().is_ok_and(|origin| client.is_of_origin(origin)),
        None => headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none"),
    }
}
