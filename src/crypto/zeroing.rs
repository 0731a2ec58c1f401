//! Octets that are overwritten when they are dropped.
//!
//! `zeroize::Zeroizing` overwrites arrays octet by octet, which costs 11 % of the instructions of an accepted request.
//! `zeroize::zeroize_bytes` uses the widest writes of the processor, and then the same barrier as `Zeroizing`.

use core::ops::{Deref, DerefMut};

use zeroize::{ZeroizeOnDrop, zeroize_bytes};

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
        zeroize_bytes(self.0.as_mut());
    }
}

impl<T: AsMut<[u8]>> ZeroizeOnDrop for Wiped<T> {}
