//! AES in CBC mode with ciphertext stealing (CBC-CS3) and a zero initial vector (RFC 3962 section 5).
//!
//! The functions that work in place take the first block and the rest of the data as two arguments, so the data is
//! never shorter than a block. [`super::rfc3962`] and [`super::rfc8009`] protect the integrity of the data, and this
//! module does not. The `cts` crate takes 50 % longer, because it decrypts one block at a time, and encrypts a single
//! block twice.

use aes::cipher::array::Array;
use aes::cipher::{
    BlockCipherDecBackend, BlockCipherDecClosure, BlockCipherDecrypt, BlockCipherEncBackend, BlockCipherEncClosure,
    BlockCipherEncrypt, BlockSizeUser, Key, KeyInit, consts::U8, consts::U16,
};
use zeroize::ZeroizeOnDrop;

use super::scheme::DecryptError;

/// AES with a key of 128 or 256 bits. The round keys are overwritten when the value is dropped.
pub(super) trait Aes:
    BlockCipherEncrypt<BlockSize = U16> + BlockCipherDecrypt + KeyInit + Clone + ZeroizeOnDrop
{
}

impl Aes for aes::Aes128 {}

impl Aes for aes::Aes256 {}

/// An AES key that is expanded to its round keys.
#[derive(Clone)]
pub(super) struct AesCts<C: Aes>(C);

impl<C: Aes> AesCts<C> {
    pub(super) fn new(key: &Key<C>) -> Self {
        Self(C::new(key))
    }

    /// Returns the block cipher without the CBC mode, for key derivations.
    pub(super) fn block_cipher(&self) -> &C {
        &self.0
    }

    /// Decrypts `ciphertext` into `out`. Refuses a ciphertext shorter than a block, and an `out` whose length differs from
    /// that of the ciphertext.
    pub(super) fn decrypt_into(&self, ciphertext: &[u8], out: &mut [u8]) -> Result<(), DecryptError> {
        let rest = ciphertext.len().checked_sub(BLOCK).ok_or(DecryptError::Integrity)?;
        // The sum is at most the length of the ciphertext, so the addition does not saturate.
        let whole = BLOCK.saturating_add(whole_blocks(rest));
        let (blocks, tail) = ciphertext.split_at(whole);
        let (out_blocks, out_tail) = out.split_at_mut_checked(whole).ok_or(DecryptError::Integrity)?;
        let (blocks, _) = Array::slice_as_chunks(blocks);
        let (out_blocks, _) = Array::slice_as_chunks_mut(out_blocks);
        self.0.decrypt_blocks_b2b(blocks, out_blocks).map_err(|_| DecryptError::Integrity)?;
        if out_tail.len() != tail.len() {
            return Err(DecryptError::Integrity);
        }
        if let (Some(last), false) = (out_blocks.last_mut(), tail.is_empty()) {
            out_tail.copy_from_slice(tail);
            give_back(last, out_tail);
            self.0.decrypt_block(last);
        }
        let (_, chained) = out_blocks.split_first_mut().ok_or(DecryptError::Integrity)?;
        for (out, previous) in chained.iter_mut().zip(blocks) {
            xor(out, previous);
        }
        Ok(())
    }

    /// Decrypts the data in place. `first` is the first block of the data, and `rest` is all octets after that block.
    pub(super) fn decrypt(&self, first: &mut [u8; BLOCK], rest: &mut [u8]) {
        self.decrypt_and_show(first, rest, |_| {});
    }

    /// Decrypts as [`Self::decrypt`] does, and passes the plaintext to `show` piece by piece. The processor can then
    /// hash one piece while it decrypts the next piece.
    pub(super) fn decrypt_and_show(&self, first: &mut [u8; BLOCK], rest: &mut [u8], show: impl FnMut(&[u8])) {
        self.0.decrypt_with_backend(Decryption { first: first.into(), rest, show });
    }

    /// Encrypts the data in place. `first` is the first block of the data, and `rest` is all octets after that block.
    pub(super) fn encrypt(&self, first: &mut [u8; BLOCK], rest: &mut [u8]) {
        self.encrypt_and_show(first, rest, |_| {});
    }

    /// Encrypts as [`Self::encrypt`] does, and passes each piece of the plaintext to `show` before encrypting the
    /// piece. The encryption of a block waits for the result of the previous block, and the processor can hash in that
    /// time.
    pub(super) fn encrypt_and_show(&self, first: &mut [u8; BLOCK], rest: &mut [u8], show: impl FnMut(&[u8])) {
        self.0.encrypt_with_backend(Encryption { first: first.into(), rest, show });
    }
}

impl<C: Aes> ZeroizeOnDrop for AesCts<C> {}

/// The encryption of a whole message. The cipher runs this encryption in one call, which uses the processor's AES
/// instructions.
struct Encryption<'a, F> {
    first: &'a mut Block,
    rest: &'a mut [u8],
    show: F,
}

impl<F> BlockSizeUser for Encryption<'_, F> {
    type BlockSize = U16;
}

impl<F: FnMut(&[u8])> BlockCipherEncClosure for Encryption<'_, F> {
    #[inline]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let Self { first, rest, mut show } = self;
        let (blocks, tail) = split(rest);
        show(first);
        backend.encrypt_block_inplace(first);
        let mut previous = *first;
        let (head, groups) = blocks.split_at_mut(blocks.len().min(SHOWN - 1));
        for group in core::iter::once(head).chain(groups.chunks_mut(SHOWN)) {
            show(octets(group));
            for block in group {
                xor(block, &previous);
                backend.encrypt_block_inplace(block);
                previous = *block;
            }
        }
        show(tail);
        if !tail.is_empty() {
            // If `rest` has no whole block, `first` is the last whole block.
            let last = blocks.last_mut().unwrap_or(first);
            steal(last, tail);
            backend.encrypt_block_inplace(last);
        }
    }
}

/// Exchanges the tail with the front of the last whole block, and XORs the plaintext of the tail into that front.
fn steal(last: &mut Block, tail: &mut [u8]) {
    for (tail, last) in tail.iter_mut().zip(last.iter_mut()) {
        (*tail, *last) = (*last, *last ^ *tail);
    }
}

/// The decryption of a whole message.
struct Decryption<'a, F> {
    first: &'a mut Block,
    rest: &'a mut [u8],
    show: F,
}

impl<F> BlockSizeUser for Decryption<'_, F> {
    type BlockSize = U16;
}

impl<F: FnMut(&[u8])> BlockCipherDecClosure for Decryption<'_, F> {
    #[inline]
    fn call<B: BlockCipherDecBackend<BlockSize = U16>>(self, backend: &B) {
        let Self { first, rest, mut show } = self;
        let (blocks, tail) = split(rest);
        let Some((last, blocks)) = blocks.split_last_mut() else {
            decrypt_last(backend, &Block::default(), first, tail);
            show(first);
            return show(tail);
        };
        let mut previous = *first;
        backend.decrypt_block_inplace(first);
        show(first);
        // `first` and `head` together fill one block of SHA-1, so all later pieces begin at the start of a SHA-1 block.
        let (head, blocks) = blocks.split_at_mut(blocks.len().min(SHOWN - 1));
        decrypt_each(backend, head, &mut previous, &mut show);
        let (groups, singles) = Array::<_, B::ParBlocksSize>::slice_as_chunks_mut(blocks);
        for group in groups {
            let ciphertext = group.clone();
            backend.decrypt_par_blocks_inplace(group);
            unchain(group, &ciphertext, &mut previous);
            show(octets(group));
        }
        decrypt_each(backend, singles, &mut previous, &mut show);
        decrypt_last(backend, &previous, last, tail);
        show(last);
        show(tail);
    }
}

#[inline(always)]
fn decrypt_each<B: BlockCipherDecBackend<BlockSize = U16>>(
    backend: &B,
    blocks: &mut [Block],
    previous: &mut Block,
    show: &mut impl FnMut(&[u8]),
) {
    for block in blocks {
        let ciphertext = [*block];
        backend.decrypt_block_inplace(block);
        unchain(core::slice::from_mut(block), &ciphertext, previous);
        show(block);
    }
}

/// Decrypts the last whole block and the tail. `previous` is the ciphertext block before the last whole block.
#[inline(always)]
fn decrypt_last<B: BlockCipherDecBackend<BlockSize = U16>>(
    backend: &B,
    previous: &Block,
    last: &mut Block,
    tail: &mut [u8],
) {
    backend.decrypt_block_inplace(last);
    if !tail.is_empty() {
        give_back(last, tail);
        backend.decrypt_block_inplace(last);
    }
    xor(last, previous);
}

/// Undoes [`steal`]. `last` is the decrypted last block, whose front is the XOR of the plaintext's tail and `tail`.
/// `tail` contains the octets that were stolen from the last whole block.
#[inline]
fn give_back(last: &mut Block, tail: &mut [u8]) {
    for (tail, last) in tail.iter_mut().zip(last.iter_mut()) {
        (*tail, *last) = (*last ^ *tail, *tail);
    }
}

/// XORs each decrypted block with the ciphertext block before it, as CBC mode requires.
#[inline]
fn unchain(blocks: &mut [Block], ciphertext: &[Block], previous: &mut Block) {
    for (block, ciphertext) in blocks.iter_mut().zip(ciphertext) {
        xor(block, previous);
        *previous = *ciphertext;
    }
}

#[inline]
fn octets(blocks: &[Block]) -> &[u8] {
    Array::cast_slice_to_core(blocks).as_flattened()
}

/// Returns the number of octets in whole blocks before the tail, if `rest` octets follow the first block.
fn whole_blocks(rest: usize) -> usize {
    // If `rest` is zero, there is no tail, and the result is zero.
    rest.saturating_sub(1) & !(BLOCK - 1)
}

/// Splits the octets after the first block into whole blocks and the tail. The tail has 1 to 16 octets, or none if
/// `rest` is empty.
fn split(rest: &mut [u8]) -> (&mut [Block], &mut [u8]) {
    let (blocks, tail) = rest.split_at_mut(whole_blocks(rest.len()));
    let (blocks, _) = Array::slice_as_chunks_mut(blocks);
    (blocks, tail)
}

/// XORs `from` into `to` in two halves of eight octets. If the code XORs one octet or 16 octets at a time, the compiler
/// moves the blocks out of the vector registers. These moves delay every block of the chain.
fn xor(to: &mut Block, from: &Block) {
    let (to, _) = Array::<u8, U8>::slice_as_chunks_mut(to);
    let (from, _) = Array::<u8, U8>::slice_as_chunks(from);
    for (to, from) in to.iter_mut().zip(from) {
        to.0 = (u64::from_ne_bytes(to.0) ^ u64::from_ne_bytes(from.0)).to_ne_bytes();
    }
}

type Block = Array<u8, U16>;

const BLOCK: usize = 16;

/// The number of blocks in a piece that is passed to `show`. Four AES blocks fill one block of SHA-1.
const SHOWN: usize = 4;

#[cfg(test)]
mod tests;
