//! The building blocks of the simplified profile: n-fold and DR (RFC 3961 section 5.1).
//!
//! DR takes a block cipher with the protocol key, and well-known constants, and returns the octets of derived keys.

use aes::cipher::array::{Array, ArraySize};
use aes::cipher::{Block, BlockCipherEncrypt};

use super::key_usage::{CHECKSUM, ENCRYPTION, INTEGRITY, KeyUsage};
use super::zeroing::Wiped;
use zeroize::zeroize_bytes;

/// Computes DR for several constants at once. Each constant is folded to a block and encrypted repeatedly, and the
/// encrypted blocks are the derived octets. The processor encrypts the blocks of all constants in parallel.
pub(super) fn derive_random<C, L, const N: usize>(cipher: &C, folded: [Block<C>; N]) -> [Wiped<Array<u8, L>>; N]
where
    C: BlockCipherEncrypt,
    L: ArraySize,
{
    let mut chains = folded;
    let mut derived = [(); N].map(|()| Wiped::new(Array::default()));
    for offset in (0..L::USIZE).step_by(C::block_size()) {
        cipher.encrypt_blocks(&mut chains);
        for (derived, block) in derived.iter_mut().zip(&chains) {
            // If the last block has more octets than are needed, `zip` ignores the rest.
            for (to, from) in derived.iter_mut().skip(offset).zip(block) {
                *to = *from;
            }
        }
    }
    for block in &mut chains {
        zeroize_bytes(block);
    }
    derived
}

/// The three constants of a key usage, folded to AES blocks.
#[derive(Clone, Copy)]
pub(super) struct FoldedUsage {
    pub(super) encryption: [u8; 16],
    pub(super) integrity: [u8; 16],
    pub(super) checksum: [u8; 16],
}

impl FoldedUsage {
    /// Returns the constants of a usage. For the usages of the protocol, the constants are in a table that is made at
    /// compile time. For other usages, the constants are computed.
    pub(super) fn of(usage: KeyUsage) -> Self {
        usize::try_from(usage.0)
            .ok()
            .and_then(|number| FOLDED.get(number))
            .copied()
            .unwrap_or_else(|| Self::fold(usage))
    }

    const fn fold(usage: KeyUsage) -> Self {
        Self {
            encryption: n_fold(&usage.label(ENCRYPTION)),
            integrity: n_fold(&usage.label(INTEGRITY)),
            checksum: n_fold(&usage.label(CHECKSUM)),
        }
    }
}

/// Computes n-fold to `N` octets. Copies of the input are concatenated, and each copy is rotated 13 bits further to the
/// right. When the copies fill a whole number of outputs, the outputs are added in ones' complement. `input` must not
/// be empty.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a `const fn` cannot use iterators; all indices are reduced or below the length, and the sums are small"
)]
pub(super) const fn n_fold<const N: usize>(input: &[u8]) -> [u8; N] {
    let mut sums = [0_u32; N];
    let mut at = 0;
    while at < least_common_multiple(input.len(), N) {
        let octet = rotated_octet(input, at / input.len(), at % input.len());
        sums[at % N] += u32::from_be_bytes([0, 0, 0, octet]);
        at += 1;
    }
    add_carries(sums)
}

/// Returns the octet at `index` of the input after `times` rotations of 13 bits to the right.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a `const fn` cannot use iterators; both indices are reduced modulo the length"
)]
const fn rotated_octet(input: &[u8], times: usize, index: usize) -> u8 {
    let bits = input.len() * 8;
    let first_bit = (index * 8 + bits - times * 13 % bits) % bits;
    let [high, low] = [input[first_bit / 8], input[(first_bit / 8 + 1) % input.len()]];
    let [octet, _] = (u16::from_be_bytes([high, low]) << (first_bit % 8)).to_be_bytes();
    octet
}

/// Adds the carry of each octet to the octet before it, and the carry of the first octet to the last octet. After the
/// first round, the carry has at most two octets. After the second round, it has at most one bit, and after the third
/// round it is zero.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a `const fn` cannot use iterators; the index is below N, and the sums are small"
)]
const fn add_carries<const N: usize>(mut sums: [u32; N]) -> [u8; N] {
    let mut octets = [0; N];
    let mut carry = 0;
    let mut rounds = 0;
    while rounds < 3 {
        let mut at = N;
        while at > 0 {
            at -= 1;
            let sum = sums[at] + carry;
            sums[at] = sum & 0xFF;
            carry = sum >> 8;
            let [.., octet] = sum.to_be_bytes();
            octets[at] = octet;
        }
        rounds += 1;
    }
    octets
}

#[expect(clippy::arithmetic_side_effects, reason = "Euclid's algorithm divides by numbers that are not zero")]
const fn least_common_multiple(a: usize, b: usize) -> usize {
    let (mut divisor, mut rest) = (a, b);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    a / divisor * b
}

/// The constant of string-to-key, "kerberos".
pub(super) const KERBEROS: [u8; 16] = n_fold(b"kerberos");

/// The constant of the pseudo-random function, "prf".
pub(super) const PRF: [u8; 16] = n_fold(b"prf");

/// The folded constants of the usages 0 to 31, which include all usages of the protocol.
#[expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "a constant cannot use iterators, and the number is below 32"
)]
static FOLDED: [FoldedUsage; 32] = {
    let mut folded = [FoldedUsage::fold(KeyUsage(0)); 32];
    let mut number = 0;
    while number < folded.len() {
        folded[number] = FoldedUsage::fold(KeyUsage(number as u32));
        number += 1;
    }
    folded
};

#[cfg(test)]
mod tests;
