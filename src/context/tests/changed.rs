//! Tests of tokens that were cut or changed, or that belong to another side, key or context.

use super::*;

#[test]
fn every_prefix_of_a_token_is_refused_and_does_not_change_the_context() {
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
fn token_with_a_flipped_protected_bit_is_refused_and_does_not_change_the_context() {
    some(|context, token, established| {
        let mut receiver = SecurityContext::new(established.clone());
        for bit in 0..token.octets.len() * 8 {
            let mut octets = token.octets.clone();
            octets[bit / 8] ^= 1 << (bit % 8);
            if is_unprotected(token, bit) {
                // The receiver may accept the changed token, but `take` checks that the token still has the same
                // message.
                let _ = take(&mut SecurityContext::new(established.clone()), token, &octets);
            } else {
                let error = take(&mut receiver, token, &octets);
                assert!(error.is_err(), "{} bit {bit} of {:02X?}", context.id, token.octets);
            }
        }
        take(&mut receiver, token, &token.octets).unwrap();
    });
}

/// Returns whether a bit is not protected by a checksum. The bits of RRC are not protected, because RRC only defines
/// the rotation. Windows 2000 writes a mechanism identifier that differs in one bit. This bit is not protected either.
fn is_unprotected(token: &Token, bit: usize) -> bool {
    match token.octets[..2] {
        [5, 4] => (48..64).contains(&bit),
        [0x60, length] => bit == (if length < 0x80 { 7 } else { 8 }) * 8 + 2,
        _ => false,
    }
}

#[test]
fn mic_of_another_message_is_refused() {
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
fn side_refuses_its_own_token_as_reflected() {
    some(|context, token, _| {
        let mut maker = context.side(token.from);
        assert_eq!(take(&mut maker, token, &token.octets), Err(MessageError::Reflected), "{}", context.id);
    });
}

#[test]
fn token_whose_flag_names_a_key_that_the_context_does_not_use_is_refused() {
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
fn token_of_another_context_is_refused() {
    some(|context, token, established| {
        let mut other = established.key.expose_bytes().to_vec();
        other[0] ^= 1;
        let key = Key::new(established.key.etype(), &other).unwrap();
        let mut receiver = SecurityContext::new(Established { key, ..established });
        assert_eq!(take(&mut receiver, token, &token.octets), Err(MessageError::Integrity), "{}", context.id);
    });
}
