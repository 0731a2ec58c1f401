//! Randomness as an argument: the crate has no source of its own.

use crate::crypto::{Confounder, EncType, Key, wipe};
use core::fmt;

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

    pub(crate) fn confounder(&self) -> Confounder {
        self.0.first_chunk::<16>().copied().unwrap_or_default()
    }

    /// A key of type `etype`: for every supported type, random-to-key takes the octets as they are (RFC 3961 section 5.3,
    /// RFC 8009 section 5, RFC 4757 section 2).
    pub(crate) fn key(&self, etype: EncType) -> Option<Key> {
        let octets = self.0.get(16..)?.get(..etype.key_len()?)?;
        Key::new(etype, octets).ok()
    }

    /// RFC 4120 section 5.3.2 leaves the first sequence number free; below 2^30 no peer takes it for a negative one.
    pub(crate) fn sequence_number(&self) -> u32 {
        self.0.last_chunk::<4>().map_or(0, |octets| u32::from_be_bytes(*octets) >> 2)
    }
}

impl From<[u8; 64]> for Randomness {
    fn from(octets: [u8; 64]) -> Self {
        Self::new(octets)
    }
}

impl Drop for Randomness {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Nothing of it: a key comes of it.
impl fmt::Debug for Randomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Randomness(..)")
    }
}
