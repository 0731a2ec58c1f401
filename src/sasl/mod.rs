//! The security layer of SASL's GSSAPI mechanism, as a server negotiates and uses it (RFC 4752 sections 3.2 and 3.3).
//!
//! In: an established context, the layers that the server is willing to use, and what the client answers. Out: the
//! challenge to send, then the authorization identity and, if a layer was chosen, the [`SecurityLayer`] that all later
//! bytes of the connection go through. The tokens before it are those of [`Validator`](crate::Validator), sent as they are;
//! base64, where a protocol has it, is the protocol's. Whether the user may act as the identity is for the server to say.

mod error;
mod layer;
#[cfg(test)]
mod tests;

pub use error::SaslError;
pub use layer::{Decoded, SecurityLayer};

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::BitOr;

use crate::context::{Protection, SecurityContext};
use crate::crypto::Confounder;
use crate::limits::{MAX_AUTHORIZATION_IDENTITY, MAX_MESSAGE_TOKEN};
use crate::wire::gss::GssFlags;

/// A set of security layers, as the first octet of either message has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layers(u8);

impl Layers {
    /// No security layer: the connection goes on as it was, under TLS for instance.
    pub const NONE: Self = Self(1);
    /// Every buffer is signed.
    pub const INTEGRITY: Self = Self(2);
    /// Every buffer is encrypted.
    pub const CONFIDENTIALITY: Self = Self(4);

    /// The octet on the wire.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether every layer of `layers` is in the set.
    #[must_use]
    pub const fn contains(self, layers: Self) -> bool {
        self.0 & layers.0 == layers.0
    }

    /// What a context of these flags can protect: RFC 4752 section 3.2 offers nothing that GSS did not grant.
    const fn available(flags: GssFlags) -> Self {
        let integrity = if flags.contains(GssFlags::INTEGRITY) { Self::INTEGRITY.0 } else { 0 };
        let confidentiality = if flags.contains(GssFlags::CONFIDENTIALITY) { Self::CONFIDENTIALITY.0 } else { 0 };
        Self(Self::NONE.0 | integrity | confidentiality)
    }
}

impl BitOr for Layers {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A challenge that waits for its answer.
#[derive(Debug)]
pub struct LayerNegotiation {
    context: SecurityContext,
    offered: Layers,
    max_receive: usize,
}

impl LayerNegotiation {
    /// Offers what of `layers` the context can do, and buffers of at most `max_receive` octets, length not counted, of
    /// which 16,777,215 is the most there can be. Returns the challenge to send, too.
    ///
    /// The confounder must be random, and never be used twice in one context.
    ///
    /// # Errors
    ///
    /// [`SaslError::NothingToOffer`] if the context can do none of them, and [`SaslError::BufferSize`] if a layer is
    /// offered with buffers that are too small for a message.
    pub fn begin(
        mut context: SecurityContext,
        layers: Layers,
        max_receive: usize,
        confounder: &Confounder,
    ) -> Result<(Self, Vec<u8>), SaslError> {
        let offered = Layers(layers.0 & Layers::available(context.flags()).0);
        let max_receive = match offered {
            Layers(0) => return Err(SaslError::NothingToOffer),
            Layers::NONE => 0,
            _ => max_receive.min(MAX_BUFFER),
        };
        if offered != Layers::NONE {
            check_buffer_size(&context, max_receive)?;
        }
        let [high, middle, low] = announced(max_receive);
        let mut challenge = Vec::new();
        context.wrap(&[offered.0, high, middle, low], Protection::Integrity, confounder, &mut challenge);
        Ok((Self { context, offered, max_receive }, challenge))
    }

    /// What was offered.
    #[must_use]
    pub fn offered(&self) -> Layers {
        self.offered
    }

    /// Takes the client's answer: the layer that it chose, its own maximum, and whom it wants to act as.
    ///
    /// # Errors
    ///
    /// [`SaslError`], whose variants say what is wrong with it. The connection should then be closed.
    pub fn finish(mut self, answer: &[u8]) -> Result<Negotiated, SaslError> {
        let mut message = Vec::new();
        self.context.unwrap(answer, &mut message)?;
        let [chosen, high, middle, low, identity @ ..] = message.as_slice() else {
            return Err(SaslError::ShortAnswer { size: message.len() });
        };
        let max_send = u32::from_be_bytes([0, *high, *middle, *low]);
        let authorization_identity = authorization_identity(identity)?;
        Ok(Negotiated { authorization_identity, layer: self.layer(*chosen, max_send)? })
    }

    /// Without a layer, RFC 4752 wants a maximum of 0 and Java's client sends its own all the same
    /// (<https://jira.mongodb.org/browse/SERVER-27252>). It has no meaning then, so it is not looked at.
    fn layer(self, chosen: u8, max_send: u32) -> Result<Option<SecurityLayer>, SaslError> {
        let choice = Layers(chosen);
        let protection = match choice {
            Layers::NONE => None,
            Layers::INTEGRITY => Some(Protection::Integrity),
            Layers::CONFIDENTIALITY => Some(Protection::Confidentiality),
            _ => return Err(SaslError::LayerNotOffered { chosen, offered: self.offered }),
        };
        if !self.offered.contains(choice) {
            return Err(SaslError::LayerNotOffered { chosen, offered: self.offered });
        }
        let Some(protection) = protection else {
            return Ok(None);
        };
        // Where `usize` has less than 24 bits, no message is longer than it can say.
        let max_send = usize::try_from(max_send).unwrap_or(usize::MAX);
        check_buffer_size(&self.context, max_send)?;
        Ok(Some(SecurityLayer { context: self.context, protection, max_send, max_receive: self.max_receive }))
    }
}

/// What client and server agreed on.
#[derive(Debug)]
pub struct Negotiated {
    /// Whom the client wants to act as; `None` is the user who signed in. The server decides whether that may be.
    pub authorization_identity: Option<String>,
    /// What the rest of the connection goes through; `None` if no layer was chosen.
    pub layer: Option<SecurityLayer>,
}
/// Rejects buffers that are too small for a message of one octet.
fn check_buffer_size(context: &SecurityContext, size: usize) -> Result<(), SaslError> {
    match context.wrap_size_limit(Protection::Confidentiality, size) {
        0 => Err(SaslError::BufferSize { size }),
        _ => Ok(()),
    }
}

/// Returns a size as the three octets that announce it.
#[expect(clippy::expect_used, reason = "a size is at most MAX_BUFFER, which has 24 bits")]
fn announced(size: usize) -> [u8; 3] {
    let [_, octets @ ..] = u32::try_from(size.min(MAX_BUFFER)).expect("24 bits are less than 32").to_be_bytes();
    octets
}

/// UTF-8 without NUL (RFC 4422 section 3.4.1); empty stands for the user who signed in.
fn authorization_identity(octets: &[u8]) -> Result<Option<String>, SaslError> {
    let (size, limit) = (octets.len(), MAX_AUTHORIZATION_IDENTITY);
    if size > limit {
        return Err(SaslError::IdentityTooLong { size, limit });
    }
    match core::str::from_utf8(octets) {
        Ok("") => Ok(None),
        Ok(text) if !text.contains('\0') => Ok(Some(text.into())),
        _ => Err(SaslError::IdentityText),
    }
}
/// The most that three octets can announce.
const MAX_BUFFER: usize = MAX_MESSAGE_TOKEN;
