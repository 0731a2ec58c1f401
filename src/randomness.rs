//! Randomness as an argument: the crate has no source of its own.

use crate::crypto::{Confounder, EncType, Key, part};
use core::fmt;
use zeroize::zeroize_bytes;
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// What one answer needs of randomness: a confounder, a key, and where sequence numbers begin.
///
/// Made of 64 octets of the operating system's generator, for one answer, and never used again:
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
    /// Takes 64 octets that nobody else knows.
    #[must_use]
    pub const fn new(octets: [u8; 64]) -> Self {
        Self(octets)
    }

    pub(crate) const fn octets(&self) -> &[u8; 64] {
        &self.0
    }

    /// Returns octets 0 to 15.
    pub(crate) fn confounder(&self) -> Confounder {
        part::<0, 16, 64>(&self.0)
    }

    /// Makes a key of octets 16 to 47, or returns `None` for a type without support.
    pub(crate) fn key(&self, etype: EncType) -> Option<Key> {
        Key::from_random(etype, &Zeroizing::new(part::<16, 32, 64>(&self.0)))
    }

    /// Returns octets 60 to 63 as a number. RFC 4120 section 5.3.2 leaves the first sequence number free; below 2^30 no peer
    /// takes it for a negative one.
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

impl ZeroizeOnDrop for Randomness {}

/// Shows nothing: a key is made of the octets.
impl fmt::Debug for Randomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Randomness(..)")
    }
}
