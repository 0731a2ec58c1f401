//! What others made is taken, what was changed is not, and what we make is what others make.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic)]

use super::recorded::{self, Context, Kind, Side, Token, message};
use super::*;
use crate::crypto::{GssStreams, KeyUsage};
use crate::der::Problem;
use crate::error::Malformed;
use alloc::format;
use alloc::vec;
use proptest::prelude::*;

const SIDES: [Side; 2] = [Side::Initiator, Side::Acceptor];
const REPLAY: u32 = 0x04;
const SEQUENCE: u32 = 0x08;
const CONFOUNDER: Confounder = [0xC0; 16];
const STARTS: [&[u8]; 5] = [&[], &[5, 4, 4], &[5, 4, 6, 0xFF], &[4, 4, 4], &[0x60, 0x40]];
const PROTECTIONS: [Protection; 2] = [Protection::Integrity, Protection::Confidentiality];

/// Takes a token of that kind.
fn take(context: &mut SecurityContext, token: &Token, octets: &[u8]) -> Result<(), MessageError> {
    let mut out = vec![1, 2, 3];
    let result = match token.kind {
        Kind::Mic => context.verify_mic(&token.message(), octets),
        Kind::Wrap => context.unwrap(octets, &mut out).map(|protection| {
            assert_eq!(protection, token.protection());
            assert_eq!(out.split_off(3), token.message());
        }),
    };
    assert_eq!(out, [1, 2, 3]);
    result
}

/// Each recorded token with what its receiver has agreed on, as if all tokens before it had been taken.
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

/// As [`each`], for some of those that are short: of every kind, type and library.
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

/// Both sides, numbered from `first`, under a key of that type.
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
    context.unwrap(token, &mut out).map(|_| out)
}

#[test]
fn tokens_of_mit_and_heimdal_are_taken_in_order() {
    let mut taken = 0;
    for context in recorded::all() {
        let mut receivers = SIDES.map(|side| context.side(side));
        for token in &context.tokens {
            let receiver = &mut receivers[usize::from(token.from == Side::Initiator)];
            take(receiver, token, &token.octets).unwrap_or_else(|error| panic!("{}: {error}", context.id));
            taken += 1;
        }
    }
    assert_eq!(taken, 806);
}

/// With the confounder that they drew, which is taken out of their token.
#[test]
fn tokens_are_made_octet_by_octet_as_mit_and_heimdal_make_them() {
    let mut same = 0;
    each(|context, token, receiver| {
        if context.id.ends_with("-dce") {
            return;
        }
        let mut maker = context.established(token.from);
        maker.send_sequence = receiver.receive_sequence;
        let mut maker = SecurityContext::new(maker);
        let expected = unrotated(token);
        let made = match token.kind {
            Kind::Mic => maker.get_mic(&token.message()),
            Kind::Wrap => {
                let mut made = Vec::new();
                maker.wrap(&token.message(), token.protection(), &confounder(context, token, &expected), &mut made);
                made
            }
        };
        assert_eq!(made, expected, "{} {}", context.id, same);
        same += 1;
    });
    assert_eq!(same, 734);
}

/// The token as it would be with an RRC of zero.
fn unrotated(token: &Token) -> Vec<u8> {
    let mut octets = token.octets.clone();
    if octets.starts_with(&[5, 4]) {
        let (header, body) = octets.split_at_mut(16);
        let rotation = usize::from(u16::from_be_bytes([header[6], header[7]])) % body.len();
        body.rotate_left(rotation);
        header[6..8].fill(0);
    }
    octets
}

fn confounder(context: &Context, token: &Token, octets: &[u8]) -> Confounder {
    let mut confounder = [0; 16];
    if context.etype == 23 {
        let at = octets.len() - token.message().len() - 9;
        confounder[..8].copy_from_slice(&octets[at..at + 8]);
        if token.protection() == Protection::Confidentiality {
            let streams = GssStreams::new(&context.key()).unwrap();
            let mut number: [u8; 8] = octets[at - 16..at - 8].try_into().unwrap();
            streams.apply_to_sequence(octets[at - 8..at].try_into().unwrap(), &mut number);
            let [a, b, c, d, ..] = number;
            streams.apply_to_message(u32::from_be_bytes([a, b, c, d]), [&mut confounder[..8]]);
        }
    } else if token.protection() == Protection::Confidentiality {
        let usage = match token.from {
            Side::Initiator => KeyUsage::GSS_INITIATOR_SEAL,
            Side::Acceptor => KeyUsage::GSS_ACCEPTOR_SEAL,
        };
        let mut plaintext = vec![0; octets.len()];
        context.key().cipher(usage).decrypt(&octets[16..], &mut plaintext).unwrap();
        confounder.copy_from_slice(&plaintext[..16]);
    }
    confounder
}

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
                // Taken or not, it is the same message.
                let _ = take(&mut SecurityContext::new(established.clone()), token, &octets);
            } else {
                let error = take(&mut receiver, token, &octets);
                assert!(error.is_err(), "{} bit {bit} of {:02X?}", context.id, token.octets);
            }
        }
        take(&mut receiver, token, &token.octets).unwrap();
    });
}

/// RRC, which says no more than where the octets lie; and the bit of the mechanism that Windows 2000 lost.
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
fn tokens_do_not_come_back() {
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

#[test]
fn a_sequence_is_taken_in_order_only() {
    for etype in EncType::SUPPORTED {
        for protection in PROTECTIONS {
            let (mut client, mut server) = sides(etype, SEQUENCE | REPLAY, 0xFFFF_FFF0);
            let tokens: Vec<_> = (0..40).map(|i| wrapped(&mut client, &[i], protection)).collect();
            let mask = if etype == EncType::RC4_HMAC { u64::from(u32::MAX) } else { u64::MAX };
            let number = |i: u64| (0xFFFF_FFF0 + i) & mask;
            for i in 0..38 {
                let at = usize::try_from(i).unwrap();
                let (sequence, expected) = (number(i + 2), number(i));
                assert_eq!(unwrapped(&mut server, &tokens[at + 2]), Err(MessageError::Gap { sequence, expected }));
                assert_eq!(unwrapped(&mut server, &tokens[at]).unwrap(), [u8::try_from(at).unwrap()]);
                for earlier in [0, i / 2, i] {
                    let token = &tokens[usize::try_from(earlier).unwrap()];
                    let sequence = number(earlier);
                    assert_eq!(unwrapped(&mut server, token), Err(MessageError::Replayed { sequence }));
                }
            }
        }
    }
}

#[test]
fn numbers_before_the_first_are_out_of_order() {
    for etype in EncType::SUPPORTED {
        let (mut client, _) = sides(etype, SEQUENCE, 6);
        let (_, mut server) = sides(etype, SEQUENCE, 7);
        let early = wrapped(&mut client, b"early", Protection::Integrity);
        let expected = MessageError::OutOfOrder { sequence: 6, expected: 7 };
        assert_eq!(unwrapped(&mut server, &early), Err(expected));
        assert!(unwrapped(&mut server, &wrapped(&mut client, b"first", Protection::Integrity)).is_ok());
        assert_eq!(unwrapped(&mut server, &early), Err(MessageError::OutOfOrder { sequence: 6, expected: 8 }));
    }
}

#[test]
fn without_a_sequence_tokens_come_in_any_order_but_once() {
    for etype in EncType::SUPPORTED {
        let (mut client, mut server) = sides(etype, REPLAY, 100);
        let tokens: Vec<_> = (0..70).map(|_| client.get_mic(b"")).collect();
        for i in [5, 3, 69, 6, 68] {
            assert_eq!(server.verify_mic(b"", &tokens[i]), Ok(()));
        }
        for i in [5, 4, 0] {
            let expected = MessageError::TooOld { sequence: 100 + u64::try_from(i).unwrap(), oldest: 106 };
            assert_eq!(server.verify_mic(b"", &tokens[i]), Err(expected));
        }
        for i in [6, 68, 69] {
            let sequence = 100 + u64::try_from(i).unwrap();
            assert_eq!(server.verify_mic(b"", &tokens[i]), Err(MessageError::Replayed { sequence }));
        }
        assert_eq!(server.verify_mic(b"", &tokens[7]), Ok(()));
    }
}

#[test]
fn without_either_flag_numbers_mean_nothing() {
    let (mut client, mut server) = sides(EncType::AES256_CTS_HMAC_SHA1_96, 0, 0);
    let token = client.get_mic(b"");
    for _ in 0..3 {
        assert_eq!(server.verify_mic(b"", &token), Ok(()));
    }
}

#[test]
fn a_token_is_taken_by_its_own_call_only() {
    let (mut client, mut server) = sides(EncType::AES256_CTS_HMAC_SHA1_96, SEQUENCE, 1);
    let (mut rc4_client, mut rc4_server) = sides(EncType::RC4_HMAC, SEQUENCE, 1);
    let framed = |id: [u8; 2]| {
        let mut token = vec![0x60, 13, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 1, 2, 2];
        token.extend(id);
        token
    };
    let tokens = [
        (client.get_mic(b""), TokenKind::Mic),
        (wrapped(&mut client, b"", Protection::Integrity), TokenKind::Wrap),
        (rc4_client.get_mic(b""), TokenKind::Rc4Mic),
        (wrapped(&mut rc4_client, b"", Protection::Integrity), TokenKind::Rc4Wrap),
        (vec![4, 5, 0, 0], TokenKind::DeleteContext),
        (framed([1, 2]), TokenKind::DeleteContext),
        (framed([1, 0]), TokenKind::Establishment),
        (framed([2, 0]), TokenKind::Establishment),
        (framed([9, 9]), TokenKind::Unrecognised),
        (vec![0x60, 4, 6, 2, 9, 9], TokenKind::Unrecognised),
        (vec![0x4E, 0x54], TokenKind::Unrecognised),
    ];
    for (token, found) in tokens {
        for (context, mic, wrap) in
            [(&mut server, TokenKind::Mic, TokenKind::Wrap), (&mut rc4_server, TokenKind::Rc4Mic, TokenKind::Rc4Wrap)]
        {
            if found != mic {
                let expected = MessageError::WrongToken { expected: mic, found };
                assert_eq!(context.verify_mic(b"", &token), Err(expected));
            }
            if found != wrap {
                let expected = MessageError::WrongToken { expected: wrap, found };
                assert_eq!(unwrapped(context, &token), Err(expected));
            }
        }
    }
}

#[test]
fn filler_may_follow_a_sealed_message_as_far_as_it_goes() {
    let key = Key::new(EncType::AES256_CTS_HMAC_SHA1_96, &[5; 32]).unwrap();
    let seal = |said: u16, copied: u16| {
        let header = |ec: u16| {
            let [high, low] = ec.to_be_bytes();
            [5, 4, 6, 0xFF, high, low, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
        };
        let mut token = header(said).to_vec();
        let cipher = key.cipher(KeyUsage::GSS_INITIATOR_SEAL);
        cipher.encrypt_pieces(&CONFOUNDER, &[b"message filler", &header(copied)], &mut token);
        token
    };
    for (said, copied, expected) in [
        (0, 0, Ok(&b"message filler"[..])),
        (7, 7, Ok(b"message")),
        (14, 14, Ok(b"")),
        (15, 15, Err("malformed")),
        (0xFFFF, 0xFFFF, Err("malformed")),
        (7, 0, Err("integrity")),
        (0, 7, Err("integrity")),
    ] {
        let (_, mut server) = sides(EncType::AES256_CTS_HMAC_SHA1_96, SEQUENCE, 1);
        let taken = unwrapped(&mut server, &seal(said, copied));
        assert_eq!(taken.map_err(|error| error.code()), expected.map(<[u8]>::to_vec), "{said} {copied}");
    }
}

#[test]
fn a_signed_message_has_the_checksum_of_its_type() {
    let (mut client, mut server) = sides(EncType::AES256_CTS_HMAC_SHA1_96, SEQUENCE, 1);
    let token = wrapped(&mut client, b"message", Protection::Integrity);
    for found in [0, 11, 13, 0xFFFF] {
        let mut changed = token.clone();
        changed[4..6].copy_from_slice(&u16::try_from(found).unwrap().to_be_bytes());
        let problem = Problem::Size { expected: 12, found };
        let expected = Malformed { what: "Wrap.EC", at: 4, problem };
        assert_eq!(unwrapped(&mut server, &changed), Err(expected.into()));
    }
    assert!(unwrapped(&mut server, &token).is_ok());
}

#[test]
fn tokens_larger_than_the_limit_are_not_looked_at() {
    let limit = MAX_MESSAGE_TOKEN;
    for etype in [EncType::AES128_CTS_HMAC_SHA1_96, EncType::RC4_HMAC] {
        let (mut client, mut server) = sides(etype, SEQUENCE, 1);
        let longest = client.wrap_size_limit(Protection::Integrity, limit);
        let token = wrapped(&mut client, &vec![0; longest + 1], Protection::Integrity);
        assert_eq!(token.len(), limit + 1);
        assert_eq!(unwrapped(&mut server, &token), Err(MessageError::TooLarge { size: limit + 1, limit }));
        let (mut client, mut server) = sides(etype, SEQUENCE, 1);
        let token = wrapped(&mut client, &vec![0; longest], Protection::Integrity);
        assert_eq!((token.len(), unwrapped(&mut server, &token).map(|message| message.len())), (limit, Ok(longest)));
    }
}

#[test]
fn mics_larger_than_the_limit_are_not_looked_at() {
    let limit = MAX_MESSAGE_TOKEN;
    for etype in [EncType::AES128_CTS_HMAC_SHA1_96, EncType::RC4_HMAC] {
        let (mut client, mut server) = sides(etype, SEQUENCE, 1);
        let mut token = client.get_mic(b"message");
        let length = token.len();
        token.resize(limit + 1, 0);
        assert_eq!(server.verify_mic(b"message", &token), Err(MessageError::TooLarge { size: limit + 1, limit }));
        token.truncate(limit);
        let refused = server.verify_mic(b"message", &token).map_err(|error| error.code());
        assert_eq!(refused, Err(if etype == EncType::RC4_HMAC { "malformed" } else { "integrity" }));
        token.truncate(length);
        assert_eq!(server.verify_mic(b"message", &token), Ok(()));
    }
}

/// Up to where the confounder is divided, once around, and as far as the field goes; in DCE style by EC besides.
#[test]
fn rotation_is_undone_at_its_ends() {
    let dce = GssFlags::DCE_STYLE.bits();
    for etype in &EncType::SUPPORTED[..4] {
        for (protection, flags) in [(PROTECTIONS[0], 0), (PROTECTIONS[1], 0), (PROTECTIONS[1], dce)] {
            let body = sides(*etype, 0, 0).0.wrap_size_limit(protection, 1_000);
            let body = 1_000 - 16 - body + 7;
            for rrc in [0, 1, 15, 16, 17, body - 17, body - 16, body - 15, body - 1, body, body + 1, 2 * body, 0xFFFF] {
                let (mut client, mut server) = sides(*etype, SEQUENCE | flags, 1);
                let mut token = wrapped(&mut client, b"message", protection);
                let (header, rest) = token.split_at_mut(16);
                assert_eq!(rest.len(), body);
                header[6..8].copy_from_slice(&u16::try_from(rrc).unwrap().to_be_bytes());
                rest.rotate_right(rrc % body);
                assert_eq!(unwrapped(&mut server, &token), Ok(b"message".to_vec()), "{etype} {protection:?} {rrc}");
            }
        }
    }
}

/// Windows' rotation by EC + RRC, which together have 17 bits.
#[test]
fn rotation_in_dce_style_goes_beyond_16_bits() {
    let key = Key::new(EncType::AES256_CTS_HMAC_SHA1_96, &[5; 32]).unwrap();
    for (ec, rrc) in [(0, 0xFFFF), (1, 0xFFFF), (16, 28), (0xFFF0, 0xFFFF), (0xFFFF, 0xFFFF)] {
        let [high, low] = u16::try_from(ec).unwrap().to_be_bytes();
        let [rrc_high, rrc_low] = u16::try_from(rrc).unwrap().to_be_bytes();
        let mut token = vec![5, 4, 6, 0xFF, high, low, rrc_high, rrc_low, 0, 0, 0, 0, 0, 0, 0, 1];
        let copy = [5, 4, 6, 0xFF, high, low, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let cipher = key.cipher(KeyUsage::GSS_INITIATOR_SEAL);
        cipher.encrypt_pieces(&CONFOUNDER, &[b"message", &vec![0; ec], &copy], &mut token);
        let body = &mut token[16..];
        body.rotate_right((ec + rrc) % body.len());
        let (_, mut server) = sides(EncType::AES256_CTS_HMAC_SHA1_96, SEQUENCE | GssFlags::DCE_STYLE.bits(), 1);
        assert_eq!(unwrapped(&mut server, &token), Ok(b"message".to_vec()), "{ec} {rrc}");
    }
}

#[test]
fn the_longest_message_of_a_size_fits_and_one_more_does_not() {
    for etype in EncType::SUPPORTED {
        for protection in PROTECTIONS {
            let (mut client, _) = sides(etype, SEQUENCE, 1);
            for size in [80, 127, 128, 129, 130, 131, 255, 256, 257, 258, 259, 260, 1000, 65_535, 65_542] {
                let limit = client.wrap_size_limit(protection, size);
                let length = wrapped(&mut client, &vec![0; limit], protection).len();
                // Where the length of RC4's framing grows, one octet may be left.
                assert!(length <= size && length + 1 >= size, "{etype} {protection:?} {size}: {length}");
            }
            assert_eq!(client.wrap_size_limit(protection, 20), 0);
        }
    }
}

#[test]
fn nothing_secret_is_shown() {
    for etype in EncType::SUPPORTED {
        let (mut client, _) = sides(etype, SEQUENCE, 1);
        let _ = (client.get_mic(b""), wrapped(&mut client, b"", Protection::Confidentiality));
        let shown = format!("{client:?}");
        assert!(!shown.contains("5, 5") && !shown.contains("0505"), "{shown}");
    }
}

#[test]
fn every_error_has_its_own_code() {
    let sequence = 1;
    let errors = [
        MessageError::Malformed(Malformed { what: "Token", at: 0, problem: Problem::Truncated }),
        MessageError::TooLarge { size: 2, limit: 1 },
        MessageError::WrongToken { expected: TokenKind::Mic, found: TokenKind::Wrap },
        MessageError::Reflected,
        MessageError::WrongKey { expected: MessageKey::Initial, found: MessageKey::AcceptorSubkey },
        MessageError::Integrity,
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
            "replay",
            "gap",
            "out-of-order",
            "too-old"
        ]
    );
}

proptest! {
    #[test]
    fn any_rotation_is_undone(
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
    fn whatever_is_wrapped_is_unwrapped(
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
    fn no_token_makes_it_panic(
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
