//! KERB_AUTH_DATA_CLIENT_TARGET (MS-KILE section 3.2.5.8): the service that the client asked for, in its authenticator.

use crate::bounded_text::BoundedText;
use crate::wide_text::WideText;
use crate::wire::der::{Malformed, Problem};
use core::fmt;

/// The service for which a client made its authenticator (`HTTP/www.example.com@EXAMPLE.COM`).
///
/// Nothing protects the service's name in the ticket. This one is protected: only the client has the session key. So it
/// shows that somebody has sent on a request that its client made for another service of the same account. A client of its
/// own can write any name into it, or none.
///
/// MS-KILE names the element, and does not say how it is encoded. Windows and Heimdal write UTF-16 in little-endian order,
/// with no terminator. MIT krb5 does not write it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClientTarget<'a>(WideText<'a>);

impl<'a> ClientTarget<'a> {
    /// Reads the element's data.
    pub(crate) fn read(data: &'a [u8]) -> Result<Self, Malformed> {
        match WideText::new(data) {
            Some(text) if text.is_empty() => Err(Self::malformed(Problem::Empty)),
            Some(text) => Ok(Self(text)),
            None => Err(Self::malformed(Problem::Unrecognised)),
        }
    }

    /// Makes it again of octets that [`read`](Self::read) has taken.
    pub(crate) const fn of_checked(data: &'a [u8]) -> Self {
        Self(WideText::of_checked(data))
    }

    /// Makes the error of an element that cannot be read.
    pub(crate) const fn malformed(problem: Problem) -> Malformed {
        Malformed { what: "KERB_AUTH_DATA_CLIENT_TARGET", at: 0, problem }
    }

    /// Returns the octets.
    pub(crate) const fn as_bytes(self) -> &'a [u8] {
        self.0.as_bytes()
    }

    /// Returns the whole text: the service and its realm.
    #[must_use]
    pub const fn text(self) -> WideText<'a> {
        self.0
    }

    /// Returns the service without its realm (`HTTP/www.example.com`): what comes before the last `@`.
    #[must_use]
    pub fn service(self) -> WideText<'a> {
        self.0.rsplit_once(b'@').map_or(self.0, |(service, _)| service)
    }

    /// Returns the realm, which comes after the last `@`; `None` if there is no `@`.
    #[must_use]
    pub fn realm(self) -> Option<WideText<'a>> {
        self.0.rsplit_once(b'@').map(|(_, realm)| realm)
    }

    /// Returns whether the service is `name`, ASCII letters in any case, as `PrincipalName::is_service` compares.
    pub(crate) fn is_service(self, name: &str) -> bool {
        self.service().eq_ignore_ascii_case(name.chars())
    }

    /// Returns the service, as far as an error keeps it.
    pub(crate) fn bounded(self) -> BoundedText {
        BoundedText::spelled(self.service().chars())
    }
}

/// Prints the whole text, and escapes what does not print as itself.
impl fmt::Display for ClientTarget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for ClientTarget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientTarget({self})")
    }
}
