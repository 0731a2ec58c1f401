//! The cookie that carries a conversation (RFC 6265): in, the `Cookie` values of a request; out, a `Set-Cookie` value.

use crate::accept::Negotiation;
use crate::http::SealingKey;
use crate::limits::MAX_SEALED_SECONDS;
use crate::randomness::Randomness;
use crate::time::UnixTime;
use ::http::header::COOKIE;
use ::http::{HeaderMap, HeaderValue};
use std::sync::Arc;

/// Under which key and name conversations are carried.
#[derive(Clone, Debug)]
pub(super) struct LegCookie {
    pub(super) key: SealingKey,
    pub(super) name: Arc<str>,
}

impl LegCookie {
    /// The value that a request brought; the first, if there are several of the name.
    pub(super) fn read<'h>(&self, headers: &'h HeaderMap) -> Option<&'h [u8]> {
        let values = headers.get_all(COOKIE).into_iter();
        let mut pairs = values.flat_map(|value| value.as_bytes().split(|octet| *octet == b';'));
        pairs.find_map(|pair| pair.trim_ascii().strip_prefix(self.name.as_bytes())?.strip_prefix(b"="))
    }

    /// `None` if the conversation is too large for a cookie.
    pub(super) fn set(&self, negotiation: &Negotiation, randomness: &Randomness, now: UnixTime) -> Option<HeaderValue> {
        self.with_age(&self.key.seal(negotiation, randomness, now)?, MAX_SEALED_SECONDS)
    }

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
