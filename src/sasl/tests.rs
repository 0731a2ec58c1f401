//! Tests of the negotiation and the layer. The client is this crate's initiator context. The tests also cover the
//! sizes, octets and answers that must be refused.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
use super::layer::LENGTH;
use super::*;
use crate::context::{Established, MessageError, MessageKey, Role};
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

/// Returns the client's context and the negotiation, after the client has read the challenge.
fn begun(layers: Layers, max_receive: usize) -> (SecurityContext, LayerNegotiation) {
    let (mut client, server) = sides(EncType::AES256_CTS_HMAC_SHA1_96, BOTH);
    let (negotiation, challenge) = LayerNegotiation::begin(server, layers, max_receive, &[1; 16]).unwrap();
    assert_eq!(client.unwrap(&challenge, Protection::Integrity, &mut Vec::new()), Ok(()));
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
    assert_eq!(client.unwrap(&challenge, Protection::Integrity, &mut Vec::new()), Ok(()));
    let mut token = Vec::new();
    client.wrap(&[chosen.bits(), 0, 2, 0], Protection::Integrity, &[2; 16], &mut token);
    (client, negotiation.finish(&token).unwrap().layer.unwrap())
}

#[test]
fn union_of_two_layer_sets_has_the_layers_of_both_sets() {
    assert_eq!((Layers::INTEGRITY | Layers::CONFIDENTIALITY).bits(), 6);
    assert_eq!((ALL | Layers::INTEGRITY, Layers(0) | Layers::NONE), (ALL, Layers::NONE));
}

#[test]
fn challenge_announces_the_offered_layers_and_the_buffer_size() {
    for (layers, size, expected) in [
        (ALL, 0x01_2345, [7, 1, 0x23, 0x45]),
        (ALL, usize::MAX, [7, 0xFF, 0xFF, 0xFF]),
        (Layers::NONE, 4096, [1, 0, 0, 0]),
        (Layers::CONFIDENTIALITY, 4096, [4, 0, 0x10, 0]),
    ] {
        let (mut client, server) = sides(EncType::AES128_CTS_HMAC_SHA256_128, BOTH);
        let (_, challenge) = LayerNegotiation::begin(server, layers, size, &[1; 16]).unwrap();
        let mut message = Vec::new();
        assert_eq!(client.unwrap(&challenge, Protection::Integrity, &mut message), Ok(()));
        assert_eq!(message, expected);
    }
}

#[test]
fn only_layers_that_the_context_can_provide_are_offered() {
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
fn answer_determines_the_layer_and_the_authorization_identity() {
    let negotiated = answer(ALL, &[1, 0, 0, 0]).unwrap();
    assert!(negotiated.layer.is_none() && negotiated.authorization_identity.is_none());
    // Java's client announces a buffer size, although it chooses no layer.
    assert!(answer(ALL, &[1, 1, 0, 0]).unwrap().layer.is_none());
    let negotiated = answer(ALL, &[&[4, 0, 0x10, 0][..], "u:żółw".as_bytes()].concat()).unwrap();
    assert_eq!(negotiated.authorization_identity.as_deref(), Some("u:żółw"));
    let layer = negotiated.layer.unwrap();
    assert_eq!(layer.protection(), Protection::Confidentiality);
    assert_eq!(layer.max_message(), 0x1000 - 60);
    assert_eq!(answer(ALL, &[2, 0, 1, 0]).unwrap().layer.unwrap().protection(), Protection::Integrity);
}

#[test]
fn answer_with_one_wrong_field_is_refused_with_the_error_for_that_field() {
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
fn complete_buffer_is_decoded_and_incomplete_buffer_is_not() {
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
            assert_eq!(client.unwrap(token, protection, &mut message), Ok(()));
            assert_eq!(message, longest);
            let (size, limit) = (longest.len() + 1, longest.len());
            let error = layer.encode(&vec![8; size], &[4; 16], &mut Vec::new()).unwrap_err();
            assert_eq!(error, SaslError::MessageTooLong { size, limit });
        }
    }
}

/// The flags of the client's checksum determine the layer, because GSS-SPNEGO does not negotiate a layer.
#[test]
fn layer_of_gss_spnego_follows_from_the_context_flags() {
    let (sign, seal) = (Some(Protection::Integrity), Some(Protection::Confidentiality));
    for etype in EncType::SUPPORTED {
        for (flags, protection) in
            [(BOTH, seal), (CONFIDENTIALITY, seal), (INTEGRITY, sign), (SEQUENCE, None), (0, None)]
        {
            let (mut client, server) = sides(etype, flags);
            let layer = SecurityLayer::of_gss_spnego(server, 1000).unwrap();
            assert_eq!(layer.as_ref().map(SecurityLayer::protection), protection, "{etype} {flags}");
            let (Some(mut layer), Some(protection)) = (layer, protection) else { continue };
            let mut token = Vec::new();
            client.wrap(b"search", protection, &[3; 16], &mut token);
            let buffer = [&u32::try_from(token.len()).unwrap().to_be_bytes()[..], &token].concat();
            let mut out = Vec::new();
            assert_eq!(layer.decode(&buffer, &mut out), Ok(Decoded::Message { consumed: buffer.len() }));
            assert_eq!(out, b"search");
            let mut answer = Vec::new();
            layer.encode(b"entry", &[4; 16], &mut answer).unwrap();
            let mut message = Vec::new();
            assert_eq!(client.unwrap(&answer[LENGTH..], protection, &mut message), Ok(()));
            assert_eq!(message, b"entry");
        }
    }
}

#[test]
fn layer_of_gss_spnego_has_the_buffer_size_that_the_caller_gives() {
    let layer = |size| SecurityLayer::of_gss_spnego(sides(EncType::AES256_CTS_HMAC_SHA1_96, BOTH).1, size);
    assert_eq!(layer(60).unwrap_err(), SaslError::BufferSize { size: 60 });
    let mut smallest = layer(61).unwrap().unwrap();
    assert_eq!(smallest.max_message(), 1);
    let larger = smallest.decode(&62_u32.to_be_bytes(), &mut Vec::new());
    assert_eq!(larger, Err(SaslError::BufferTooLarge { size: 62, limit: 61 }));
    assert_eq!(layer(usize::MAX).unwrap().unwrap().max_message(), 0xFF_FFFF - 60);
}

#[test]
fn buffer_larger_than_announced_is_refused_before_it_is_complete() {
    let (_, mut layer) = layered(Layers::INTEGRITY, EncType::AES256_CTS_HMAC_SHA1_96);
    let mut out = Vec::new();
    assert_eq!(layer.decode(&[0, 0, 3, 0xE8], &mut out), Ok(Decoded::Incomplete { needed: 1004 }));
    for size in [1001_u32, u32::MAX] {
        let error = layer.decode(&size.to_be_bytes(), &mut out).unwrap_err();
        assert_eq!(error, SaslError::BufferTooLarge { size, limit: 1000 });
    }
    assert_eq!(layer.decode(&[0; 4], &mut out).unwrap_err().code(), "malformed");
}

/// The size of the smallest buffer that can contain one encrypted octet, for every encryption type.
const SMALLEST: [(EncType, u8); EncType::SUPPORTED.len()] = [
    (EncType::AES128_CTS_HMAC_SHA1_96, 61),
    (EncType::AES256_CTS_HMAC_SHA1_96, 61),
    (EncType::AES128_CTS_HMAC_SHA256_128, 65),
    (EncType::AES256_CTS_HMAC_SHA384_192, 73),
    #[cfg(feature = "rc4")]
    (EncType::RC4_HMAC, 47),
];

#[test]
fn buffer_size_too_small_for_one_octet_is_refused() {
    for (etype, smallest) in SMALLEST {
        for (size, is_taken) in [(smallest - 1, false), (smallest, true)] {
            let refused = (!is_taken).then_some(SaslError::BufferSize { size: size.into() });
            let (_, server) = sides(etype, BOTH);
            assert_eq!(LayerNegotiation::begin(server, ALL, size.into(), &[1; 16]).err(), refused, "{etype}");
            for chosen in [Layers::INTEGRITY, Layers::CONFIDENTIALITY] {
                let (mut client, server) = sides(etype, BOTH);
                let (negotiation, challenge) = LayerNegotiation::begin(server, ALL, 1000, &[1; 16]).unwrap();
                assert_eq!(client.unwrap(&challenge, Protection::Integrity, &mut Vec::new()), Ok(()));
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
fn announced_buffer_size_saturates_at_24_bits() {
    const LARGEST: usize = 0xFF_FFFF;
    for (size, said) in [(LARGEST - 1, [0xFF, 0xFF, 0xFE]), (LARGEST, [0xFF; 3]), (LARGEST + 1, [0xFF; 3])] {
        let (mut client, server) = sides(EncType::AES256_CTS_HMAC_SHA1_96, BOTH);
        let (negotiation, challenge) = LayerNegotiation::begin(server, ALL, size, &[1; 16]).unwrap();
        let mut message = Vec::new();
        assert_eq!(client.unwrap(&challenge, Protection::Integrity, &mut message), Ok(()));
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
fn buffer_of_the_announced_size_is_accepted_and_a_larger_buffer_is_refused() {
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
fn answer_with_several_or_unknown_layers_is_refused() {
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

/// Returns whether a bit of a token is not protected. The length field of the token must have one octet. The bits of
/// RRC (RFC 4121) are not protected. An RC4 token contains the mechanism's identifier. The identifier of Windows 2000
/// differs from the standard identifier in one bit, and this bit is not protected either.
fn is_unprotected(etype: EncType, bit: usize) -> bool {
    if etype == EncType::RC4_HMAC { bit == 7 * 8 + 2 } else { (48..64).contains(&bit) }
}

#[test]
fn answer_with_a_flipped_bit_is_refused_or_read_unchanged() {
    for etype in EncType::SUPPORTED {
        let finish = |change: &dyn Fn(&mut Vec<u8>)| {
            let (mut client, server) = sides(etype, BOTH);
            let (negotiation, challenge) = LayerNegotiation::begin(server, ALL, 1000, &[1; 16]).unwrap();
            assert_eq!(client.unwrap(&challenge, Protection::Integrity, &mut Vec::new()), Ok(()));
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
fn buffer_with_a_flipped_protected_bit_is_not_decoded() {
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

/// Returns a layer, and a buffer that the client protects with `protection`.
fn protected(chosen: Layers, protection: Protection) -> (SecurityLayer, Vec<u8>) {
    let (mut client, layer) = layered(chosen, EncType::AES256_CTS_HMAC_SHA384_192);
    let mut token = Vec::new();
    client.wrap(b"search", protection, &[3; 16], &mut token);
    (layer, [&u32::try_from(token.len()).unwrap().to_be_bytes()[..], &token].concat())
}

#[test]
fn buffer_with_less_protection_than_negotiated_is_refused() {
    let (mut layer, buffer) = protected(Layers::CONFIDENTIALITY, Protection::Integrity);
    let mut out = vec![9];
    let (expected, found) = (Protection::Confidentiality, Protection::Integrity);
    let refused = SaslError::Message(MessageError::Protection { expected, found });
    assert_eq!(layer.decode(&buffer, &mut out), Err(refused));
    assert_eq!((refused.code(), out), ("protection", vec![9]));
}

/// The servers of Cyrus SASL and of Java also accept a buffer with more protection than negotiated.
#[test]
fn buffer_with_more_protection_than_negotiated_is_accepted() {
    let (mut layer, buffer) = protected(Layers::INTEGRITY, Protection::Confidentiality);
    let mut out = vec![9];
    assert_eq!(layer.decode(&buffer, &mut out), Ok(Decoded::Message { consumed: buffer.len() }));
    assert_eq!(out, b"\x09search");
}
