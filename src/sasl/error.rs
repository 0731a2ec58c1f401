//! Why a security layer was not agreed on, or one of its buffers refused.

use super::Layers;
use crate::context::{MessageError, Protection};
use thiserror::Error;

/// Why a security layer was not agreed on, or one of its buffers refused.
///
/// [`code`](Self::code) names it for programs, `Display` is a sentence for the reader of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SaslError {
    /// The token in the answer, or in a buffer, is refused.
    #[error("{0}")]
    Message(#[from] MessageError),
    /// The client asked for a context that can do none of the server's layers.
    #[error(
        "none of the server's security layers can be offered: the client asked neither for integrity nor for confidentiality"
    )]
    NothingToOffer,
    /// The answer has less than four octets.
    #[error("the answer has {size} octets, and the layer and the size alone take four")]
    ShortAnswer {
        /// Octets of the unwrapped answer.
        size: usize,
    },
    /// The client chose no layer, several, or another than those on offer.
    #[error("the client chose the security layer 0x{chosen:02X}, and offered were 0x{:02X}", .offered.bits())]
    LayerNotOffered {
        /// The octet of the answer.
        chosen: u8,
        /// What was offered.
        offered: Layers,
    },
    /// A layer whose buffers are too small for a message; zero is what a client without layers sends.
    #[error("buffers of {size} octets have no room for a message in a security layer")]
    BufferSize {
        /// The size that was announced.
        size: usize,
    },
    /// More octets than any name has.
    #[error("the authorization identity has {size} octets, more than the limit of {limit}")]
    IdentityTooLong {
        /// Its octets.
        size: usize,
        /// [`MAX_AUTHORIZATION_IDENTITY`](crate::limits::MAX_AUTHORIZATION_IDENTITY).
        limit: usize,
    },
    /// Not UTF-8, or with a NUL.
    #[error("the authorization identity is not UTF-8, or holds a NUL")]
    IdentityText,
    /// A buffer that is larger than was announced.
    #[error("a buffer has {size} octets, and at most {limit} were announced")]
    BufferTooLarge {
        /// The length before it.
        size: u32,
        /// What this side announced.
        limit: usize,
    },
    /// A buffer that is not protected as was agreed.
    #[error("a buffer is protected by {}, and {} was agreed on", name(*.found), name(*.negotiated))]
    Protection {
        /// What was agreed on.
        negotiated: Protection,
        /// What the buffer has.
        found: Protection,
    },
    /// A message of this side that is too long for the client.
    #[error("the message has {size} octets, and at most {limit} fit what the client can take")]
    MessageTooLong {
        /// Octets of the message.
        size: usize,
        /// [`SecurityLayer::max_message`](super::SecurityLayer::max_message).
        limit: usize,
    },
}

impl SaslError {
    /// The stable name of this error, for logs, counters and tests. Names are added, never changed.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Message(error) => error.code(),
            Self::NothingToOffer => "nothing-to-offer",
            Self::ShortAnswer { .. } => "short-answer",
            Self::LayerNotOffered { .. } => "layer-not-offered",
            Self::BufferSize { .. } => "buffer-size",
            Self::IdentityTooLong { .. } => "identity-too-long",
            Self::IdentityText => "identity-text",
            Self::BufferTooLarge { .. } => "buffer-too-large",
            Self::Protection { .. } => "protection",
            Self::MessageTooLong { .. } => "message-too-long",
        }
    }
}

const fn name(protection: Protection) -> &'static str {
    match protection {
        Protection::Integrity => "a signature only",
        Protection::Confidentiality => "encryption",
    }
}
