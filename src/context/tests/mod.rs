//! Tests that tokens of other libraries are accepted, that changed tokens are refused, and that this crate makes the
//! same tokens as other libraries.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic)]

mod changed;
#[cfg(feature = "rc4")]
mod form;
mod order;
mod others;
mod rotation;

use super::recorded::{self, Context, Kind, Side, Token, message};
use super::*;
use crate::crypto::KeyUsage;
use crate::wire::der::Malformed;
use crate::wire::der::Problem;
use alloc::format;
use alloc::vec;
use proptest::prelude::*;

const SIDES: [Side; 2] = [Side::Initiator, Side::Acceptor];
const REPLAY: u32 = 0x04;
const SEQUENCE: u32 = 0x08;
const CONFOUNDER: Confounder = [0xC0; 16];
const STARTS: [&[u8]; 5] = [&[], &[5, 4, 4], &[5, 4, 6, 0xFF], &[4, 4, 4], &[0x60, 0x40]];
const PROTECTIONS: [Protection; 2] = [Protection::Integrity, Protection::Confidentiality];

/// Verifies a recorded token with the function for its kind.
fn take(context: &mut SecurityContext, token: &Token, octets: &[u8]) -> Result<(), MessageError> {
    let mut out = vec![1, 2, 3];
    let result = match token.kind {
        Kind::Mic => context.verify_mic(&token.message(), octets),
        Kind::Wrap => context.unwrap_any(octets, &mut out).map(|protection| {
            assert_eq!(protection, token.protection());
            assert_eq!(out.split_off(3), token.message());
        }),
    };
    assert_eq!(out, [1, 2, 3]);
    result
}

/// Calls `check` with every recorded token. The receiver's context is made of the third argument, and expects the
/// number of this token next.
fn each(mut check: impl FnMut(&Context, &Token, Established)) {
    for context in recorded::all() {
        let mut sent = [0, 0];
        for token in &context.tokens {
            let mut established = context.established(token.from.other());
            let sent = &mut sent[usize::from(token.from == Side::Acceptor)];
            established.receive_sequence += *sent;
            *sent += 1;
            check(&context, token, established);
        }
    }
}

/// Calls `check` as [`each`] does, but only with some short tokens of every kind, encryption type and library.
fn some(mut check: impl FnMut(&Context, &Token, Established)) {
    let mut count = 0;
    let mut checked = 0;
    each(|context, token, established| {
        count += 1;
        if count % 5 == 0 && token.octets.len() < 120 {
            check(context, token, established);
            checked += 1;
        }
    });
    assert!(checked > 80, "{checked}");
}

/// Makes both sides of a context with a key of type `etype`. The sequence numbers of both sides begin with `first`.
fn sides(etype: EncType, flags: u32, first: u32) -> (SecurityContext, SecurityContext) {
    let key = Key::new(etype, &vec![5; etype.key_len().unwrap()]).unwrap();
    let side = |role| {
        SecurityContext::new(Established {
            role,
            key: key.clone(),
            message_key: MessageKey::AcceptorSubkey,
            flags: recorded::flags(flags),
            send_sequence: first,
            receive_sequence: first,
        })
    };
    (side(Role::Initiator), side(Role::Acceptor))
}

fn wrapped(context: &mut SecurityContext, message: &[u8], protection: Protection) -> Vec<u8> {
    let mut token = Vec::new();
    context.wrap(message, protection, &CONFOUNDER, &mut token);
    token
}

fn unwrapped(context: &mut SecurityContext, token: &[u8]) -> Result<Vec<u8>, MessageError> {
    let mut out = Vec::new();
    context.unwrap_any(token, &mut out).map(|_| out)
}

#[test]
fn wrap_size_limit_is_the_length_of_the_longest_message_whose_token_fits() {
    for etype in EncType::SUPPORTED {
        for protection in PROTECTIONS {
            let (mut client, _) = sides(etype, SEQUENCE, 1);
            for size in [80, 127, 128, 129, 130, 131, 255, 256, 257, 258, 259, 260, 1000, 65_535, 65_542] {
                let limit = client.wrap_size_limit(protection, size);
                let length = wrapped(&mut client, &vec![0; limit], protection).len();
                // With RC4, one octet may remain unused where the number of length octets changes.
                assert!(length <= size && length + 1 >= size, "{etype} {protection:?} {size}: {length}");
            }
            assert_eq!(client.wrap_size_limit(protection, 20), 0);
        }
    }
}

/// A caller that requires encryption refuses a token that is only signed. A caller that requires a signature accepts an
/// encrypted token, too. The refused token's sequence number stays unused, so the caller can unwrap the token again and
/// require less.
#[test]
fn unwrap_refuses_a_token_with_less_protection_than_the_caller_requires() {
    let [sign, seal] = PROTECTIONS;
    for etype in EncType::SUPPORTED {
        for (found, least, is_taken) in
            [(sign, sign, true), (sign, seal, false), (seal, sign, true), (seal, seal, true)]
        {
            let (mut client, mut server) = sides(etype, SEQUENCE, 1);
            let token = wrapped(&mut client, b"secret", found);
            let mut out = vec![9];
            if !is_taken {
                let refused = Err(MessageError::Protection { expected: least, found });
                assert_eq!(server.unwrap(&token, least, &mut out), refused);
                assert_eq!(out, [9]);
            }
            let demanded = if is_taken { least } else { found };
            assert_eq!(server.unwrap(&token, demanded, &mut out), Ok(()));
            assert_eq!(out, b"\x09secret");
        }
    }
}

#[test]
fn debug_of_a_security_context_shows_no_key() {
    for etype in EncType::SUPPORTED {
        let (mut client, _) = sides(etype, SEQUENCE, 1);
        let _ = (client.get_mic(b""), wrapped(&mut client, b"", Protection::Confidentiality));
        let shown = format!("{client:?}");
        assert!(!shown.contains("5, 5") && !shown.contains("0505"), "{shown}");
    }
}

#[test]
fn protection_error_names_the_found_protection_and_the_required_protection() {
    let error = MessageError::Protection { expected: Protection::Confidentiality, found: Protection::Integrity };
    assert_eq!(format!("{error}"), "the token is protected by a signature only, but encryption is required");
}

#[test]
fn every_message_error_has_its_own_code() {
    let sequence = 1;
    let errors = [
        MessageError::Malformed(Malformed { what: "Token", at: 0, problem: Problem::Truncated }),
        MessageError::TooLarge { size: 2, limit: 1 },
        MessageError::WrongToken { expected: TokenKind::Mic, found: TokenKind::Wrap },
        MessageError::Reflected,
        MessageError::WrongKey { expected: MessageKey::Initial, found: MessageKey::AcceptorSubkey },
        MessageError::Integrity,
        MessageError::Protection { expected: Protection::Confidentiality, found: Protection::Integrity },
        MessageError::Replayed { sequence },
        MessageError::Gap { sequence, expected: 0 },
        MessageError::OutOfOrder { sequence, expected: 2 },
        MessageError::TooOld { sequence, oldest: 2 },
    ];
    let codes = errors.map(|error| error.code());
    assert_eq!(
        codes,
        [
            "malformed",
            "too-large",
            "wrong-token",
            "reflected",
            "wrong-key",
            "integrity",
            "protection",
            "replay",
            "gap",
            "out-of-order",
            "too-old"
        ]
    );
}

proptest! {
    #[test]
    fn token_rotated_by_any_rrc_is_unwrapped(
        length in 0_usize..80,
        rrc: u16,
        protection in prop::sample::select(&PROTECTIONS[..]),
        etype in prop::sample::select(&EncType::SUPPORTED[..4]),
    ) {
        let (mut client, mut server) = sides(etype, SEQUENCE, 1);
        let mut token = wrapped(&mut client, &message(length), protection);
        let (header, body) = token.split_at_mut(16);
        header[6..8].copy_from_slice(&rrc.to_be_bytes());
        body.rotate_right(usize::from(rrc) % body.len());
        prop_assert_eq!(unwrapped(&mut server, &token), Ok(message(length)));
    }

    #[test]
    fn any_wrapped_message_is_unwrapped(
        lengths in prop::collection::vec(0_usize..300, 1..5),
        first: u32,
        protection in prop::sample::select(&PROTECTIONS[..]),
        etype in prop::sample::select(&EncType::SUPPORTED[..]),
    ) {
        let (mut client, mut server) = sides(etype, SEQUENCE, first);
        for length in lengths {
            let token = wrapped(&mut client, &message(length), protection);
            prop_assert_eq!(unwrapped(&mut server, &token), Ok(message(length)));
            let token = wrapped(&mut server, &message(length), protection);
            prop_assert_eq!(unwrapped(&mut client, &token), Ok(message(length)));
        }
    }

    #[test]
    fn arbitrary_octets_are_refused_without_a_panic(
        octets in prop::collection::vec(any::<u8>(), 0..120),
        start in prop::sample::select(&STARTS[..]),
    ) {
        let token = [start, &octets].concat();
        for etype in EncType::SUPPORTED {
            let (_, mut server) = sides(etype, SEQUENCE, 1);
            prop_assert!(unwrapped(&mut server, &token).is_err());
            prop_assert!(server.verify_mic(b"", &token).is_err());
        }
    }
}
