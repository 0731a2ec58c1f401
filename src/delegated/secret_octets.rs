//! Octets that hold keys.

use alloc::vec::Vec;
use core::fmt;
use zeroize::Zeroizing;

/// Octets that hold keys. The octets are overwritten on drop, and `Debug` shows their number only.
pub struct SecretOctets(Zeroizing<Vec<u8>>);

impl SecretOctets {
    pub(super) fn new(octets: Zeroizing<Vec<u8>>) -> Self {
        Self(octets)
    }

    /// Returns the octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for SecretOctets {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for SecretOctets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretOctets({} octets)", self.as_bytes().len())
    }
}
