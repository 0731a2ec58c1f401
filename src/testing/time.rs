//! The text of a KerberosTime, valid or malformed.

use super::asn1;
use crate::time::UnixTime;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;

/// The text of a KerberosTime (RFC 4120 section 5.2.3): a time, or arbitrary octets.
///
/// ```
/// use kerberos_sso::{UnixTime, testing::TimeText};
///
/// assert_eq!(TimeText::from(UnixTime::from_seconds(0)), TimeText::from("19700101000000Z"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TimeText(pub Vec<u8>);

impl TimeText {
    pub(super) fn decode(time: &asn1::Time) -> Self {
        Self(time.0.to_vec())
    }

    pub(super) fn encode(&self) -> asn1::Time {
        asn1::Time(asn1::octets(&self.0))
    }
}

/// Drops the microseconds.
impl From<UnixTime> for TimeText {
    fn from(time: UnixTime) -> Self {
        Self(time.to_string().bytes().filter(|byte| !matches!(byte, b'-' | b'T' | b':')).collect())
    }
}

impl From<&str> for TimeText {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for TimeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}
