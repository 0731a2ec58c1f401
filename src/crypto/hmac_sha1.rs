//! HMAC-SHA1 (RFC 2104) with its key absorbed beforehand.
//!
//! In: a key of at most one block, messages in pieces. Out: the 20-octet MAC.
//! Most of a request's time is spent in this compression function, so it is driven directly: the `hmac` crate
//! costs 40 ns more to set up and 40 ns more for each message, which is a fifth of a request.

use core::hint::black_box;

use sha1::block_api::compress;
use sha1::digest::array::{Array, sizes::U64};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The two hash states that stand for a key.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct HmacSha1 {
    inner: State,
    outer: State,
}

impl HmacSha1 {
    /// Absorbs a key. Only the first block of it counts; keys of Kerberos are never longer.
    pub(super) fn new(key: &[u8]) -> Self {
        Self { inner: absorb(key, 0x36), outer: absorb(key, 0x5C) }
    }

    pub(super) fn start(&self) -> Running {
        Running { state: self.inner, outer: self.outer, block: [0; BLOCK], filled: 0, length: BLOCK }
    }

    pub(super) fn mac(&self, message: &[u8]) -> [u8; 20] {
        let mut running = self.start();
        running.update(message);
        running.finish()
    }
}

/// A MAC under way.
#[derive(Clone)]
pub(super) struct Running {
    state: State,
    outer: State,
    /// The start of a block that is not whole yet.
    block: [u8; BLOCK],
    /// How much of `block` is filled: always less than all of it.
    filled: usize,
    /// Octets hashed so far, the key's block included.
    length: usize,
}

impl Running {
    pub(super) fn update(&mut self, message: &[u8]) {
        self.length = self.length.wrapping_add(message.len());
        let rest = self.complete_block(message);
        let (blocks, rest) = Array::<u8, U64>::slice_as_chunks(rest);
        compress(&mut self.state, Array::cast_slice_to_core(blocks));
        self.keep(rest);
    }

    pub(super) fn finish(mut self) -> [u8; 20] {
        let bits = u64::try_from(self.length).unwrap_or(u64::MAX).wrapping_mul(8);
        self.pad(bits);
        let inner = octets(&self.state);
        let mut state = self.outer;
        compress(&mut state, &[last_block_of_digest(&inner)]);
        octets(&state)
    }

    /// Fills a block already begun; gives back what of the message is left.
    fn complete_block<'a>(&mut self, message: &'a [u8]) -> &'a [u8] {
        if self.filled == 0 {
            return message;
        }
        let missing = BLOCK.saturating_sub(self.filled);
        let Some((head, rest)) = message.split_at_checked(missing) else {
            self.keep(message);
            return &[];
        };
        self.keep(head);
        compress(&mut self.state, &[self.block]);
        self.filled = 0;
        rest
    }

    /// Appends to the block under way.
    fn keep(&mut self, piece: &[u8]) {
        for (to, from) in self.block.iter_mut().skip(self.filled).zip(piece) {
            *to = *from;
        }
        self.filled = self.filled.saturating_add(piece.len());
    }

    /// The padding of FIPS 180-4 section 5.1.1.
    fn pad(&mut self, bits: u64) {
        for (index, octet) in self.block.iter_mut().skip(self.filled).enumerate() {
            *octet = if index == 0 { 0x80 } else { 0 };
        }
        if self.filled >= LENGTH_AT {
            compress(&mut self.state, &[self.block]);
            self.block = [0; BLOCK];
        }
        for (to, from) in self.block.iter_mut().skip(LENGTH_AT).zip(bits.to_be_bytes()) {
            *to = from;
        }
        compress(&mut self.state, &[self.block]);
    }
}

impl Drop for Running {
    /// The last octets of a plaintext lie in the block.
    fn drop(&mut self) {
        self.block = [0; BLOCK];
        self.state = [0; 5];
        self.outer = [0; 5];
        black_box(self);
    }
}

fn absorb(key: &[u8], pad: u8) -> State {
    let mut block = [pad; BLOCK];
    for (octet, key) in block.iter_mut().zip(key) {
        *octet ^= key;
    }
    let mut state = INITIAL;
    compress(&mut state, &[block]);
    black_box(&mut block).fill(0);
    state
}

/// A digest as the second and last block of the outer hash, padded.
fn last_block_of_digest(digest: &[u8; 20]) -> [u8; BLOCK] {
    let mut block = OUTER_PADDING;
    for (to, from) in block.iter_mut().zip(digest) {
        *to = *from;
    }
    block
}

fn octets(state: &State) -> [u8; 20] {
    let mut digest = [0; 20];
    for (to, word) in digest.chunks_exact_mut(4).zip(state) {
        to.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

type State = [u32; 5];

const BLOCK: usize = 64;

/// Where a last block keeps the length of the message.
const LENGTH_AT: usize = 56;

/// FIPS 180-4 section 5.3.1.
const INITIAL: State = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];

/// Padding after 64 + 20 octets, which are 672 bits.
const OUTER_PADDING: [u8; BLOCK] = {
    let mut block = [0; BLOCK];
    block[20] = 0x80;
    block[62] = 0x02;
    block[63] = 0xA0;
    block
};

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
    use super::*;
    use hmac::{Hmac, KeyInit, Mac};
    use sha1::Sha1;

    #[test]
    fn agrees_with_the_hmac_crate_at_every_length_and_split() {
        let message: [u8; 200] = core::array::from_fn(|i| u8::try_from(i).unwrap());
        for length in 0..=200 {
            let key = &message[..length % 65];
            let mut expected = Hmac::<Sha1>::new_from_slice(key).unwrap();
            expected.update(&message[..length]);
            let expected: [u8; 20] = expected.finalize().into_bytes().into();
            let hmac = HmacSha1::new(key);
            assert_eq!(hmac.mac(&message[..length]), expected);
            for split in 0..=length {
                let mut running = hmac.start();
                running.update(&message[..split]);
                running.update(&message[split..length]);
                assert_eq!(running.finish(), expected, "{length} split at {split}");
            }
        }
    }
}
