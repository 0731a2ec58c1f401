//! Tokens that were cut or changed, or that belong to another side, key or context.

use super::*;

#[test]
fn every_prefix_is_refused_and_changes_nothing() {
    some(|context, token, established| {
        let mut receiver = SecurityContext::new(established);
        for length in 0..token.octets.len() {
            let error = take(&mut receiver, token, &token.octets[..length]).unwrap_err();
            let expected = matches!(error, MessageError::Malformed(_) | MessageError::Integrity);
            assert!(expected, "{} cut to {length}: {error}", context.id);
        }
        take(&mut receiver, token, &token.octets).unwrap();
    });
}

#[test]
fn every_flipped_bit_is_refused_and_changes_nothing() {
    some(|context, token, established| {
        let mut receiver = SecurityContext::new(established.clone());
        for bit in 0..token.octets.len() * 8 {
            let mut octets = token.octets.clone();
            octets[bit / 8] ^= 1 << (bit % 8);
            if is_unprotected(token, bit) {
                // The token may be taken, but only with the same message.
                let _ = take(&mut SecurityContext::new(established.clone()), token, &octets);
            } else {
                let error = take(&mut receiver, token, &octets);
                assert!(error.is_err(), "{} bit {bit} of {:02X?}", context.id, token.octets);
            }
        }
        take(&mut receiver, token, &token.octets).unwrap();
    });
}

/// Returns whether no checksum protects a bit: the bits of RRC, which holds the rotation only, and the bit of the mechanism that
/// Windows 2000 does not send.
fn is_unprotected(token: &Token, bit: usize) -> bool {
    match token.octets[..2] {
        [5, 4] => (48..64).contains(&bit),
        [0x60, length] => bit == (if length < 0x80 { 7 } else { 8 }) * 8 + 2,
        _ => false,
    }
}

#[test]
fn a_changed_message_does_not_have_the_mic() {
    for etype in EncType::SUPPORTED {
        let (mut client, mut server) = sides(etype, SEQUENCE, 1);
        let mic = client.get_mic(b"message");
        for other in [&b"messag"[..], b"Message", b"message\0", b""] {
            assert_eq!(server.verify_mic(other, &mic), Err(MessageError::Integrity));
        }
        assert_eq!(server.verify_mic(b"message", &mic), Ok(()));
    }
}

#[test]
fn a_token_is_refused_by_the_side_that_made_it() {
    some(|context, token, _| {
        let mut maker = context.side(token.from);
        assert_eq!(take(&mut maker, token, &token.octets), Err(MessageError::Reflected), "{}", context.id);
    });
}

#[test]
fn tokens_under_the_other_key_are_refused_by_their_flag() {
    some(|context, token, established| {
        if context.etype == 23 {
            return;
        }
        let [agreed, other] = match established.message_key {
            MessageKey::Initial => [MessageKey::Initial, MessageKey::AcceptorSubkey],
            MessageKey::AcceptorSubkey => [MessageKey::AcceptorSubkey, MessageKey::Initial],
        };
        let mut receiver = SecurityContext::new(Established { message_key: other, ..established });
        let expected = MessageError::WrongKey { expected: other, found: agreed };
        assert_eq!(take(&mut receiver, token, &token.octets), Err(expected), "{}", context.id);
    });
}

#[test]
fn tokens_of_another_context_are_refused() {
    some(|context, token, established| {
        let mut other = established.key.expose_bytes().to_vec();
        other[0] ^= 1;
        let key = Key::new(established.key.etype(), &other).unwrap();
        let mut receiver = SecurityContext::new(Established { key, ..established });
        assert_eq!(take(&mut receiver, token, &token.octets), Err(MessageError::Integrity), "{}", context.id);
    });
}
