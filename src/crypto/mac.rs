//! Message authentication codes: absorbing their keys, cutting them to what is sent, and comparing them.
//!
//! In: keys and outputs whose lengths are types. Out: what cannot be shorter than it should be.

use aes::cipher::array::{Array, ArraySize};
use hmac::digest::common::KeySizeUser;
use hmac::digest::typenum::Unsigned;
use hmac::{KeyInit, digest::common::Key};
use subtle::{Choice, ConstantTimeEq};

use super::zeroing::Wiped;

/// Returns a MAC that has absorbed `key`.
///
/// HMAC fills its key up with zeros to a whole block. This function does it beforehand, so that no error can occur. That
/// the key fits in a block is checked when the crate is compiled.
pub(super) fn keyed<M: KeyInit, N: ArraySize>(key: &Array<u8, N>) -> M {
    const { assert!(N::USIZE <= <M as KeySizeUser>::KeySize::USIZE) };
    let mut block = Wiped::new(Key::<M>::default());
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    M::new(&block)
}

/// Returns the first `N` octets of a MAC's output. That it has as many is checked when the crate is compiled.
#[inline]
pub(super) fn truncated<N: ArraySize, L: ArraySize>(output: &Array<u8, L>) -> Array<u8, N> {
    const { assert!(N::USIZE <= L::USIZE) };
    let mut sent = Array::default();
    for (to, from) in sent.iter_mut().zip(output) {
        *to = *from;
    }
    sent
}

/// Returns whether two MACs or keys are the same, in a time that depends on their lengths only.
///
/// `subtle` compares slices by an opaque call for every octet, which costs 3 % of the instructions of a request. Here it
/// compares 16 octets by one such call.
#[inline]
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    let words = one.chunks(WORD).zip(other.chunks(WORD));
    let same = words.fold(Choice::from(1), |same, (one, other)| same & word(one).ct_eq(&word(other)));
    one.len() == other.len() && same.into()
}

/// Returns up to 16 octets as a number. What is missing is zero.
#[inline]
fn word(octets: &[u8]) -> u128 {
    let mut word = [0; WORD];
    for (to, from) in word.iter_mut().zip(octets) {
        *to = *from;
    }
    u128::from_ne_bytes(word)
}

const WORD: usize = 16;

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn differs_at_every_octet_and_every_length() {
        for length in 0..40 {
            let one = [7_u8; 40];
            assert!(same(&one[..length], &one[..length]), "{length}");
            for other in (0..40).filter(|other| *other != length) {
                assert!(!same(&one[..length], &one[..other]), "{length} {other}");
            }
            for at in 0..length {
                for bit in 0..8 {
                    let mut changed = one;
                    changed[at] ^= 1 << bit;
                    assert!(!same(&one[..length], &changed[..length]), "{length} {at} {bit}");
                }
            }
        }
    }
}
