//! The server's two cookies: the session, and the state of a negotiation that continues.
//!
//! They are not `Secure`, since the example listens on loopback without TLS. A server behind TLS has to say so, and to
//! name them `__Host-…`.

use crate::session::SessionId;
use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use std::time::Duration;

pub(crate) const SESSION: &str = "seamless_session";
pub(crate) const CONTINUATION: &str = "seamless_continuation";

/// The value of a cookie in a request.
pub(crate) fn find<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// The session that the browser says it has.
pub(crate) fn session_id(headers: &HeaderMap) -> Option<SessionId> {
    find(headers, SESSION)?.parse().ok()
}

/// A `Set-Cookie` value. `Lax`, so that a link from elsewhere finds its user signed in, while no form from elsewhere does.
pub(crate) fn set(name: &str, value: &str, lifetime: Duration) -> Option<HeaderValue> {
    let seconds = lifetime.as_secs();
    HeaderValue::try_from(format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax")).ok()
}

/// A `Set-Cookie` value that makes the browser forget.
pub(crate) fn clear(name: &str) -> Option<HeaderValue> {
    set(name, "", Duration::ZERO)
}
