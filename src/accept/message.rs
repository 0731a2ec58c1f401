//! Whether an AP-REQ is a message of the GSS mechanism.

use crate::wire::mechanism::Mechanism;

/// Whether an AP-REQ is a message of the GSS mechanism, which rules its checksum and the framing of its answer, or stands
/// alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// The message came under the object identifier of this mechanism.
    Gss(Mechanism),
    Bare,
}

impl Message {
    /// Returns the number that a kept negotiation has for it.
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
