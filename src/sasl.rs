//! The security layer of SASL's GSSAPI mechanism, as a server negotiates and uses it (RFC 4752 sections 3.2 and 3.3).
//!
//! In: an established context, the layers that the server is willing to use, and what the client answers. Out: the
//! challenge to send, then the authorization identity and, if a layer was chosen, the [`SecurityLayer`] that all later
//! bytes of the connection go through. The tokens before it are those of [`Validator`](crate::Validator), sent as they are;
//! base64, where a protocol has it, is the protocol's. Whether the user may act as the identity is for the server to say.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::BitOr;

use crate::context::{MessageError, Protection, SecurityContext};
use crate::crypto::Confounder;
use crate::gss::GssFlags;
use crate::limits::{MAX_AUTHORIZATION_IDENTITY, MAX_MESSAGE_TOKEN};
use thiserror::Error;

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
    /// which 16,777,215 is the most there can be. Gives back the challenge to send besides.
    ///
    /// The confounder must be random, and never be used twice in one context.
    ///
    /// # Errors
    ///
    /// [`SaslError::NothingToOffer`] if the context can do none of them, and [`SaslError::BufferSize`] if a layer is
    /// offered with buffers that have no room for a message.
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
        let [_, size @ ..] = u32::try_from(max_receive).unwrap_or(0).to_be_bytes();
        let [high, middle, low] = size;
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
        let max_send = usize::try_from(max_send).unwrap_or(MAX_BUFFER);
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

/// The layer that all bytes of the connection go through from now on, each buffer with its length before it
/// (RFC 4422 section 3.7).
#[derive(Debug)]
pub struct SecurityLayer {
    context: SecurityContext,
    protection: Protection,
    max_send: usize,
    max_receive: usize,
}

/// What a piece of the connection holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A whole buffer, of which the message was appended to the output.
    Message {
        /// Octets that it took from the input.
        consumed: usize,
    },
    /// The input ends within a buffer.
    Incomplete {
        /// Octets that the input must have before there is more to say.
        needed: usize,
    },
}

impl SecurityLayer {
    /// How buffers are protected.
    #[must_use]
    pub fn protection(&self) -> Protection {
        self.protection
    }

    /// Octets of the longest message that fits a buffer of the client's; longer ones must be sent in pieces.
    #[must_use]
    pub fn max_message(&self) -> usize {
        self.context.wrap_size_limit(self.protection, self.max_send)
    }

    /// Protects a message and appends the buffer, with its length before it, to `out`.
    ///
    /// The confounder must be random, and never be used twice in one context.
    ///
    /// # Errors
    ///
    /// [`SaslError::MessageTooLong`] if it is longer than [`max_message`](Self::max_message). Nothing is then appended.
    pub fn encode(&mut self, message: &[u8], confounder: &Confounder, out: &mut Vec<u8>) -> Result<(), SaslError> {
        let (size, limit) = (message.len(), self.max_message());
        if size > limit {
            return Err(SaslError::MessageTooLong { size, limit });
        }
        let start = out.len();
        out.extend_from_slice(&[0; LENGTH]);
        self.context.wrap(message, self.protection, confounder, out);
        if let Some((length, token)) = out.get_mut(start..).and_then(|buffer| buffer.split_first_chunk_mut()) {
            *length = u32::try_from(token.len()).unwrap_or(u32::MAX).to_be_bytes();
        }
        Ok(())
    }

    /// Takes one buffer from the beginning of `input`, if it is all there, and appends its message to `out`.
    ///
    /// # Errors
    ///
    /// [`SaslError`], whose variants say what is wrong with it. `out` is then as it was, and the connection should be
    /// closed: what follows cannot be trusted to begin where the next buffer does.
    pub fn decode(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Decoded, SaslError> {
        let Some((length, rest)) = input.split_first_chunk::<LENGTH>() else {
            return Ok(Decoded::Incomplete { needed: LENGTH });
        };
        let (size, limit) = (u32::from_be_bytes(*length), self.max_receive);
        let size = usize::try_from(size).ok().filter(|size| *size <= limit);
        let size = size.ok_or(SaslError::BufferTooLarge { size: u32::from_be_bytes(*length), limit })?;
        let consumed = size.saturating_add(LENGTH);
        let Some(token) = rest.get(..size) else {
            return Ok(Decoded::Incomplete { needed: consumed });
        };
        let start = out.len();
        let (negotiated, found) = (self.protection, self.context.unwrap(token, out)?);
        if found != negotiated {
            crate::context::take_back(out, start);
            return Err(SaslError::Protection { negotiated, found });
        }
        Ok(Decoded::Message { consumed })
    }
}

/// Whether a buffer of so many octets has room for a message, if only of one octet.
fn check_buffer_size(context: &SecurityContext, size: usize) -> Result<(), SaslError> {
    match context.wrap_size_limit(Protection::Confidentiality, size) {
        0 => Err(SaslError::BufferSize { size }),
        _ => Ok(()),
    }
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

/// Why a security layer was not agreed on, or one of its buffers refused.
///
/// [`code`](Self::code) names it for programs, `Display` is a sentence for whoever reads the log.
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
    /// A layer whose buffers have no room for a message; zero is what a client without layers sends.
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
        /// [`MAX_AUTHORIZATION_IDENTITY`].
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
        /// [`SecurityLayer::max_message`].
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

/// The most that three octets can announce.
const MAX_BUFFER: usize = MAX_MESSAGE_TOKEN;

/// Octets before each buffer.
const LENGTH: usize = 4;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
    use super::*;
    use crate::context::{Established, MessageKey, Role};
    use crate::crypto::{EncType, Key};
    use alloc::vec;

    const SEQUENCE: u32 = 0x08;
    const CONFIDENTIALITY: u32 = 0x10;
    const INTEGRITY: u32 = 0x20;
    const BOTH: u32 = SEQUENCE | CONFIDENTIALITY | INTEGRITY;
    const ALL: Layers = Layers(7);

    fn sides(etype: EncType, flags: u32) -> (SecurityContext, SecurityContext) {
        let key = Key::new(etype, &vec![5; etype.key_len().unwrap()]).unwrap();
        let side = |role| {
            SecurityContext::new(Established {
                role,
                key: key.clone(),
                message_key: MessageKey::Initial,
                flags: crate::context::recorded::flags(flags),
                send_sequence: 7,
                receive_sequence: 7,
            })
        };
        (side(Role::Initiator), side(Role::Acceptor))
    }

    /// The client's context and the negotiation, after the challenge was read.
    fn begun(layers: Layers, max_receive: usize) -> (SecurityContext, LayerNegotiation) {
        let (mut client, server) = sides(EncType::AES256_CTS_HMAC_SHA1_96, BOTH);
        let (negotiation, challenge) = LayerNegotiation::begin(server, layers, max_receive, &[1; 16]).unwrap();
        client.unwrap(&challenge, &mut Vec::new()).unwrap();
        (client, negotiation)
    }

    fn answer(layers: Layers, message: &[u8]) -> Result<Negotiated, SaslError> {
        let (mut client, negotiation) = begun(layers, 0x1_0000);
        let mut token = Vec::new();
        client.wrap(message, Protection::Integrity, &[2; 16], &mut token);
        negotiation.finish(&token)
    }

    fn layered(chosen: Layers, etype: EncType) -> (SecurityContext, SecurityLayer) {
        let (mut client, server) = sides(etype, BOTH);
        let (negotiation, challenge) = LayerNegotiation::begin(server, ALL, 1000, &[1; 16]).unwrap();
        client.unwrap(&challenge, &mut Vec::new()).unwrap();
        let mut token = Vec::new();
        client.wrap(&[chosen.bits(), 0, 2, 0], Protection::Integrity, &[2; 16], &mut token);
        (client, negotiation.finish(&token).unwrap().layer.unwrap())
    }

    #[test]
    fn the_challenge_says_layers_and_size() {
        for (layers, size, expected) in [
            (ALL, 0x01_2345, [7, 1, 0x23, 0x45]),
            (ALL, usize::MAX, [7, 0xFF, 0xFF, 0xFF]),
            (Layers::NONE, 4096, [1, 0, 0, 0]),
            (Layers::CONFIDENTIALITY, 4096, [4, 0, 0x10, 0]),
        ] {
            let (mut client, server) = sides(EncType::AES128_CTS_HMAC_SHA256_128, BOTH);
            let (_, challenge) = LayerNegotiation::begin(server, layers, size, &[1; 16]).unwrap();
            let mut message = Vec::new();
            assert_eq!(client.unwrap(&challenge, &mut message), Ok(Protection::Integrity));
            assert_eq!(message, expected);
        }
    }

    #[test]
    fn nothing_is_offered_that_the_context_cannot_do() {
        for (flags, layers, offered) in [
            (BOTH, ALL, Ok(7)),
            (INTEGRITY, ALL, Ok(3)),
            (0, ALL, Ok(1)),
            (INTEGRITY, Layers::CONFIDENTIALITY, Err(SaslError::NothingToOffer)),
            (BOTH, Layers(0), Err(SaslError::NothingToOffer)),
        ] {
            let (_, server) = sides(EncType::AES256_CTS_HMAC_SHA1_96, flags);
            let begun = LayerNegotiation::begin(server, layers, 4096, &[1; 16]);
            assert_eq!(begun.map(|(negotiation, _)| negotiation.offered().bits()), offered);
        }
        for size in [0, 60] {
            let (_, server) = sides(EncType::AES256_CTS_HMAC_SHA1_96, BOTH);
            let begun = LayerNegotiation::begin(server, ALL, size, &[1; 16]);
            assert_eq!(begun.unwrap_err(), SaslError::BufferSize { size });
        }
    }

    #[test]
    fn an_answer_gives_layer_and_identity() {
        let negotiated = answer(ALL, &[1, 0, 0, 0]).unwrap();
        assert!(negotiated.layer.is_none() && negotiated.authorization_identity.is_none());
        // Java's client announces a size without a layer.
        assert!(answer(ALL, &[1, 1, 0, 0]).unwrap().layer.is_none());
        let negotiated = answer(ALL, &[&[4, 0, 0x10, 0][..], "u:żółw".as_bytes()].concat()).unwrap();
        assert_eq!(negotiated.authorization_identity.as_deref(), Some("u:żółw"));
        let layer = negotiated.layer.unwrap();
        assert_eq!(layer.protection(), Protection::Confidentiality);
        assert_eq!(layer.max_message(), 0x1000 - 60);
        assert_eq!(answer(ALL, &[2, 0, 1, 0]).unwrap().layer.unwrap().protection(), Protection::Integrity);
    }

    #[test]
    fn an_answer_is_refused_for_one_thing_each() {
        let not_offered = |chosen, offered| SaslError::LayerNotOffered { chosen, offered };
        let long = [&[1, 0, 0, 0][..], &[b'a'; MAX_AUTHORIZATION_IDENTITY + 1]].concat();
        for (layers, message, expected) in [
            (ALL, &[][..], SaslError::ShortAnswer { size: 0 }),
            (ALL, &[1, 0, 0], SaslError::ShortAnswer { size: 3 }),
            (ALL, &[0, 0, 0, 0], not_offered(0, ALL)),
            (ALL, &[6, 1, 0, 0], not_offered(6, ALL)),
            (ALL, &[8, 1, 0, 0], not_offered(8, ALL)),
            (Layers::NONE, &[2, 1, 0, 0], not_offered(2, Layers::NONE)),
            (Layers::CONFIDENTIALITY, &[1, 0, 0, 0], not_offered(1, Layers::CONFIDENTIALITY)),
            (Layers::CONFIDENTIALITY, &[2, 1, 0, 0], not_offered(2, Layers::CONFIDENTIALITY)),
            (ALL, &[2, 0, 0, 0], SaslError::BufferSize { size: 0 }),
            (ALL, &[4, 0, 0, 60], SaslError::BufferSize { size: 60 }),
            (ALL, &[1, 0, 0, 0, 0xFF], SaslError::IdentityText),
            (ALL, &[1, 0, 0, 0, b'a', 0], SaslError::IdentityText),
            (ALL, &long, SaslError::IdentityTooLong { size: 1025, limit: 1024 }),
        ] {
            assert_eq!(answer(layers, message).unwrap_err(), expected);
        }
        assert!(answer(ALL, &long[..long.len() - 1]).is_ok());
        let (_, negotiation) = begun(ALL, 1000);
        assert_eq!(negotiation.finish(&[]).unwrap_err().code(), "malformed");
    }

    #[test]
    fn buffers_go_both_ways_whole_or_not() {
        for etype in EncType::SUPPORTED {
            for (chosen, protection) in
                [(Layers::INTEGRITY, Protection::Integrity), (Layers::CONFIDENTIALITY, Protection::Confidentiality)]
            {
                let (mut client, mut layer) = layered(chosen, etype);
                let mut token = Vec::new();
                client.wrap(b"search", protection, &[3; 16], &mut token);
                let buffer = [&u32::try_from(token.len()).unwrap().to_be_bytes()[..], &token, b"next"].concat();
                let mut out = vec![9];
                for length in 0..token.len() + 4 {
                    let needed = if length < 4 { 4 } else { token.len() + 4 };
                    assert_eq!(layer.decode(&buffer[..length], &mut out), Ok(Decoded::Incomplete { needed }));
                }
                assert_eq!(layer.decode(&buffer, &mut out), Ok(Decoded::Message { consumed: token.len() + 4 }));
                assert_eq!(out, b"\x09search");
                assert_eq!(layer.decode(&buffer, &mut out).unwrap_err().code(), "replay");

                let longest = vec![8; layer.max_message()];
                layer.encode(&longest, &[4; 16], &mut out).unwrap();
                let (length, token) = out[7..].split_first_chunk().unwrap();
                assert_eq!(u32::from_be_bytes(*length), u32::try_from(token.len()).unwrap());
                assert!(token.len() <= 512);
                let mut message = Vec::new();
                assert_eq!(client.unwrap(token, &mut message), Ok(protection));
                assert_eq!(message, longest);
                let (size, limit) = (longest.len() + 1, longest.len());
                let error = layer.encode(&vec![8; size], &[4; 16], &mut Vec::new()).unwrap_err();
                assert_eq!(error, SaslError::MessageTooLong { size, limit });
            }
        }
    }

    #[test]
    fn buffers_larger_than_announced_are_refused_by_their_length() {
        let (_, mut layer) = layered(Layers::INTEGRITY, EncType::AES256_CTS_HMAC_SHA1_96);
        let mut out = Vec::new();
        assert_eq!(layer.decode(&[0, 0, 3, 0xE8], &mut out), Ok(Decoded::Incomplete { needed: 1004 }));
        for size in [1001_u32, u32::MAX] {
            let error = layer.decode(&size.to_be_bytes(), &mut out).unwrap_err();
            assert_eq!(error, SaslError::BufferTooLarge { size, limit: 1000 });
        }
        assert_eq!(layer.decode(&[0; 4], &mut out).unwrap_err().code(), "malformed");
    }

    /// The smallest buffer that has room for one octet, encrypted.
    const SMALLEST: [(EncType, u8); 5] = [
        (EncType::AES128_CTS_HMAC_SHA1_96, 61),
        (EncType::AES256_CTS_HMAC_SHA1_96, 61),
        (EncType::AES128_CTS_HMAC_SHA256_128, 65),
        (EncType::AES256_CTS_HMAC_SHA384_192, 73),
        (EncType::RC4_HMAC, 47),
    ];

    #[test]
    fn a_buffer_has_room_for_one_octet() {
        for (etype, smallest) in SMALLEST {
            for (size, is_taken) in [(smallest - 1, false), (smallest, true)] {
                let refused = (!is_taken).then_some(SaslError::BufferSize { size: size.into() });
                let (_, server) = sides(etype, BOTH);
                assert_eq!(LayerNegotiation::begin(server, ALL, size.into(), &[1; 16]).err(), refused, "{etype}");
                for chosen in [Layers::INTEGRITY, Layers::CONFIDENTIALITY] {
                    let (mut client, server) = sides(etype, BOTH);
                    let (negotiation, challenge) = LayerNegotiation::begin(server, ALL, 1000, &[1; 16]).unwrap();
                    client.unwrap(&challenge, &mut Vec::new()).unwrap();
                    let mut token = Vec::new();
                    client.wrap(&[chosen.bits(), 0, 0, size], Protection::Integrity, &[2; 16], &mut token);
                    let negotiated = negotiation.finish(&token);
                    assert_eq!(negotiated.as_ref().err(), refused.as_ref(), "{etype}");
                    let Some(mut layer) = negotiated.ok().and_then(|negotiated| negotiated.layer) else { continue };
                    let mut buffer = Vec::new();
                    layer.encode(&vec![b'x'; layer.max_message()], &[3; 16], &mut buffer).unwrap();
                    assert_eq!(buffer.len(), usize::from(smallest) + LENGTH, "{etype}");
                }
            }
        }
    }

    #[test]
    fn a_buffer_has_as_many_octets_as_three_octets_can_say() {
        const LARGEST: usize = 0xFF_FFFF;
        for (size, said) in [(LARGEST - 1, [0xFF, 0xFF, 0xFE]), (LARGEST, [0xFF; 3]), (LARGEST + 1, [0xFF; 3])] {
            let (mut client, server) = sides(EncType::AES256_CTS_HMAC_SHA1_96, BOTH);
            let (negotiation, challenge) = LayerNegotiation::begin(server, ALL, size, &[1; 16]).unwrap();
            let mut message = Vec::new();
            client.unwrap(&challenge, &mut message).unwrap();
            assert_eq!(message, [&[7][..], &said].concat());
            let mut token = Vec::new();
            client.wrap(&[2, 0xFF, 0xFF, 0xFF], Protection::Integrity, &[2; 16], &mut token);
            let mut layer = negotiation.finish(&token).unwrap().layer.unwrap();
            assert_eq!(layer.max_message(), LARGEST - 28);
            let limit = size.min(LARGEST);
            let largest = u32::try_from(limit).unwrap();
            let whole = layer.decode(&largest.to_be_bytes(), &mut Vec::new());
            assert_eq!(whole, Ok(Decoded::Incomplete { needed: limit + LENGTH }));
            let refused = layer.decode(&(largest + 1).to_be_bytes(), &mut Vec::new());
            assert_eq!(refused, Err(SaslError::BufferTooLarge { size: largest + 1, limit }));
        }
    }

    #[test]
    fn a_buffer_of_the_announced_size_is_taken_and_a_larger_one_is_not() {
        for etype in EncType::SUPPORTED {
            for chosen in [Layers::INTEGRITY, Layers::CONFIDENTIALITY] {
                let (mut client, mut layer) = layered(chosen, etype);
                let longest = client.wrap_size_limit(layer.protection(), 1000);
                let mut buffer = |length: usize| {
                    let mut token = Vec::new();
                    client.wrap(&vec![b'x'; length], layer.protection(), &[3; 16], &mut token);
                    [&u32::try_from(token.len()).unwrap().to_be_bytes()[..], &token].concat()
                };
                let (whole, larger) = (buffer(longest), buffer(longest + 1));
                let mut out = Vec::new();
                let refused = SaslError::BufferTooLarge { size: 1001, limit: 1000 };
                assert_eq!(layer.decode(&larger, &mut out), Err(refused), "{etype}");
                assert_eq!(layer.decode(&whole, &mut out), Ok(Decoded::Message { consumed: 1004 }), "{etype}");
                assert_eq!(out, vec![b'x'; longest]);
            }
        }
    }

    #[test]
    fn a_layer_is_chosen_by_one_of_three_octets() {
        for chosen in 0..=u8::MAX {
            let protection = answer(ALL, &[chosen, 0, 1, 0]).map(|it| it.layer.map(|layer| layer.protection()));
            let expected = match chosen {
                1 => Ok(None),
                2 => Ok(Some(Protection::Integrity)),
                4 => Ok(Some(Protection::Confidentiality)),
                _ => Err(SaslError::LayerNotOffered { chosen, offered: ALL }),
            };
            assert_eq!(protection, expected, "{chosen}");
        }
    }

    /// What in a token of 128 octets at most may change without being noticed: where RFC 4121 has it rotated to, and the
    /// bit of the mechanism that Windows 2000 lost.
    fn is_unprotected(etype: EncType, bit: usize) -> bool {
        if etype == EncType::RC4_HMAC { bit == 7 * 8 + 2 } else { (48..64).contains(&bit) }
    }

    #[test]
    fn an_answer_counts_to_the_last_bit() {
        for etype in EncType::SUPPORTED {
            let finish = |change: &dyn Fn(&mut Vec<u8>)| {
                let (mut client, server) = sides(etype, BOTH);
                let (negotiation, challenge) = LayerNegotiation::begin(server, ALL, 1000, &[1; 16]).unwrap();
                client.unwrap(&challenge, &mut Vec::new()).unwrap();
                let mut token = Vec::new();
                client.wrap(b"\x02\x00\x02\x00alice", Protection::Integrity, &[2; 16], &mut token);
                change(&mut token);
                negotiation.finish(&token).map(|negotiated| {
                    let layer = negotiated.layer.map(|layer| (layer.protection(), layer.max_send, layer.max_receive));
                    (negotiated.authorization_identity, layer)
                })
            };
            let whole = Ok((Some("alice".into()), Some((Protection::Integrity, 512, 1000))));
            let length = core::cell::Cell::new(0);
            assert_eq!(finish(&|token| length.set(token.len())), whole);
            let length = length.get();
            assert!(length < 0x80);
            for cut in 0..length {
                assert!(finish(&|token| token.truncate(cut)).is_err(), "{etype}: {cut}");
            }
            assert!(finish(&|token| token.push(0)).is_err(), "{etype}");
            for bit in 0..8 * length {
                let flipped = finish(&|token| token[bit / 8] ^= 1 << (bit % 8));
                let expected = flipped.is_err() || is_unprotected(etype, bit) && flipped == whole;
                assert!(expected, "{etype}: bit {bit}, {flipped:?}");
            }
        }
    }

    #[test]
    fn a_buffer_counts_to_the_last_bit() {
        for etype in EncType::SUPPORTED {
            for chosen in [Layers::INTEGRITY, Layers::CONFIDENTIALITY] {
                let (mut client, mut layer) = layered(chosen, etype);
                let mut token = Vec::new();
                client.wrap(b"search", layer.protection(), &[3; 16], &mut token);
                let buffer = [&u32::try_from(token.len()).unwrap().to_be_bytes()[..], &token].concat();
                for bit in (0..8 * buffer.len()).filter(|bit| *bit < 32 || !is_unprotected(etype, *bit - 32)) {
                    let (mut flipped, mut out) = (buffer.clone(), vec![9]);
                    flipped[bit / 8] ^= 1 << (bit % 8);
                    let decoded = layer.decode(&flipped, &mut out);
                    let waits = bit < 32 && matches!(decoded, Ok(Decoded::Incomplete { .. }));
                    assert!(decoded.is_err() || waits, "{etype}: bit {bit}, {decoded:?}");
                    assert_eq!(out, [9]);
                }
                let mut out = vec![9];
                assert_eq!(layer.decode(&buffer, &mut out), Ok(Decoded::Message { consumed: buffer.len() }));
                assert_eq!(out, b"\x09search");
            }
        }
    }

    #[test]
    fn buffers_are_protected_as_was_agreed() {
        let [sign, seal] = [Protection::Integrity, Protection::Confidentiality];
        for (chosen, negotiated, found) in [(Layers::INTEGRITY, sign, seal), (Layers::CONFIDENTIALITY, seal, sign)] {
            let (mut client, mut layer) = layered(chosen, EncType::AES256_CTS_HMAC_SHA384_192);
            let mut token = Vec::new();
            client.wrap(b"search", found, &[3; 16], &mut token);
            let buffer = [&u32::try_from(token.len()).unwrap().to_be_bytes()[..], &token].concat();
            let mut out = vec![9];
            assert_eq!(layer.decode(&buffer, &mut out), Err(SaslError::Protection { negotiated, found }));
            assert_eq!(out, [9]);
        }
    }
}
