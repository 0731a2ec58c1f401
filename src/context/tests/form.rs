//! Tests of the kind, the fields and the size of tokens.

use super::*;

#[test]
fn token_of_another_kind_than_the_call_expects_is_refused() {
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
fn encrypted_message_with_filler_is_accepted_if_ec_matches_its_copy() {
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
fn token_without_its_last_octet_is_malformed_at_its_end() {
    for (protection, shortest) in [(Protection::Integrity, 16 + 12), (Protection::Confidentiality, 16 + 16 + 16 + 12)] {
        let (mut client, mut server) = sides(EncType::AES256_CTS_HMAC_SHA1_96, SEQUENCE, 1);
        let token = wrapped(&mut client, b"", protection);
        assert_eq!(token.len(), shortest);
        let at = shortest - 1;
        let expected = Malformed { what: "Token", at, problem: Problem::Truncated };
        assert_eq!(unwrapped(&mut server, &token[..at]), Err(expected.into()), "{protection:?}");
    }
}

#[test]
fn signed_token_with_a_wrong_checksum_length_is_refused() {
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
fn wrap_token_larger_than_the_limit_is_refused() {
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
fn mic_token_larger_than_the_limit_is_refused() {
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
