//! Message authentication codes: functions that prepare MACs with their keys, cut MACs to the length that is sent, and
//! compare MACs.
//!
//! The lengths of keys and outputs are part of their Rust types, so the compiler checks that a MAC has the octets that
//! are sent.

use aes::cipher::array::{Array, ArraySize};
use hmac::digest::common::KeySizeUser;
use hmac::digest::typenum::Unsigned;
use hmac::{KeyInit, digest::common::Key};
use subtle::{Choice, ConstantTimeEq};

use super::zeroing::Wiped;

/// Returns a MAC that is prepared with `key`.
///
/// HMAC pads its key with zeros to a whole block. This function pads the key itself, so that no error can occur.
pub(super) fn keyed<M: KeyInit, N: ArraySize>(key: &Array<u8, N>) -> M {
    const { assert!(N::USIZE <= <M as KeySizeUser>::KeySize::USIZE) };
    let mut block = Wiped::new(Key::<M>::default());
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    M::new(&block)
}

/// Returns the first `N` octets of a MAC's output.
#[inline]
pub(super) fn truncated<N: ArraySize, L: ArraySize>(output: &Array<u8, L>) -> Array<u8, N> {
    const { assert!(N::USIZE <= L::USIZE) };
    let mut sent = Array::default();
    for (to, from) in sent.iter_mut().zip(output) {
        *to = *from;
    }
    sent
}

/// Returns whether two MACs or keys are the same, in a time that depends only on their lengths.
///
/// For slices, `subtle` makes an opaque call for every octet, which costs 3 % of the instructions of a request. This
/// function makes one such call for every 16 octets.
#[inline]
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    let words = one.chunks(WORD).zip(other.chunks(WORD));
    let same = words.fold(Choice::from(1), |same, (one, other)| same & word(one).ct_eq(&word(other)));
    one.len() == other.len() && same.into()
}

/// Returns up to 16 octets as a number. Missing octets are zero.
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
mod tests;
