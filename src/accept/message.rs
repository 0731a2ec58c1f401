//! The kind of message that an AP-REQ is: a message of the GSS mechanism, or a bare AP-REQ.

use crate::wire::mechanism::Mechanism;

/// The kind of message that an AP-REQ is. The kind decides which checksum the AP-REQ must have, and which framing its answer
/// gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// The message came under the object identifier of this mechanism.
    Gss(Mechanism),
    /// The AP-REQ came without the framing of a GSS mechanism.
    Bare,
}

impl Message {
    /// Returns the number of this message in the octets of a [`Negotiation`](super::Negotiation).
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Bare => 0,
            Self::Gss(Mechanism::MsKrb5) => 2,
            Self::Gss(_) => 1,
        }
    }

    /// Returns the message with this number.
    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Bare),
            1 => Some(Self::Gss(Mechanism::Krb5)),
            2 => Some(Self::Gss(Mechanism::MsKrb5)),
            _ => None,
        }
    }
}
