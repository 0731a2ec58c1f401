//! The errors for per-message tokens.

use super::Protection;
use crate::wire::der::Malformed;
use crate::wire::der::{self, Fault, Reader, field};
use crate::wire::gss::{INITIAL_TAG, InitialToken};
use thiserror::Error;

/// The error for a per-message token that is refused. It changes neither the context nor the caller's buffer.
///
/// [`code`](Self::code) names the error for programs. `Display` writes a sentence for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The octets are not those of a token.
    #[error("the token is malformed: {0}")]
    Malformed(Malformed),
    /// The token is longer than the limit. Nothing of it was read.
    #[error("the token has {size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// The octets of the token.
        size: usize,
        /// The limit, [`MAX_MESSAGE_TOKEN`](crate::limits::MAX_MESSAGE_TOKEN).
        limit: usize,
    },
    /// The token is for another purpose.
    #[error("{found} came where {expected} was expected")]
    WrongToken {
        /// The kind of token that this call takes in this context.
        expected: TokenKind,
        /// The kind of token that came.
        found: TokenKind,
    },
    /// The token was made by this side of the context: someone sent it back.
    #[error("the token was made by this side of the context: somebody sent it back")]
    Reflected,
    /// The token's AcceptorSubkey flag contradicts the context.
    #[error("the token is protected with {found}, and this context uses {expected}")]
    WrongKey {
        /// The key that the context uses.
        expected: MessageKey,
        /// The key that the flag names.
        found: MessageKey,
    },
    /// The MAC is not the one of this token under the context's key.
    #[error("the token, or the message that it signs, was altered or belongs to another context")]
    Integrity,
    /// The token has less protection than the caller demands.
    #[error("the token is protected by {}, and {} is demanded", .found.phrase(), .expected.phrase())]
    Protection {
        /// The least protection that the caller takes.
        expected: Protection,
        /// The protection of the token.
        found: Protection,
    },
    /// This token was taken before.
    #[error("the token with sequence number {sequence} was taken before")]
    Replayed {
        /// The token's number.
        sequence: u64,
    },
    /// Earlier tokens are missing, and the context promises their sequence (GSS_C_SEQUENCE_FLAG).
    #[error("the token has sequence number {sequence}, and {expected} must come first")]
    Gap {
        /// The token's number.
        sequence: u64,
        /// The number that must come next.
        expected: u64,
    },
    /// The token's number is before the context's first, and the context promises the sequence.
    #[error("the token has sequence number {sequence}, and the context began later and is at {expected}")]
    OutOfOrder {
        /// The token's number.
        sequence: u64,
        /// The number that must come next.
        expected: u64,
    },
    /// The token is too old: the context no longer knows whether it was taken before.
    #[error(
        "the token with sequence number {sequence} comes too late: {oldest} is the oldest that is still told apart"
    )]
    TooOld {
        /// The token's number.
        sequence: u64,
        /// The oldest number that could still be taken.
        oldest: u64,
    },
}

impl From<Malformed> for MessageError {
    fn from(cause: Malformed) -> Self {
        Self::Malformed(cause)
    }
}

impl MessageError {
    /// Returns the stable name of this error, for logs, counters and tests. Names are added, never changed.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::TooLarge { .. } => "too-large",
            Self::WrongToken { .. } => "wrong-token",
            Self::Reflected => "reflected",
            Self::WrongKey { .. } => "wrong-key",
            Self::Integrity => "integrity",
            Self::Protection { .. } => "protection",
            Self::Replayed { .. } => "replay",
            Self::Gap { .. } => "gap",
            Self::OutOfOrder { .. } => "out-of-order",
            Self::TooOld { .. } => "too-old",
        }
    }
}

/// The kind of a token, by its first octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenKind {
    /// A MIC token: `04 04` (RFC 4121 section 4.2.6.1).
    #[error("a MIC token of RFC 4121")]
    Mic,
    /// A Wrap token: `05 04` (RFC 4121 section 4.2.6.2).
    #[error("a Wrap token of RFC 4121")]
    Wrap,
    /// A MIC token under an RC4 key: `01 01` in GSS framing (RFC 4757 section 7.2).
    #[error("a MIC token of RFC 4757")]
    Rc4Mic,
    /// A Wrap token under an RC4 key: `02 01` in GSS framing (RFC 4757 section 7.3).
    #[error("a Wrap token of RFC 4757")]
    Rc4Wrap,
    /// A token that deletes a context: `04 05`, or `01 02` in GSS framing. It is obsolete.
    #[error("a token that deletes a context")]
    DeleteContext,
    /// A token that establishes a context: `01 00`, `02 00` or `03 00` in GSS framing (AP-REQ, AP-REP, KRB-ERROR).
    #[error("a token that establishes a context")]
    Establishment,
    /// Any other octets.
    #[error("something that is no token of Kerberos")]
    Unrecognised,
}

impl TokenKind {
    /// Returns the kind that the first octets name. Only the framing, if there is one, can be malformed.
    pub(super) fn of(token: &[u8]) -> Result<Self, Malformed> {
        der::read(token, Self::parse)
    }

    fn parse(mut reader: Reader<'_>) -> Result<Self, Fault> {
        let first = reader;
        Ok(match reader.take(2, field!("Token.TOK_ID"))? {
            [0x04, 0x04] => Self::Mic,
            [0x05, 0x04] => Self::Wrap,
            [0x04, 0x05] => Self::DeleteContext,
            [INITIAL_TAG, _] => Self::of_framed(InitialToken::read(first)?)?,
            _ => Self::Unrecognised,
        })
    }

    fn of_framed(mut token: InitialToken<'_>) -> Result<Self, Fault> {
        if !token.mechanism.is_kerberos() {
            return Ok(Self::Unrecognised);
        }
        Ok(match token.inner.take(2, field!("Token.TOK_ID"))? {
            [0x01, 0x01] => Self::Rc4Mic,
            [0x02, 0x01] => Self::Rc4Wrap,
            [0x01, 0x02] => Self::DeleteContext,
            [0x01..=0x03, 0x00] => Self::Establishment,
            _ => Self::Unrecognised,
        })
    }
}

/// The key of a context that protects its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MessageKey {
    /// The session key or the subkey of the initiator.
    #[error("the session key or the initiator's subkey")]
    Initial,
    /// The subkey in the acceptor's AP-REP.
    #[error("the acceptor's subkey")]
    AcceptorSubkey,
}
