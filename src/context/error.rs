//! The errors for per-message tokens.

use super::Protection;
use crate::wire::der::Malformed;
use crate::wire::der::{self, Fault, Reader, field};
use crate::wire::gss::{INITIAL_TAG, InitialToken};
use thiserror::Error;

/// The reason why a per-message token is refused. A refused token does not change the context or the caller's buffer.
///
/// [`code`](Self::code) names the error for programs. `Display` writes a sentence for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The octets are not a well-formed token.
    #[error("the token is malformed: {0}")]
    Malformed(Malformed),
    /// The token is longer than the limit.
    #[error("the token has {size} octets, more than the limit of {limit}")]
    TooLarge {
        /// The number of octets in the token.
        size: usize,
        /// The limit, [`MAX_MESSAGE_TOKEN`](crate::limits::MAX_MESSAGE_TOKEN).
        limit: usize,
    },
    /// The token is of a kind that this call does not accept.
    #[error("expected {expected}, found {found}")]
    WrongToken {
        /// The kind of token that this call accepts in this context.
        expected: TokenKind,
        /// The kind of the received token.
        found: TokenKind,
    },
    /// This side of the context made the token, and another party sent the token back.
    #[error("this side of the context made the token, and somebody sent the token back")]
    Reflected,
    /// The AcceptorSubkey flag of the token does not match the key of the context.
    #[error("the token is protected with {found}, but this context uses {expected}")]
    WrongKey {
        /// The key that the context uses.
        expected: MessageKey,
        /// The key that the token's flag names.
        found: MessageKey,
    },
    /// The MAC of the token does not verify with the context's key.
    #[error("the token or its message was altered, or belongs to another context")]
    Integrity,
    /// The token has less protection than the caller requires.
    #[error("the token is protected by {}, but {} is required", .found.phrase(), .expected.phrase())]
    Protection {
        /// The least protection that the caller accepts.
        expected: Protection,
        /// The protection of the token.
        found: Protection,
    },
    /// This token was accepted before.
    #[error("the token with sequence number {sequence} was accepted before")]
    Replayed {
        /// The sequence number of the token.
        sequence: u64,
    },
    /// Earlier tokens are missing, and the context requires all tokens in order (GSS_C_SEQUENCE_FLAG).
    #[error("earlier tokens are missing: the token has sequence number {sequence}, and {expected} must come first")]
    Gap {
        /// The sequence number of the token.
        sequence: u64,
        /// The sequence number that must come next.
        expected: u64,
    },
    /// The sequence number is before the first number of the context, and the context requires all tokens in order
    /// (GSS_C_SEQUENCE_FLAG).
    #[error("the token's sequence number {sequence} is before the first of the context, and {expected} must come next")]
    OutOfOrder {
        /// The sequence number of the token.
        sequence: u64,
        /// The sequence number that must come next.
        expected: u64,
    },
    /// The token is too old: the context no longer remembers whether it accepted the token before.
    #[error(
        "the token with sequence number {sequence} is too old to check for a replay: {oldest} is the oldest remembered number"
    )]
    TooOld {
        /// The sequence number of the token.
        sequence: u64,
        /// The oldest sequence number that could still be accepted.
        oldest: u64,
    },
}

impl From<Malformed> for MessageError {
    fn from(cause: Malformed) -> Self {
        Self::Malformed(cause)
    }
}

impl MessageError {
    /// Returns the stable name of this error, for logs, counters and tests. The name of an error never changes.
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

/// The kind of a token. The first octets of a token show its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenKind {
    /// A MIC token: `04 04` (RFC 4121 section 4.2.6.1).
    #[error("a MIC token of RFC 4121")]
    Mic,
    /// A Wrap token: `05 04` (RFC 4121 section 4.2.6.2).
    #[error("a Wrap token of RFC 4121")]
    Wrap,
    /// A MIC token with an RC4 key: `01 01` in GSS framing (RFC 4757 section 7.2).
    #[error("a MIC token of RFC 4757")]
    Rc4Mic,
    /// A Wrap token with an RC4 key: `02 01` in GSS framing (RFC 4757 section 7.3).
    #[error("a Wrap token of RFC 4757")]
    Rc4Wrap,
    /// An obsolete token that deletes a context: `04 05`, or `01 02` in GSS framing.
    #[error("a token that deletes a context")]
    DeleteContext,
    /// A token that establishes a context: `01 00`, `02 00` or `03 00` in GSS framing (AP-REQ, AP-REP, KRB-ERROR).
    #[error("a token that establishes a context")]
    Establishment,
    /// Any other octets.
    #[error("octets that are not a Kerberos token")]
    Unrecognised,
}

impl TokenKind {
    /// Returns the kind that the first octets show. Returns an error if the octets end too early, or the GSS framing is
    /// malformed.
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

/// The origin of the key that protects the messages of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MessageKey {
    /// The session key or the subkey of the initiator.
    #[error("the session key or the initiator's subkey")]
    Initial,
    /// The subkey in the acceptor's AP-REP.
    #[error("the acceptor's subkey")]
    AcceptorSubkey,
}
