#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
use super::*;
use crate::crypto::records::for_each;
use alloc::vec;
use alloc::vec::Vec;

#[test]
fn ciphertext_stealing_equals_the_vectors_of_rfc_3962() {
    for_each(include_str!("../../../testvectors/crypto/cts.txt"), 6, |record| {
        let key: [u8; 16] = record.octets("Key").try_into().unwrap();
        let aes = AesCts::<aes::Aes128>::new(&key.into());
        let (input, expected) = (record.octets("Input"), record.octets("Output"));
        let mut data = input.clone();
        let (first, rest) = data.split_first_chunk_mut().unwrap();
        aes.encrypt(first, rest);
        assert_eq!(data, expected);
        // The output ends with a tail of 1 to 16 octets. The block before this tail was encrypted last.
        let last = (data.len() - 1) / BLOCK * BLOCK;
        assert_eq!(data[last - BLOCK..last], record.octets("NextIV"));
        let mut out = vec![0; data.len()];
        aes.decrypt_into(&data, &mut out).unwrap();
        assert_eq!(out, input);
        let (first, rest) = data.split_first_chunk_mut().unwrap();
        aes.decrypt(first, rest);
        assert_eq!(data, input);
    });
}

#[test]
fn decryption_refuses_a_ciphertext_shorter_than_a_block_and_a_buffer_of_another_length() {
    let aes = AesCts::<aes::Aes256>::new(&[7; 32].into());
    for length in 0..BLOCK {
        let mut out = vec![2; length];
        assert_eq!(aes.decrypt_into(&vec![1; length], &mut out), Err(DecryptError::Integrity));
        assert_eq!(out, vec![2; length]);
    }
    for length in BLOCK..50 {
        for other in (0..60).filter(|other| *other != length) {
            let refused = aes.decrypt_into(&vec![1; length], &mut vec![2; other]);
            assert_eq!(refused, Err(DecryptError::Integrity), "{length} {other}");
        }
    }
}

#[test]
fn decryption_restores_the_plaintext_at_every_length() {
    let aes = AesCts::<aes::Aes128>::new(&[7; 16].into());
    for length in BLOCK..1000 {
        let plaintext: Vec<u8> = (0..length).map(|i| u8::try_from(i % 251).unwrap()).collect();
        let mut data = plaintext.clone();
        let mut shown = Vec::new();
        let (first, rest) = data.split_first_chunk_mut().unwrap();
        aes.encrypt_and_show(first, rest, |piece| shown.extend_from_slice(piece));
        assert_eq!(shown, plaintext, "{length}");
        shown.clear();
        let mut out = vec![0; length];
        aes.decrypt_into(&data, &mut out).unwrap();
        assert_eq!(out, plaintext, "{length}");
        let (first, rest) = data.split_first_chunk_mut().unwrap();
        aes.decrypt_and_show(first, rest, |piece| shown.extend_from_slice(piece));
        assert_eq!(shown, plaintext, "{length}");
        assert_eq!(data, plaintext, "{length}");
    }
}
