//! The server's two cookies: the session id, and the sealed state of a negotiation that continues.
//!
//! The cookies are not `Secure`, because the example listens on loopback without TLS. A server behind TLS must add `Secure` and
//! must name the cookies `__Host-…`.

use crate::session::SessionId;
use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use std::time::Duration;

pub(crate) const SESSION: &str = "seamless_session";
pub(crate) const CONTINUATION: &str = "seamless_continuation";

/// Returns the value of a cookie in a request.
pub(crate) fn find<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Returns the session id that the browser sent.
pub(crate) fn session_id(headers: &HeaderMap) -> Option<SessionId> {
    find(headers, SESSION)?.parse().ok()
}

/// Returns a `Set-Cookie` value. With `SameSite=Lax`, a browser sends the cookie when its user follows a link from another
/// site. The browser does not send the cookie with a form that another site posts.
pub(crate) fn set(name: &str, value: &str, lifetime: Duration) -> Option<HeaderValue> {
    let seconds = lifetime.as_secs();
    HeaderValue::try_from(format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax")).ok()
}

/// Returns a `Set-Cookie` value that deletes the cookie.
pub(crate) fn clear(name: &str) -> Option<HeaderValue> {
    set(name, "", Duration::ZERO)
}
