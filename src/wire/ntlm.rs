//! The types of NTLM messages (MS-NLMP). This crate refuses NTLM, and its error names the type of the message.

use thiserror::Error;

/// An NTLM message, by its type (MS-NLMP section 2.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NtlmMessage {
    /// The client begins a negotiation (type 1).
    #[error("NEGOTIATE_MESSAGE, type 1")]
    Negotiate,
    /// The server challenges the client (type 2).
    #[error("CHALLENGE_MESSAGE, type 2")]
    Challenge,
    /// The client answers a challenge (type 3).
    #[error("AUTHENTICATE_MESSAGE, type 3")]
    Authenticate,
    /// The client offered NTLM in its mechanism list, but sent no NTLM message.
    #[error("offered in the mechanism list, but no NTLM message was sent")]
    Offered,
    /// The message has the NTLM signature and an unknown type.
    #[error("unknown type")]
    Unknown,
}

impl NtlmMessage {
    /// Returns the type of the message that begins with these octets. A message begins with the signature and
    /// MessageType, which has 32 bits, little-endian (MS-NLMP section 2.2.1).
    pub(crate) fn of(message: &[u8]) -> Self {
        match message.strip_prefix(SIGNATURE) {
            Some([1, 0, 0, 0, ..]) => Self::Negotiate,
            Some([2, 0, 0, 0, ..]) => Self::Challenge,
            Some([3, 0, 0, 0, ..]) => Self::Authenticate,
            _ => Self::Unknown,
        }
    }
}

/// The octets with which every NTLM message begins.
pub(crate) const SIGNATURE: &[u8] = b"NTLMSSP\0";
