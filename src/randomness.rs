//! The random octets that the caller passes to this crate. This crate has no random number generator.

use crate::crypto::{Confounder, EncType, Key, part};
use core::fmt;
use zeroize::{Zeroizing, zeroize_bytes};

/// The randomness for one answer of the server: a confounder, a key, and the first sequence number.
///
/// Take 64 octets from the operating system's generator for each answer, and never use these octets again:
///
/// ```
/// # fn fill(octets: &mut [u8]) -> Result<(), std::io::Error> { octets.fill(0x5A); Ok(()) }
/// let mut octets = [0; 64];
/// fill(&mut octets)?; // as `getrandom::fill` does
/// let randomness = kerberos_sso::Randomness::new(octets);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Randomness([u8; 64]);

impl Randomness {
    /// Makes the randomness from 64 random octets that only this server knows.
    #[must_use]
    pub const fn new(octets: [u8; 64]) -> Self {
        Self(octets)
    }

    pub(crate) const fn octets(&self) -> &[u8; 64] {
        &self.0
    }

    /// Returns octets 0 to 15 as a confounder.
    pub(crate) fn confounder(&self) -> Confounder {
        part::<0, 16, 64>(&self.0)
    }

    /// Makes a key from octets 16 to 47. Returns `None` if the crate does not support the type.
    pub(crate) fn key(&self, etype: EncType) -> Option<Key> {
        Key::from_random(etype, &Zeroizing::new(part::<16, 32, 64>(&self.0)))
    }

    /// Returns octets 60 to 63 as the first sequence number. RFC 4120 section 5.3.2 lets the sender choose this number.
    /// The number is below 2^30, so no peer reads it as a negative number.
    pub(crate) fn sequence_number(&self) -> u32 {
        u32::from_be_bytes(part::<60, 4, 64>(&self.0)) >> 2
    }
}

impl From<[u8; 64]> for Randomness {
    fn from(octets: [u8; 64]) -> Self {
        Self::new(octets)
    }
}

impl Drop for Randomness {
    fn drop(&mut self) {
        zeroize_bytes(&mut self.0);
    }
}

/// Hides the octets, because a key is made from them.
impl fmt::Debug for Randomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Randomness(..)")
    }
}
