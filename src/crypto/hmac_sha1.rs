//! HMAC-SHA1 (RFC 2104) with its key absorbed beforehand.
//!
//! In: a key of at most one block, messages in pieces. Out: the 20-octet MAC.
//! Most of a request's time is spent in this compression function, so it is driven directly: the `hmac` crate
//! costs 40 ns more to set up and 40 ns more for each message, which is a fifth of a request.

use core::hint::black_box;

use sha1::block_api::compress;
use sha1::digest::array::{Array, sizes::U64};

use super::wipe;

/// The two hash states that stand for a key.
#[derive(Clone, Default)]
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
        Running { key: self.clone(), state: self.inner, block: [0; BLOCK], filled: 0, length: 0 }
    }

    pub(super) fn mac(&self, message: &[u8]) -> [u8; 20] {
        let mut state = self.inner;
        let rest = compress_whole_blocks(&mut state, message);
        self.finish(state, rest, message.len())
    }

    /// Ends a message of `length` octets, of which `state` has seen all but `rest`.
    fn finish(&self, mut state: State, rest: &[u8], length: usize) -> [u8; 20] {
        compress_padded(&mut state, rest, length);
        let digest = octets(&state);
        state = self.outer;
        compress_padded(&mut state, &digest, digest.len());
        octets(&state)
    }
}

impl Drop for HmacSha1 {
    fn drop(&mut self) {
        (self.inner, self.outer) = Default::default();
        black_box(self);
    }
}

/// A MAC under way.
#[derive(Clone)]
pub(super) struct Running {
    key: HmacSha1,
    state: State,
    /// The start of a block that is not whole yet.
    block: [u8; BLOCK],
    /// How much of `block` is filled: always less than all of it.
    filled: usize,
    /// Octets of the message so far.
    length: usize,
}

impl Running {
    pub(super) fn update(&mut self, message: &[u8]) {
        self.length = self.length.wrapping_add(message.len());
        let rest = self.complete_block(message);
        let rest = compress_whole_blocks(&mut self.state, rest);
        self.keep(rest);
    }

    pub(super) fn finish(self) -> [u8; 20] {
        let rest = self.block.get(..self.filled).unwrap_or_default();
        self.key.finish(self.state, rest, self.length)
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
        let end = self.filled.saturating_add(piece.len());
        if let Some(place) = self.block.get_mut(self.filled..end) {
            place.copy_from_slice(piece);
            self.filled = end;
        }
    }
}

impl Drop for Running {
    /// The last octets of a plaintext lie in the block.
    fn drop(&mut self) {
        wipe(&mut self.block);
        self.state = State::default();
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
    wipe(&mut block);
    state
}

/// Gives back the octets after the last whole block.
fn compress_whole_blocks<'a>(state: &mut State, message: &'a [u8]) -> &'a [u8] {
    let (blocks, rest) = Array::<u8, U64>::slice_as_chunks(message);
    compress(state, Array::cast_slice_to_core(blocks));
    rest
}

/// The padding of FIPS 180-4 section 5.1.1, after less than a block. `length` leaves out the block of the key.
fn compress_padded(state: &mut State, rest: &[u8], length: usize) {
    let bits = u64::try_from(length.saturating_add(BLOCK)).unwrap_or(u64::MAX).wrapping_mul(8);
    let mut blocks = [[0; BLOCK]; 2];
    let used = if rest.len() < LENGTH_AT { 1 } else { 2 };
    if let Some((place, [end, ..])) = blocks.as_flattened_mut().split_at_mut_checked(rest.len()) {
        place.copy_from_slice(rest);
        *end = 0x80;
    }
    if let Some([.., last]) = blocks.get_mut(..used) {
        if let Some(place) = last.last_chunk_mut() {
            *place = bits.to_be_bytes();
        }
    }
    compress(state, blocks.get(..used).unwrap_or_default());
    wipe(blocks.as_flattened_mut());
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
