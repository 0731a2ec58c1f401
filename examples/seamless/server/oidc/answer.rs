//! The answer to an authorization request, which the browser carries to the client: in the query of the redirect URI, or in
//! a form (OAuth 2.0 Form Post Response Mode). Each answer names the issuer (RFC 9207).

use super::authorization_request::{Reply, ResponseMode};
use super::error::OAuthError;
use crate::app::App;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse as _, Response};
use form_urlencoded::Serializer;

/// Sends the browser to the client with a code.
pub(super) fn code(app: &App, reply: &Reply, issuer: &str, code: &str) -> Response {
    send(app, reply, issuer, &[("code", code)])
}

/// Sends the browser to the client with an error.
pub(super) fn error(app: &App, reply: &Reply, issuer: &str, error: &OAuthError) -> Response {
    send(app, reply, issuer, &[("error", error.code.as_str()), ("error_description", &error.description)])
}

fn send(app: &App, reply: &Reply, issuer: &str, values: &[(&str, &str)]) -> Response {
    let state = reply.state.as_deref().map(|state| ("state", state));
    let fields: Vec<(&str, &str)> = values.iter().copied().chain(state).chain([("iss", issuer)]).collect();
    match reply.mode {
        ResponseMode::Query => {
            (StatusCode::SEE_OTHER, [(LOCATION, with_query(&reply.redirect_uri, &fields))]).into_response()
        }
        ResponseMode::FormPost => app.pages.form_post(&reply.redirect_uri, &fields),
    }
}

/// Adds fields to the query of a URI, and keeps the fields that the query has (RFC 6749 section 3.1.2).
pub(super) fn with_query(uri: &str, fields: &[(&str, &str)]) -> String {
    let mut query = Serializer::new(String::new());
    query.extend_pairs(fields);
    let separator = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{separator}{}", query.finish())
}
