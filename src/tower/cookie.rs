//! The cookie that carries the state of a negotiation (RFC 6265). Input: the `Cookie` values. Output: a `Set-Cookie`
//! value.

use crate::accept::Negotiation;
use crate::http::SealingKey;
use crate::limits::MAX_SEALED_SECONDS;
use crate::randomness::Randomness;
use crate::time::UnixTime;
use ::http::header::COOKIE;
use ::http::{HeaderMap, HeaderValue};
use std::sync::Arc;

/// The key and the name of the cookie.
#[derive(Clone, Debug)]
pub(super) struct ContinuationCookie {
    pub(super) key: SealingKey,
    pub(super) name: Arc<str>,
}

impl ContinuationCookie {
    /// Returns the value of this cookie in a request. If the request has several values, returns the first value.
    pub(super) fn read<'h>(&self, headers: &'h HeaderMap) -> Option<&'h [u8]> {
        let values = headers.get_all(COOKIE).into_iter();
        let mut pairs = values.flat_map(|value| value.as_bytes().split(|octet| *octet == b';'));
        pairs.find_map(|pair| pair.trim_ascii().strip_prefix(self.name.as_bytes())?.strip_prefix(b"="))
    }

    /// Makes the header that sets the cookie. Returns `None` if the state is too large for a cookie, or if a header cannot
    /// hold the cookie's name. The negotiation is then refused.
    pub(super) fn set(&self, negotiation: &Negotiation, randomness: &Randomness, now: UnixTime) -> Option<HeaderValue> {
        self.with_age(&self.key.seal(negotiation, randomness, now)?, MAX_SEALED_SECONDS)
    }

    /// Makes the header that removes the cookie. Returns `None` if a header cannot hold the cookie's name.
    pub(super) fn remove(&self) -> Option<HeaderValue> {
        self.with_age("", 0)
    }

    fn with_age(&self, value: &str, seconds: u64) -> Option<HeaderValue> {
        let name = &self.name;
        let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; Secure; SameSite=Strict");
        let mut cookie = HeaderValue::try_from(cookie).ok()?;
        cookie.set_sensitive(true);
        Some(cookie)
    }
}
