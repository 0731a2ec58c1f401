//! KERB_AUTH_DATA_CLIENT_TARGET (MS-KILE section 3.2.5.8): an element of the authenticator that names the service for
//! which the client made the authenticator.

use crate::bounded_text::BoundedText;
use crate::wide_text::WideText;
use crate::wire::der::{Malformed, Problem};
use core::fmt;

/// The service for which a client made its authenticator (`HTTP/www.example.com@EXAMPLE.COM`).
///
/// The service's name in the ticket is not protected. The name in this element is protected, because only the client
/// and the service have the session key. So an acceptor can detect a relayed request that the client made for another
/// service of the same account. A malicious client can write any name into its own authenticator, or no name.
///
/// MS-KILE does not define the encoding of the element. Windows and Heimdal write UTF-16, little-endian, without a
/// terminator. MIT krb5 does not write the element.
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

    /// Makes a client target from octets that [`read`](Self::read) has accepted before.
    pub(crate) const fn of_checked(data: &'a [u8]) -> Self {
        Self(WideText::of_checked(data))
    }

    /// Makes the error for an element that cannot be read.
    pub(crate) const fn malformed(problem: Problem) -> Malformed {
        Malformed { what: "KERB_AUTH_DATA_CLIENT_TARGET", at: 0, problem }
    }

    /// Returns the octets of the text, in UTF-16, little-endian.
    pub(crate) const fn as_bytes(self) -> &'a [u8] {
        self.0.as_bytes()
    }

    /// Returns the whole text: the service and its realm.
    #[must_use]
    pub const fn text(self) -> WideText<'a> {
        self.0
    }

    /// Returns the service without its realm (`HTTP/www.example.com`): the text before the last `@`, or the whole text
    /// if there is no `@`.
    #[must_use]
    pub fn service(self) -> WideText<'a> {
        self.0.rsplit_once(b'@').map_or(self.0, |(service, _)| service)
    }

    /// Returns the realm, the text after the last `@`. Returns `None` if there is no `@`.
    #[must_use]
    pub fn realm(self) -> Option<WideText<'a>> {
        self.0.rsplit_once(b'@').map(|(_, realm)| realm)
    }

    /// Returns whether the service equals `name`, ignoring the case of ASCII letters, as `PrincipalName::is_service`
    /// does.
    pub(crate) fn is_service(self, name: &str) -> bool {
        self.service().eq_ignore_ascii_case(name.chars())
    }

    /// Returns the service's name for an error. An error keeps only the beginning of a long name.
    pub(crate) fn bounded(self) -> BoundedText {
        BoundedText::spelled(self.service().chars())
    }
}

/// Displays the whole text, and escapes control, format and other invisible characters.
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
