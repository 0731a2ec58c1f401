#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::*;
use crate::terms::tests::{others, terms};

fn random(octet: u8) -> Zeroizing<[u8; 32]> {
    Zeroizing::new([octet; 32])
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// The test vector is the first encryption in RFC 9180 section A.2.1.
#[test]
fn sealed_octets_are_those_of_the_test_vector_in_rfc_9180() {
    let key = SealingKey::from_random(
        &hex("1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df").try_into().unwrap(),
    );
    let public = hex("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a");
    assert_eq!(key.public().as_bytes().as_slice(), &*public);
    let random = hex("909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b").try_into().unwrap();
    let (info, aad) = (hex("4f6465206f6e2061204772656369616e2055726e"), hex("436f756e742d30"));
    let plaintext = hex("4265617574792069732074727574682c20747275746820626561757479");
    let (sealed, answer) = key.public().seal(&info, &aad, &plaintext, Zeroizing::new(random)).unwrap();
    let enc = hex("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a");
    let ct = hex("1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28");
    assert_eq!((sealed.enc.as_bytes().as_slice(), sealed.ct.as_bytes()), (&*enc, &*ct));
    let (opened, of_agent) = key.open(&info, &aad, &sealed).unwrap();
    assert_eq!((&*opened, of_agent), (&plaintext, answer));
}

#[test]
fn password_opens_only_with_its_key_and_under_its_terms() {
    let (key, other) = (SealingKey::from_random(&[5; 32]), SealingKey::from_random(&[6; 32]));
    let sealed = key.public().seal_password(&terms(), b"secret", random(7)).unwrap().0;
    assert_eq!(key.open_password(&terms(), &sealed).unwrap().0.as_slice(), b"secret");
    assert_eq!(other.open_password(&terms(), &sealed), Err(SealError::CannotOpen));
    for terms in others() {
        assert_eq!(key.open_password(&terms, &sealed), Err(SealError::CannotOpen), "{terms:?}");
    }
}

#[test]
fn each_changed_bit_of_a_sealed_password_is_refused() {
    let key = SealingKey::from_random(&[5; 32]);
    let (sealed, _) = key.public().seal_password(&terms(), b"secret", random(7)).unwrap();
    for bit in 0..32 * 8 {
        let mut enc = *sealed.enc.as_bytes();
        enc[bit / 8] ^= 1 << (bit % 8);
        // X25519 ignores the highest bit of a point (RFC 7748 section 5), but HPKE hashes the octets.
        let changed = Sealed { enc: Fixed::new(enc), ..sealed.clone() };
        assert_eq!(key.open_password(&terms(), &changed), Err(SealError::CannotOpen), "enc {bit}");
    }
    for bit in 0..sealed.ct.as_bytes().len() * 8 {
        let mut ct = sealed.ct.as_bytes().to_vec();
        ct[bit / 8] ^= 1 << (bit % 8);
        let changed = Sealed { ct: Ciphertext::new(ct).unwrap(), ..sealed };
        assert_eq!(key.open_password(&terms(), &changed), Err(SealError::CannotOpen), "ct {bit}");
    }
}

#[test]
fn lengths_of_passwords_are_hidden_in_blocks_of_128_octets() {
    let key = SealingKey::from_random(&[5; 32]);
    for (length, blocks) in [(1, 1), (126, 1), (127, 2), (254, 2), (255, 3), (MAX_PASSWORD, 9)] {
        let (sealed, _) = key.public().seal_password(&terms(), &vec![b'a'; length], random(7)).unwrap();
        assert_eq!(sealed.ct.as_bytes().len(), blocks * 128 + 16, "{length}");
        assert_eq!(key.open_password(&terms(), &sealed).unwrap().0.len(), length);
    }
}

#[test]
fn empty_password_and_password_of_1025_octets_are_not_sealed() {
    let key = SealingKey::from_random(&[5; 32]).public();
    for length in [0, MAX_PASSWORD + 1, 70_000] {
        let sealed = key.seal_password(&terms(), &vec![b'a'; length], random(7));
        assert_eq!(sealed, Err(SealError::PasswordLength(length)));
    }
}

/// Everybody who has the public key can seal, so an attacker can choose the plaintext.
#[test]
fn plaintext_with_a_wrong_length_or_padding_is_refused() {
    let key = SealingKey::from_random(&[5; 32]);
    let open = |plaintext: &[u8]| {
        let (sealed, _) = key.public().seal(INFO, &terms().digest(), plaintext, random(7)).unwrap();
        key.open_password(&terms(), &sealed).is_ok()
    };
    let padded = |start: &[u8]| [start, &vec![0; 128 - start.len()]].concat();
    assert!(open(&padded(&[0, 1, b'a'])));
    for wrong in [vec![], vec![0], vec![0, 1], vec![0, 1, b'a'], padded(&[0, 0]), padded(&[0, 1, b'a', b'b'])] {
        assert!(!open(&wrong), "{wrong:?}");
    }
    assert!(!open(&padded(&[0, 127, b'a'])), "longer than its block");
    assert!(!open(&[[4, 1].as_slice(), &[b'a'; 1_025], &[0; 125]].concat()), "longer than a password");
}

#[test]
fn point_of_low_order_is_refused_as_a_key() {
    let zero: SealingPublicKey = serde_json::from_value(Fixed::new([0; 32]).to_string().into()).unwrap();
    assert_eq!(zero.seal_password(&terms(), b"secret", random(7)), Err(SealError::UnusableKey));
}

#[test]
fn challenge_opens_only_with_its_key_and_does_not_open_as_a_password() {
    let (key, other) = (SealingKey::from_random(&[5; 32]), SealingKey::from_random(&[6; 32]));
    let challenge = Fixed::new([8; 32]);
    let sealed = key.public().seal_challenge(&challenge, random(7)).unwrap();
    assert_eq!(key.open_challenge(&sealed), Ok(challenge));
    assert_eq!(other.open_challenge(&sealed), Err(SealError::CannotOpen));
    assert_eq!(key.open_password(&terms(), &sealed), Err(SealError::CannotOpen));
}

#[test]
fn debug_output_of_a_private_key_has_no_octets_of_the_key() {
    assert_eq!(format!("{:?}", SealingKey::from_random(&[5; 32])), "SealingKey(..)");
}
