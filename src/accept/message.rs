//! The kind of a message with an AP-REQ: a message of a GSS mechanism, or a bare AP-REQ.

use crate::wire::mechanism::Mechanism;

/// The kind of a message with an AP-REQ. The kind decides which checksum the AP-REQ must have, and which framing the answer
/// has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// The AP-REQ came in the framing of this GSS mechanism.
    Gss(Mechanism),
    /// The AP-REQ came without the framing of a GSS mechanism.
    Bare,
}

impl Message {
    /// Returns the number that stands for this kind of message in the octets of a [`Negotiation`](super::Negotiation).
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Bare => 0,
            Self::Gss(Mechanism::MsKrb5) => 2,
            Self::Gss(_) => 1,
        }
    }

    /// Returns the kind of message that this number stands for.
    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Bare),
            1 => Some(Self::Gss(Mechanism::Krb5)),
            2 => Some(Self::Gss(Mechanism::MsKrb5)),
            _ => None,
        }
    }
}
