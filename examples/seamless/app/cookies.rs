//! The application's two cookies: the session id, and the id that binds a sign-in to the browser in which it began.
//!
//! If the application's address begins with `https`, the cookies are `Secure` and their names begin with `__Host-`. A
//! browser then accepts them from this host only, over TLS only (RFC 6265bis section 4.1.3.2).

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
    Browser,
}

impl Cookies {
    /// Returns the cookies of an application with this address.
    pub(crate) fn of_address(address: &str) -> Self {
        Self { is_secure: address.starts_with("https://") }
    }

    const fn name(self, cookie: Cookie) -> &'static str {
        match (cookie, self.is_secure) {
            (Cookie::Session, false) => "seamless_app_session",
            (Cookie::Session, true) => "__Host-seamless_app_session",
            (Cookie::Browser, false) => "seamless_app_browser",
            (Cookie::Browser, true) => "__Host-seamless_app_browser",
        }
    }

    /// Returns the value of a cookie in a request.
    pub(crate) fn find(self, headers: &HeaderMap, cookie: Cookie) -> Option<&str> {
        let name = self.name(cookie);
        let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value)
    }

    /// Returns a `Set-Cookie` value. With `SameSite=Lax`, the browser sends the cookie when the issuer redirects the
    /// browser to the application. The browser does not send the cookie with a form that another site posts.
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
    fn cookie_of_an_https_application_is_secure_and_of_this_host_only() {
        let set = |address| Cookies::of_address(address).set(Cookie::Session, "00", Duration::from_mins(1)).unwrap();
        let attributes = "=00; Path=/; Max-Age=60; HttpOnly; SameSite=Lax";
        assert_eq!(set("http://127.0.0.1:8081"), format!("seamless_app_session{attributes}").as_str());
        assert_eq!(set("https://app.test"), format!("__Host-seamless_app_session{attributes}; Secure").as_str());
    }

    #[test]
    fn https_application_does_not_read_a_cookie_without_the_host_prefix() {
        let cookies = "seamless_app_session=a; x=y; __Host-seamless_app_session=b";
        let headers: HeaderMap = [(COOKIE, HeaderValue::from_static(cookies))].into_iter().collect();
        let found = |address| Cookies::of_address(address).find(&headers, Cookie::Session).map(str::to_owned);
        assert_eq!((found("http://app.test").unwrap(), found("https://app.test").unwrap()), ("a".into(), "b".into()));
    }
}
