//! The server's cookies: the session, the sealed state of a negotiation that continues, the identifier of the browser, the
//! tenant of the last sign-in, and the note that a try with a ticket failed.
//!
//! If the server's address begins with `https`, the cookies are `Secure` and their names begin with `__Host-`. A
//! browser then accepts them from this host only, over TLS only (RFC 6265bis section 4.1.3.2).

use crate::oidc::BrowserId;
use crate::session::SessionId;
use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use std::time::Duration;

/// The names and the attributes of the cookies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cookies {
    is_secure: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Cookie {
    Session,
    Continuation,
    /// The identifier of the browser, to which sign-ins for applications are bound.
    Browser,
    /// The name of the tenant of the last sign-in.
    Tenant,
    /// The note that a try with a ticket failed a short time ago.
    NoTicket,
}

impl Cookies {
    /// Returns the cookies of a server with this address.
    pub(crate) fn of_address(address: &str) -> Self {
        Self { is_secure: address.starts_with("https://") }
    }

    const fn name(self, cookie: Cookie) -> &'static str {
        match (cookie, self.is_secure) {
            (Cookie::Session, false) => "seamless_session",
            (Cookie::Session, true) => "__Host-seamless_session",
            (Cookie::Continuation, false) => "seamless_continuation",
            (Cookie::Continuation, true) => "__Host-seamless_continuation",
            (Cookie::Browser, false) => "seamless_browser",
            (Cookie::Browser, true) => "__Host-seamless_browser",
            (Cookie::Tenant, false) => "seamless_tenant",
            (Cookie::Tenant, true) => "__Host-seamless_tenant",
            (Cookie::NoTicket, false) => "seamless_no_ticket",
            (Cookie::NoTicket, true) => "__Host-seamless_no_ticket",
        }
    }

    /// Returns the value of a cookie in a request.
    pub(crate) fn find(self, headers: &HeaderMap, cookie: Cookie) -> Option<&str> {
        let name = self.name(cookie);
        let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Returns the identifier of the browser.
    pub(crate) fn browser_id(self, headers: &HeaderMap) -> Option<BrowserId> {
        self.find(headers, Cookie::Browser)?.parse().ok()
    }

    /// Returns the session id that the browser sent.
    pub(crate) fn session_id(self, headers: &HeaderMap) -> Option<SessionId> {
        self.find(headers, Cookie::Session)?.parse().ok()
    }

    /// Returns a `Set-Cookie` value. With `SameSite=Lax`, a browser sends the cookie when its user follows a link from
    /// another site. The browser does not send the cookie with a form that another site posts.
    pub(crate) fn set(self, cookie: Cookie, value: &str, lifetime: Duration) -> Option<HeaderValue> {
        let (name, seconds) = (self.name(cookie), lifetime.as_secs());
        let secure = if self.is_secure { "; Secure" } else { "" };
        HeaderValue::try_from(format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")).ok()
    }

    /// Returns a `Set-Cookie` value that deletes the cookie.
    pub(crate) fn clear(self, cookie: Cookie) -> Option<HeaderValue> {
        self.set(cookie, "", Duration::ZERO)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn cookie_of_an_https_server_is_secure_and_of_this_host_only() {
        let set = |address| Cookies::of_address(address).set(Cookie::Session, "00", Duration::from_mins(1)).unwrap();
        let attributes = "=00; Path=/; Max-Age=60; HttpOnly; SameSite=Lax";
        assert_eq!(set("http://sso.test"), format!("seamless_session{attributes}").as_str());
        assert_eq!(set("https://sso.test"), format!("__Host-seamless_session{attributes}; Secure").as_str());
    }

    #[test]
    fn https_server_does_not_read_a_cookie_without_the_host_prefix() {
        let headers = [(COOKIE, HeaderValue::from_static("seamless_session=a; x=y; __Host-seamless_session=b"))];
        let found = |address| {
            Cookies::of_address(address).find(&headers.iter().cloned().collect(), Cookie::Session).map(str::to_owned)
        };
        assert_eq!((found("http://sso.test").unwrap(), found("https://sso.test").unwrap()), ("a".into(), "b".into()));
    }
}
