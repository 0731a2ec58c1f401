//! The security layer of the SASL mechanisms GSSAPI (RFC 4752 sections 3.2 and 3.3) and GSS-SPNEGO, for servers.
//!
//! The server begins a negotiation with an established context and with the layers that it offers. The server sends the
//! challenge of the negotiation to the client. The client's answer ends the negotiation. The outcome contains the
//! authorization identity. If the client chose a layer, the outcome also contains the [`SecurityLayer`] for all later
//! octets of the connection.
//!
//! Before the challenge, client and server exchange the tokens that [`Validator`](crate::Validator) reads and makes. If
//! the protocol uses base64, the caller encodes the tokens. The server must decide whether the user may act as the
//! authorization identity.
//!
//! # Other mechanisms
//! Windows prefers GSS-SPNEGO for LDAP. GSS-SPNEGO has no challenge and no answer about a layer: see
//! [`SecurityLayer::of_gss_spnego`].
//!
//! This crate does not support GS2-KRB5 and GS2-KRB5-PLUS (RFC 5801), so a server must not announce these mechanisms.
//! The first token of GS2 has a text header instead of the GSS framing, and is refused as `malformed`. If the client
//! does not bind its authenticator to this header, an attacker can change the header (RFC 5801 section 5.1). GS2 has no
//! security layer, so it requires TLS. Every client that supports GS2 (Cyrus SASL, GNU SASL) also supports GSSAPI.
//!
//! # Example
//!
//! ```
//! use kerberos_sso::SecurityContext;
//! use kerberos_sso::sasl::{Decoded, LayerNegotiation, Layers};
//! # type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
//! # struct Connection;
//! # impl Connection {
//! #     fn send(&mut self, _: &[u8]) -> Outcome<()> { Ok(()) }
//! #     fn receive(&mut self) -> Outcome<Vec<u8>> { Ok(vec![]) }
//! # }
//! # fn random() -> Outcome<[u8; 16]> { Ok([0; 16]) }
//!
//! /// Sends every received message back, until the client closes the connection.
//! fn echo(context: SecurityContext, connection: &mut Connection) -> Outcome<()> {
//!     let offered = Layers::INTEGRITY | Layers::CONFIDENTIALITY;
//!     let (negotiation, challenge) = LayerNegotiation::begin(context, offered, 65_536, &random()?)?;
//!     connection.send(&challenge)?;
//!     let negotiated = negotiation.finish(&connection.receive()?)?;
//!     if negotiated.authorization_identity.is_some() {
//!         return Err("on this server no user may act as another user".into());
//!     }
//!     let mut layer = negotiated.layer.ok_or("the client chose no security layer")?;
//!     let mut received = Vec::new();
//!     loop {
//!         received.extend(connection.receive()?);
//!         let mut message = Vec::new();
//!         while let Decoded::Message { consumed } = layer.decode(&received, &mut message)? {
//!             received.drain(..consumed);
//!             let mut answer = Vec::new();
//!             layer.encode(&message, &random()?, &mut answer)?;
//!             connection.send(&answer)?;
//!             message.clear();
//!         }
//!     }
//! }
//! ```

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
use crate::flags::flags;
use crate::limits::{MAX_AUTHORIZATION_IDENTITY, MAX_MESSAGE_TOKEN};
use crate::wire::gss::GssFlags;

flags! {
    /// A set of security layers. The first octet of the challenge is such a set, and so is the first octet of the
    /// answer.
    pub struct Layers(u8) {
        /// No security layer: the connection continues without protection by SASL, for example with TLS.
        const NONE = 1;
        /// Every buffer is signed.
        const INTEGRITY = 2;
        /// Every buffer is encrypted.
        const CONFIDENTIALITY = 4;
    }
}

impl Layers {
    /// Returns the layers that a context with these flags can provide (RFC 4752 section 3.2).
    const fn available(flags: GssFlags) -> Self {
        let integrity = if flags.contains(GssFlags::INTEGRITY) { Self::INTEGRITY.0 } else { 0 };
        let confidentiality = if flags.contains(GssFlags::CONFIDENTIALITY) { Self::CONFIDENTIALITY.0 } else { 0 };
        Self(Self::NONE.0 | integrity | confidentiality)
    }
}

impl BitOr for Layers {
    type Output = Self;

    /// Returns the union of both sets.
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A negotiation that waits for the client's answer to the challenge.
#[derive(Debug)]
pub struct LayerNegotiation {
    context: SecurityContext,
    offered: Layers,
    max_receive: usize,
}

impl LayerNegotiation {
    /// Offers the layers of `layers` that the context can provide, and returns the challenge for the client.
    ///
    /// The server accepts buffers of at most `max_receive` octets, not counting the octets of their length. The
    /// challenge announces this size in three octets, so `max_receive` saturates at 16,777,215.
    ///
    /// The confounder must be random, and must not be used twice in one context.
    ///
    /// # Errors
    ///
    /// Returns [`SaslError::NothingToOffer`] if the context cannot provide any of `layers`. Returns
    /// [`SaslError::BufferSize`] if a layer other than [`Layers::NONE`] is offered and `max_receive` is too
    /// small for a message.
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

    /// Returns the layers that the server offered.
    #[must_use]
    pub fn offered(&self) -> Layers {
        self.offered
    }

    /// Reads the client's answer, which contains the chosen layer, the size of the client's buffers, and the
    /// authorization identity.
    ///
    /// # Errors
    ///
    /// Returns [`SaslError`], whose variants name the problem. The server should then close the connection.
    pub fn finish(mut self, answer: &[u8]) -> Result<Negotiated, SaslError> {
        let mut message = Vec::new();
        // Clients sign the answer (RFC 4752 section 3.1). An encrypted answer is accepted, too, because encryption also
        // protects the integrity.
        self.context.unwrap(answer, Protection::Integrity, &mut message)?;
        let [chosen, high, middle, low, identity @ ..] = message.as_slice() else {
            return Err(SaslError::ShortAnswer { size: message.len() });
        };
        let max_send = u32::from_be_bytes([0, *high, *middle, *low]);
        let authorization_identity = authorization_identity(identity)?;
        Ok(Negotiated { authorization_identity, layer: self.layer(*chosen, max_send)? })
    }

    /// Makes the layer that the client chose, or returns `None` if the client chose no layer.
    ///
    /// If the client chooses no layer, RFC 4752 asks for a buffer size of 0, but Java's client sends another size
    /// (<https://jira.mongodb.org/browse/SERVER-27252>). The size has no meaning without a layer, so it is ignored.
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
        // If `usize` has fewer than 24 bits, no message can be longer than `usize::MAX`.
        let max_send = usize::try_from(max_send).unwrap_or(usize::MAX);
        check_buffer_size(&self.context, max_send)?;
        Ok(Some(SecurityLayer { context: self.context, protection, max_send, max_receive: self.max_receive }))
    }
}

/// The outcome of the negotiation of a security layer.
#[derive(Debug)]
#[must_use = "the server must decide about the authorization identity, and use the layer"]
#[non_exhaustive]
pub struct Negotiated {
    /// The identity as which the client wants to act. `None` means the user who signed in. The server must decide
    /// whether the user may act as this identity.
    pub authorization_identity: Option<String>,
    /// The layer for the rest of the connection, or `None` if the client chose no layer.
    pub layer: Option<SecurityLayer>,
}

/// Checks that buffers of `size` octets can contain an encrypted message of one octet.
fn check_buffer_size(context: &SecurityContext, size: usize) -> Result<(), SaslError> {
    match context.wrap_size_limit(Protection::Confidentiality, size) {
        0 => Err(SaslError::BufferSize { size }),
        _ => Ok(()),
    }
}

/// Returns the three octets that announce a size.
#[expect(clippy::expect_used, reason = "a size is at most MAX_BUFFER, a number of 24 bits")]
fn announced(size: usize) -> [u8; 3] {
    let [_, octets @ ..] = u32::try_from(size.min(MAX_BUFFER)).expect("24 bits are less than 32").to_be_bytes();
    octets
}

/// Reads an authorization identity, which must be UTF-8 without NUL (RFC 4422 section 3.4.1). An empty identity means
/// the user who signed in.
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

/// The largest size that three octets can announce.
const MAX_BUFFER: usize = MAX_MESSAGE_TOKEN;
