//! The errors of the negotiation of a security layer, and of its buffers.

use super::Layers;
use crate::context::MessageError;
use thiserror::Error;

/// The error for a security layer that was not agreed on, or for one of its buffers.
///
/// [`code`](Self::code) names the error for programs. `Display` writes a sentence for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SaslError {
    /// The token in the answer or in a buffer is refused, or a buffer has less protection than agreed.
    #[error("{0}")]
    Message(MessageError),
    /// The client asked for a context that can provide none of the server's layers.
    #[error(
        "none of the server's security layers can be offered: the client asked neither for integrity nor for confidentiality"
    )]
    NothingToOffer,
    /// The answer has fewer than four octets.
    #[error("the answer has {size} octets, and the layer and the size alone take four")]
    ShortAnswer {
        /// The octets of the unwrapped answer.
        size: usize,
    },
    /// The client chose no layer, several layers, or one that was not offered.
    #[error("the client chose the security layer 0x{chosen:02X}, and offered were 0x{:02X}", .offered.bits())]
    LayerNotOffered {
        /// The octet of the answer that holds the choice.
        chosen: u8,
        /// The layers that were offered.
        offered: Layers,
    },
    /// The announced buffers are too small for a message in a layer. A client without layers announces zero.
    #[error("buffers of {size} octets have no room for a message in a security layer")]
    BufferSize {
        /// The size that was announced.
        size: usize,
    },
    /// The authorization identity is too long.
    #[error("the authorization identity has {size} octets, more than the limit of {limit}")]
    IdentityTooLong {
        /// The octets of the identity.
        size: usize,
        /// The limit, [`MAX_AUTHORIZATION_IDENTITY`](crate::limits::MAX_AUTHORIZATION_IDENTITY).
        limit: usize,
    },
    /// The authorization identity is not UTF-8, or holds a NUL.
    #[error("the authorization identity is not UTF-8, or holds a NUL")]
    IdentityText,
    /// A buffer is larger than this side announced.
    #[error("a buffer has {size} octets, and at most {limit} were announced")]
    BufferTooLarge {
        /// The length before the buffer.
        size: u32,
        /// The size that this side announced.
        limit: usize,
    },
    /// A message of this side is too long for the client's buffers.
    #[error("the message has {size} octets, and at most {limit} fit what the client can take")]
    MessageTooLong {
        /// The octets of the message.
        size: usize,
        /// The limit, [`SecurityLayer::max_message`](super::SecurityLayer::max_message).
        limit: usize,
    },
}

impl From<MessageError> for SaslError {
    fn from(cause: MessageError) -> Self {
        Self::Message(cause)
    }
}

impl SaslError {
    /// Returns the stable name of this error, for logs, counters and tests. Names are added, never changed.
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
            Self::MessageTooLong { .. } => "message-too-long",
        }
    }
}
