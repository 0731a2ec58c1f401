//! AES in CBC mode with ciphertext stealing, CBC-CS3 with a zero initial vector (RFC 3962 section 5).
//!
//! In: a key, data of at least one block. Out: data of the same length. No integrity: see [`super::rfc3962`] and [`super::rfc8009`].
//! The `cts` crate takes half as long again, because its blocks go one at a time, and encrypts twice what is one block long.

use alloc::boxed::Box;
use core::hint::black_box;
use once_cell::race::OnceBox;

use aes::cipher::array::Array;
use aes::cipher::{
    Block, BlockCipherDecBackend, BlockCipherDecClosure, BlockCipherDecrypt, BlockCipherEncBackend,
    BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, Key, KeyInit, consts::U8, consts::U16,
};

/// AES with either length of key.
pub(super) trait Aes:
    BlockCipherEncrypt<BlockSize = U16> + BlockCipherDecrypt + KeyInit + Clone + 'static
{
    /// A key of zeros, expanded once: its round keys overwrite others.
    fn of_zeros() -> &'static Self;
}

impl Aes for aes::Aes128 {
    fn of_zeros() -> &'static Self {
        static ZEROS: OnceBox<aes::Aes128> = OnceBox::new();
        ZEROS.get_or_init(|| Box::new(Self::new(&Key::<Self>::default())))
    }
}

impl Aes for aes::Aes256 {
    fn of_zeros() -> &'static Self {
        static ZEROS: OnceBox<aes::Aes256> = OnceBox::new();
        ZEROS.get_or_init(|| Box::new(Self::new(&Key::<Self>::default())))
    }
}

/// A key made ready for use.
#[derive(Clone)]
pub(super) struct AesCts<C: Aes>(C);

impl<C: Aes> AesCts<C> {
    pub(super) fn new(key: &Key<C>) -> Self {
        // Made no later than this, so that no drop allocates.
        C::of_zeros();
        Self(C::new(key))
    }

    /// The bare block cipher, for derivations.
    pub(super) fn block_cipher(&self) -> &C {
        &self.0
    }

    /// Decrypts into `out`, which is as long as `ciphertext`; both have at least one block, or nothing is written.
    pub(super) fn decrypt(&self, ciphertext: &[u8], out: &mut [u8]) {
        let whole = whole_blocks(ciphertext.len());
        let Some((blocks, tail)) = ciphertext.split_at_checked(whole) else {
            return;
        };
        let Some((out_blocks, out_tail)) = out.split_at_mut_checked(whole) else {
            return;
        };
        let (blocks, _) = Array::slice_as_chunks(blocks);
        let (out_blocks, _) = Array::slice_as_chunks_mut(out_blocks);
        if self.0.decrypt_blocks_b2b(blocks, out_blocks).is_err() {
            return;
        }
        if let Some(last) = out_blocks.last_mut() {
            self.give_back(last, tail, out_tail);
        }
        let (_, chained) = out_blocks.split_at_mut_checked(1).unwrap_or_default();
        for (out, previous) in chained.iter_mut().zip(blocks) {
            xor(out, previous);
        }
    }

    /// Decrypts in place what lies in two places: the first block, and all that follows it.
    pub(super) fn decrypt_in_place(&self, first: &mut [u8; BLOCK], rest: &mut [u8]) {
        self.decrypt_in_place_and_show(first, rest, |_| {});
    }

    /// As [`Self::decrypt_in_place`], and shows the plaintext, piece by piece: it can be hashed while the next is decrypted.
    pub(super) fn decrypt_in_place_and_show(
        &self,
        first: &mut [u8; BLOCK],
        rest: &mut [u8],
        mut show: impl FnMut(&[u8]),
    ) {
        if rest.len() <= BLOCK {
            self.decrypt_last(&Block::<C>::default(), first.into(), rest);
            show(first);
            return show(rest);
        }
        let mut previous = Block::<C>::from(*first);
        self.0.decrypt_block(first.into());
        show(first);
        let Some((blocks, tail)) = rest.split_at_mut_checked(whole_blocks(rest.len())) else {
            return;
        };
        let (blocks, _) = Array::slice_as_chunks_mut(blocks);
        let Some((last, blocks)) = blocks.split_last_mut() else {
            return;
        };
        // With these and the first, what was shown ends where a block of SHA-1 does, and so do the pieces that follow.
        let (head, blocks) = blocks.split_at_mut(blocks.len().min(SHOWN - 1));
        for blocks in [head, blocks] {
            self.0.decrypt_with_backend(CbcDecryption { previous: &mut previous, blocks, show: &mut show });
        }
        self.decrypt_last(&previous, last, tail);
        show(last);
        show(tail);
    }

    /// The last whole block, after the ciphertext block `previous`, and the tail.
    fn decrypt_last(&self, previous: &Block<C>, last: &mut Block<C>, tail: &mut [u8]) {
        self.0.decrypt_block(last);
        if !tail.is_empty() {
            for (tail, last) in tail.iter_mut().zip(last.iter_mut()) {
                (*tail, *last) = (*last ^ *tail, *tail);
            }
            self.0.decrypt_block(last);
        }
        xor(last, previous);
    }

    /// Encrypts in place; nothing happens to less than one block.
    pub(super) fn encrypt(&self, data: &mut [u8]) {
        self.encrypt_and_show(data, |_| {});
    }

    /// As [`Self::encrypt`], and shows the plaintext, piece by piece, before it goes: each block waits for the one before it,
    /// and while it does, the processor can hash.
    pub(super) fn encrypt_and_show(&self, data: &mut [u8], mut show: impl FnMut(&[u8])) {
        let whole = whole_blocks(data.len());
        let Some((blocks, tail)) = data.split_at_mut_checked(whole) else {
            return;
        };
        let (blocks, _) = Array::slice_as_chunks_mut(blocks);
        self.0.encrypt_with_backend(CbcEncryption { blocks: &mut *blocks, show: &mut show });
        show(tail);
        if let Some(last) = blocks.last_mut() {
            self.steal(last, tail);
        }
    }

    /// `last` is the decrypted last block: its front hides the tail of the plaintext, its end was stolen from the block before.
    fn give_back(&self, last: &mut Block<C>, tail: &[u8], out_tail: &mut [u8]) {
        if tail.is_empty() {
            return;
        }
        for ((out, last), stolen) in out_tail.iter_mut().zip(last.iter_mut()).zip(tail) {
            *out = *last ^ *stolen;
            *last = *stolen;
        }
        self.0.decrypt_block(last);
    }

    /// The tail takes the front of the block before it, which becomes the encryption of both.
    fn steal(&self, last: &mut Block<C>, tail: &mut [u8]) {
        if tail.is_empty() {
            return;
        }
        for (tail, last) in tail.iter_mut().zip(last.iter_mut()) {
            (*tail, *last) = (*last, *last ^ *tail);
        }
        self.0.encrypt_block(last);
    }
}

impl<C: Aes> Drop for AesCts<C> {
    /// The round keys are overwritten by those of a key of zeros. The `zeroize` feature of `aes` writes its 960 octets
    /// one by one.
    fn drop(&mut self) {
        self.0.clone_from(C::of_zeros());
        black_box(&mut self.0);
    }
}

/// CBC of whole blocks, all at once where the processor's instructions are at hand.
struct CbcEncryption<'a, F> {
    blocks: &'a mut [Array<u8, U16>],
    show: F,
}

impl<F> BlockSizeUser for CbcEncryption<'_, F> {
    type BlockSize = U16;
}

impl<F: FnMut(&[u8])> BlockCipherEncClosure for CbcEncryption<'_, F> {
    #[inline]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(mut self, backend: &B) {
        let mut previous = Array::default();
        for group in self.blocks.chunks_mut(SHOWN) {
            (self.show)(octets(group));
            for block in group {
                xor(block, &previous);
                backend.encrypt_block_inplace(block);
                previous = *block;
            }
        }
    }
}

/// The reverse, after the ciphertext block `previous`, which it replaces by the last that it decrypts.
struct CbcDecryption<'a, F> {
    previous: &'a mut Array<u8, U16>,
    blocks: &'a mut [Array<u8, U16>],
    show: F,
}

impl<F> BlockSizeUser for CbcDecryption<'_, F> {
    type BlockSize = U16;
}

impl<F: FnMut(&[u8])> BlockCipherDecClosure for CbcDecryption<'_, F> {
    #[inline]
    fn call<B: BlockCipherDecBackend<BlockSize = U16>>(mut self, backend: &B) {
        let (groups, rest) = Array::<_, B::ParBlocksSize>::slice_as_chunks_mut(self.blocks);
        for group in groups {
            let ciphertext = group.clone();
            backend.decrypt_par_blocks_inplace(group);
            unchain(group, &ciphertext, self.previous);
            (self.show)(octets(group));
        }
        for block in rest {
            let ciphertext = [*block];
            backend.decrypt_block_inplace(block);
            unchain(core::slice::from_mut(block), &ciphertext, self.previous);
            (self.show)(block);
        }
    }
}

/// Undoes the chaining of decrypted blocks.
#[inline]
fn unchain(blocks: &mut [Array<u8, U16>], ciphertext: &[Array<u8, U16>], previous: &mut Array<u8, U16>) {
    for (block, ciphertext) in blocks.iter_mut().zip(ciphertext) {
        xor(block, previous);
        *previous = *ciphertext;
    }
}

#[inline]
fn octets(blocks: &[Array<u8, U16>]) -> &[u8] {
    Array::cast_slice_to_core(blocks).as_flattened()
}

/// Octets before the tail: all of a single block, else all but the last 1 to 16.
fn whole_blocks(length: usize) -> usize {
    match length.checked_sub(BLOCK) {
        Some(0) => BLOCK,
        Some(_) => length.saturating_sub(1) & !(BLOCK - 1),
        None => 0,
    }
}

/// By halves: taken octet by octet, or all at once, blocks leave the vector registers, and a chain waits for that.
fn xor(to: &mut Array<u8, U16>, from: &Array<u8, U16>) {
    let (to, _) = Array::<u8, U8>::slice_as_chunks_mut(to);
    let (from, _) = Array::<u8, U8>::slice_as_chunks(from);
    for (to, from) in to.iter_mut().zip(from) {
        to.0 = (u64::from_ne_bytes(to.0) ^ u64::from_ne_bytes(from.0)).to_ne_bytes();
    }
}

const BLOCK: usize = 16;

/// Blocks shown at a time: one of SHA-1's.
const SHOWN: usize = 4;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
    use super::*;
    use crate::crypto::records::for_each;
    use alloc::vec;
    use alloc::vec::Vec;

    #[test]
    fn ciphertext_stealing_of_rfc_3962() {
        for_each(include_str!("../../testvectors/crypto/cts.txt"), 6, |record| {
            let key: [u8; 16] = record.octets("Key").try_into().unwrap();
            let aes = AesCts::<aes::Aes128>::new(&key.into());
            let (input, expected) = (record.octets("Input"), record.octets("Output"));
            let mut data = input.clone();
            aes.encrypt(&mut data);
            assert_eq!(data, expected);
            let last = whole_blocks(data.len());
            assert_eq!(data[last - BLOCK..last], record.octets("NextIV"));
            let mut out = vec![0; expected.len()];
            aes.decrypt(&expected, &mut out);
            assert_eq!(out, input);
            let (first, rest) = data.split_first_chunk_mut().unwrap();
            aes.decrypt_in_place(first, rest);
            assert_eq!(data, input);
        });
    }

    #[test]
    fn less_than_a_block_is_left_alone() {
        let aes = AesCts::<aes::Aes256>::new(&[7; 32].into());
        for length in 0..BLOCK {
            let mut data = vec![1; length];
            aes.encrypt(&mut data);
            assert_eq!(data, vec![1; length]);
            let mut out = vec![2; length];
            aes.decrypt(&data, &mut out);
            assert_eq!(out, vec![2; length]);
        }
    }

    #[test]
    fn decrypting_in_place_undoes_every_length() {
        let aes = AesCts::<aes::Aes128>::new(&[7; 16].into());
        for length in BLOCK..1000 {
            let plaintext: Vec<u8> = (0..length).map(|i| u8::try_from(i % 251).unwrap()).collect();
            let mut data = plaintext.clone();
            let mut shown = Vec::new();
            aes.encrypt_and_show(&mut data, |piece| shown.extend_from_slice(piece));
            assert_eq!(shown, plaintext, "{length}");
            shown.clear();
            let (first, rest) = data.split_first_chunk_mut().unwrap();
            aes.decrypt_in_place_and_show(first, rest, |piece| shown.extend_from_slice(piece));
            assert_eq!(shown, plaintext, "{length}");
            assert_eq!(data, plaintext, "{length}");
        }
    }
}
