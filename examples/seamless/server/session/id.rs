//! The cookie of a session.

use crate::clock;
use std::fmt;
use std::str::FromStr;

/// A cookie of 256 random bits. The text form of the cookie is hexadecimal.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct SessionId([u8; 32]);

impl SessionId {
    pub(crate) fn random() -> Self {
        Self(clock::random())
    }

    /// Returns the secret octets.
    pub(crate) const fn octets(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Hides the octets, because the cookie is a credential.
impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(..)")
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl FromStr for SessionId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut octets = [0; 32];
        if pairs.len() != octets.len() || !rest.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(());
        }
        for (octet, pair) in octets.iter_mut().zip(pairs) {
            let digits = str::from_utf8(pair).map_err(|_| ())?;
            *octet = u8::from_str_radix(digits, 16).map_err(|_| ())?;
        }
        Ok(Self(octets))
    }
}
