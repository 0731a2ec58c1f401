//! The security layer that protects all later octets of a connection (RFC 4752 section 3.3, RFC 4422 section 3.7).

use super::{MAX_BUFFER, SaslError, check_buffer_size};
use crate::context::{Protection, SecurityContext};
use crate::crypto::Confounder;
use crate::wire::gss::GssFlags;
use alloc::vec::Vec;

/// The security layer of a connection. The layer sends all later octets in protected buffers. The length of each buffer
/// precedes the buffer (RFC 4422 section 3.7).
///
/// For an example, see [`sasl`](super).
#[derive(Debug)]
pub struct SecurityLayer {
    pub(super) context: SecurityContext,
    pub(super) protection: Protection,
    pub(super) max_send: usize,
    pub(super) max_receive: usize,
}

/// The result of [`SecurityLayer::decode`] for the beginning of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the caller must drop the consumed octets, or read more"]
pub enum Decoded {
    /// The input begins with a complete buffer, and the message of this buffer was appended to the output.
    Message {
        /// The number of octets of the input that contain the buffer and its length.
        consumed: usize,
    },
    /// The input ends within a buffer.
    Incomplete {
        /// The smallest number of octets that the input must have before the next call.
        needed: usize,
    },
}

impl SecurityLayer {
    /// Makes the layer of the mechanism GSS-SPNEGO (MS-ADTS section 3.1.1.3.4.5.2) from a context that SPNEGO
    /// established. Returns `None` if the client requested no protection. The connection then continues without a
    /// security layer.
    ///
    /// GSS-SPNEGO does not negotiate a layer. As in Windows and in Cyrus SASL, the flags of the context determine the
    /// layer. With [`GssFlags::CONFIDENTIALITY`], buffers are encrypted, and with [`GssFlags::INTEGRITY`] alone,
    /// buffers are signed. GSS-SPNEGO also has no authorization identity, so the client acts as the user who signed in.
    /// A server that requires encryption must refuse the result `None`, and check [`protection`](Self::protection).
    ///
    /// Neither side announces a buffer size. Buffers in both directions have at most `max_buffer` octets, not counting
    /// the octets of their length.
    ///
    /// # Errors
    ///
    /// Returns [`SaslError::BufferSize`] if `max_buffer` is too small for a message.
    pub fn of_gss_spnego(context: SecurityContext, max_buffer: usize) -> Result<Option<Self>, SaslError> {
        let protection = if context.flags().contains(GssFlags::CONFIDENTIALITY) {
            Protection::Confidentiality
        } else if context.flags().contains(GssFlags::INTEGRITY) {
            Protection::Integrity
        } else {
            return Ok(None);
        };
        let max_buffer = max_buffer.min(MAX_BUFFER);
        check_buffer_size(&context, max_buffer)?;
        Ok(Some(Self { context, protection, max_send: max_buffer, max_receive: max_buffer }))
    }

    /// Returns whether the buffers are signed or encrypted.
    pub fn protection(&self) -> Protection {
        self.protection
    }

    /// Returns the length of the longest message that fits into the client's buffers. The caller must split longer
    /// messages.
    #[must_use]
    pub fn max_message(&self) -> usize {
        self.context.wrap_size_limit(self.protection, self.max_send)
    }

    /// Protects a message, and appends the length of the buffer and the buffer to `out`.
    ///
    /// The confounder must be random, and must not be used twice in one context.
    ///
    /// # Errors
    ///
    /// Returns [`SaslError::MessageTooLong`] if the message is longer than [`max_message`](Self::max_message). After an
    /// error, `out` is unchanged.
    pub fn encode(&mut self, message: &[u8], confounder: &Confounder, out: &mut Vec<u8>) -> Result<(), SaslError> {
        let (size, limit) = (message.len(), self.max_message());
        if size > limit {
            return Err(SaslError::MessageTooLong { size, limit });
        }
        self.append(message, confounder, out);
        Ok(())
    }

    #[expect(
        clippy::expect_used,
        reason = "a token has at most `max_send` octets, a number of 24 bits, and its length was appended before it"
    )]
    fn append(&mut self, message: &[u8], confounder: &Confounder, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; LENGTH]);
        self.context.wrap(message, self.protection, confounder, out);
        let (_, buffer) = out.split_at_mut(start);
        let (length, token) = buffer.split_first_chunk_mut().expect("the length was appended");
        *length = u32::try_from(token.len()).expect("tokens have less than 2^24 octets").to_be_bytes();
    }

    /// Decodes the buffer at the beginning of `input`, if the buffer is complete, and appends its message to `out`.
    ///
    /// # Errors
    ///
    /// Returns [`SaslError`], whose variants name the problem. After an error, `out` is unchanged. The server should
    /// then close the connection, because it cannot know where the next buffer begins.
    pub fn decode(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Decoded, SaslError> {
        let Some((length, rest)) = input.split_first_chunk::<LENGTH>() else {
            return Ok(Decoded::Incomplete { needed: LENGTH });
        };
        let (size, limit) = (u32::from_be_bytes(*length), self.max_receive);
        let size = usize::try_from(size).ok().filter(|size| *size <= limit);
        let size = size.ok_or(SaslError::BufferTooLarge { size: u32::from_be_bytes(*length), limit })?;
        // If the sum saturated, no input would be long enough. The buffer would then count as incomplete.
        let consumed = size.saturating_add(LENGTH);
        let Some(token) = rest.get(..size) else {
            return Ok(Decoded::Incomplete { needed: consumed });
        };
        self.context.unwrap(token, self.protection, out)?;
        Ok(Decoded::Message { consumed })
    }
}

/// The number of octets in the length before each buffer.
pub(super) const LENGTH: usize = 4;
