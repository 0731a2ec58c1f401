//! Tests of sequence numbers: replayed, reordered and missing tokens.

use super::*;

#[test]
fn tokens_are_accepted_only_in_order_if_the_sequence_flag_is_set() {
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
fn sequence_number_before_the_first_of_the_context_is_out_of_order_if_the_sequence_flag_is_set() {
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
fn tokens_are_accepted_once_in_any_order_if_only_the_replay_flag_is_set() {
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
fn every_sequence_number_is_accepted_if_neither_the_replay_flag_nor_the_sequence_flag_is_set() {
    let (mut client, mut server) = sides(EncType::AES256_CTS_HMAC_SHA1_96, 0, 0);
    let token = client.get_mic(b"");
    for _ in 0..3 {
        assert_eq!(server.verify_mic(b"", &token), Ok(()));
    }
}
