//! The errors of the negotiation of a security layer, and of the layer's buffers.

use super::Layers;
use crate::context::MessageError;
use thiserror::Error;

/// The reason why the negotiation of a security layer failed, or why a buffer of the layer is refused.
///
/// [`code`](Self::code) names the error for programs. `Display` writes a sentence for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SaslError {
    /// The token in the client's answer or in a buffer is refused, or a buffer has less protection than the negotiated
    /// layer demands.
    #[error("{0}")]
    Message(MessageError),
    /// The client requested a context that cannot provide any of the server's layers.
    #[error("the context flags that the client requested allow none of the server's security layers")]
    NothingToOffer,
    /// The client's answer has fewer than four octets.
    #[error("the answer has {size} octets, fewer than the four octets of the layer and the buffer size")]
    ShortAnswer {
        /// The number of octets in the unwrapped answer.
        size: usize,
    },
    /// The client chose no layer, several layers, or a layer that the server did not offer.
    #[error("the client chose the security layer 0x{chosen:02X}, but the server offered 0x{:02X}", .offered.bits())]
    LayerNotOffered {
        /// The octet of the answer that contains the client's choice.
        chosen: u8,
        /// The layers that the server offered.
        offered: Layers,
    },
    /// The announced buffer size is too small for a message in a security layer. For example, a client that supports no
    /// security layer announces zero.
    #[error("buffers of {size} octets are too small for a message in a security layer")]
    BufferSize {
        /// The announced size, in octets.
        size: usize,
    },
    /// The authorization identity is too long.
    #[error("the authorization identity has {size} octets, more than the limit of {limit}")]
    IdentityTooLong {
        /// The number of octets in the identity.
        size: usize,
        /// The limit, [`MAX_AUTHORIZATION_IDENTITY`](crate::limits::MAX_AUTHORIZATION_IDENTITY).
        limit: usize,
    },
    /// The authorization identity is not UTF-8, or holds a NUL.
    #[error("the authorization identity is not UTF-8, or holds a NUL")]
    IdentityText,
    /// A buffer is larger than the size that this side announced.
    #[error("a buffer has {size} octets, more than the {limit} that this side announced")]
    BufferTooLarge {
        /// The length that was sent before the buffer, in octets.
        size: u32,
        /// The size that this side announced, in octets.
        limit: usize,
    },
    /// A message to the client is too long for the client's buffers.
    #[error("the message has {size} octets, more than the {limit} that fit into the client's buffers")]
    MessageTooLong {
        /// The number of octets in the message.
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
    /// Returns the stable name of this error, for logs, counters and tests. The name of an error never changes.
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
