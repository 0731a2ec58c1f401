//! The minimum cryptographic work of one request with etype 18. Every implementation of the protocol must do this work.
//! This module does this work by direct calls of cryptographic primitives, with prepared keys and buffers. The bench
//! `ratio` compares the cost of a request with the cost of this work in the same run.
//!
//! This module calls no code of the library. Work that depends only on the service's key is done beforehand. Work that
//! depends on the session key is part of the request.

use aes::Aes256;
use aes::cipher::array::{Array, sizes::U64};
use aes::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use sha1::block_api::compress;

/// The prepared keys of a service, and the buffers.
pub(crate) struct Floor {
    ticket: AesHmac,
    /// The MAC key of the PAC's server signature.
    signature: Hmac,
    session_key: [u8; 32],
    buffer: Vec<u8>,
}

/// The sizes of one request.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    /// The number of octets of the ticket's ciphertext, with its MAC.
    pub(crate) ticket: usize,
    /// The number of octets of the authenticator's ciphertext, with its MAC.
    pub(crate) authenticator: usize,
    /// The number of octets of the PAC; zero if there is no PAC.
    pub(crate) pac: usize,
}

impl Floor {
    pub(crate) fn new() -> Self {
        Self {
            ticket: AesHmac::new(&[1; 32], &[2; 32]),
            signature: Hmac::new(&[3; 32]),
            session_key: [4; 32],
            buffer: vec![0; 1 << 17],
        }
    }

    /// Does the work of one request. The returned octet depends on all results, so that the compiler cannot remove any work.
    pub(crate) fn request(&mut self, input: &[u8], sizes: Sizes) -> u8 {
        let (ticket, rest) = input.split_at(sizes.ticket);
        let authenticator = &rest[..sizes.authenticator];
        let (out, rest) = self.buffer.split_at_mut(sizes.ticket);
        let first = self.ticket.open(ticket, out);
        let session = Aes256::new(&self.session_key.into());
        let mut chains: [Block<Aes256>; 2] = [[5; 16].into(), [6; 16].into()];
        let mut keys = [[0; 32]; 2];
        for half in 0..2 {
            session.encrypt_blocks(&mut chains);
            for (key, chain) in keys.iter_mut().zip(&chains) {
                key[half * 16..][..16].copy_from_slice(chain);
            }
        }
        let [encryption, integrity] = keys;
        let second = AesHmac::new(&encryption, &integrity).open(authenticator, &mut rest[..sizes.authenticator]);
        let third = if sizes.pac > 0 { self.signature.mac(&self.buffer[..sizes.pac])[0] } else { 0 };
        first ^ second ^ third
    }
}

struct AesHmac {
    aes: Aes256,
    mac: Hmac,
}

impl AesHmac {
    fn new(encryption: &[u8; 32], integrity: &[u8; 32]) -> Self {
        Self { aes: Aes256::new(encryption.into()), mac: Hmac::new(integrity) }
    }

    /// Decrypts by CBC with ciphertext stealing, and computes the MAC over the plaintext.
    fn open(&self, ciphertext: &[u8], out: &mut [u8]) -> u8 {
        let encrypted = &ciphertext[..ciphertext.len() - 12];
        let out = &mut out[..encrypted.len()];
        let whole = encrypted.len() / 16 * 16;
        let (blocks, tail) = encrypted.split_at(whole);
        let (out_blocks, out_tail) = out.split_at_mut(whole);
        let (blocks, _) = Array::slice_as_chunks(blocks);
        let (out_blocks, _) = Array::slice_as_chunks_mut(out_blocks);
        self.aes.decrypt_blocks_b2b(blocks, out_blocks).unwrap();
        if let (Some(last), false) = (out_blocks.last_mut(), tail.is_empty()) {
            for ((given, stolen), octet) in last.iter_mut().zip(tail).zip(out_tail) {
                *octet = *given ^ stolen;
                *given = *stolen;
            }
            self.aes.decrypt_block(last);
        }
        for (out, previous) in out_blocks.iter_mut().skip(1).zip(blocks) {
            for (octet, previous) in out.iter_mut().zip(previous) {
                *octet ^= previous;
            }
        }
        self.mac.mac(out)[0]
    }
}

struct Hmac {
    inner: [u32; 5],
    outer: [u32; 5],
}

impl Hmac {
    fn new(key: &[u8; 32]) -> Self {
        let absorb = |pad: u8| {
            let mut block = [pad; 64];
            block.iter_mut().zip(key).for_each(|(octet, key)| *octet ^= key);
            let mut state = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];
            compress(&mut state, &[block]);
            state
        };
        Self { inner: absorb(0x36), outer: absorb(0x5C) }
    }

    fn mac(&self, message: &[u8]) -> [u8; 20] {
        let (blocks, rest) = Array::<u8, U64>::slice_as_chunks(message);
        let mut state = self.inner;
        compress(&mut state, Array::cast_slice_to_core(blocks));
        let digest = finish(state, rest, message.len());
        finish(self.outer, &digest, 20)
    }
}

/// Pads and finishes a hash whose `state` has already processed the block of the key.
fn finish(mut state: [u32; 5], rest: &[u8], length: usize) -> [u8; 20] {
    let mut blocks = [[0; 64]; 2];
    let flat = blocks.as_flattened_mut();
    flat[..rest.len()].copy_from_slice(rest);
    flat[rest.len()] = 0x80;
    let used = if rest.len() < 56 { 1 } else { 2 };
    let bits = (length as u64 + 64) * 8;
    flat[used * 64 - 8..used * 64].copy_from_slice(&bits.to_be_bytes());
    compress(&mut state, &blocks[..used]);
    let mut digest = [0; 20];
    for (octets, word) in digest.chunks_exact_mut(4).zip(state) {
        octets.copy_from_slice(&word.to_be_bytes());
    }
    digest
}
