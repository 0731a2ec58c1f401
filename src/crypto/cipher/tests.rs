#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
use super::*;
use crate::crypto::{Key, KeyUsage};
use alloc::vec;

#[test]
fn decryption_in_place_returns_the_same_plaintext_as_decryption_into_a_buffer() {
    for etype in EncType::SUPPORTED {
        let key = Key::new(etype, &vec![5; etype.key_len().unwrap()]).unwrap();
        let cipher = key.cipher(KeyUsage::GSS_ACCEPTOR_SEAL);
        for length in [0, 1, 4, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 200, 1000] {
            let plaintext: Vec<u8> = (0..length).map(|i| u8::try_from(i % 251).unwrap()).collect();
            let mut ciphertext = Vec::new();
            cipher.encrypt_pieces(&[3; 16], &[&plaintext[..length / 3], &plaintext[length / 3..]], &mut ciphertext);
            let mut out = vec![0; ciphertext.len()];
            let at = cipher.decrypt(&ciphertext, &mut out).unwrap();
            assert_eq!(&out[at], plaintext);

            let (first, rest) = ciphertext.split_first_chunk().unwrap();
            let mut in_place = rest.to_vec();
            let at = cipher.decrypt_in_place(first, &mut in_place).unwrap();
            assert_eq!(&in_place[at], plaintext);
            let mut altered = rest.to_vec();
            *altered.last_mut().unwrap() ^= 1;
            assert_eq!(cipher.decrypt_in_place(first, &mut altered), Err(DecryptError::Integrity));
            assert_eq!(altered, vec![0; rest.len()]);
        }
        let minimum = cipher.min_ciphertext_len();
        let short = cipher.decrypt_in_place(&[0; 16], &mut vec![0; minimum - 17]);
        assert_eq!(short, Err(DecryptError::TooShort { actual: minimum - 1, minimum }));
    }
}
