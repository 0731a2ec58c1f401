//! A long-term key of an account, and its prepared form.
//!
//! A key set may hold millions of keys, and most of them belong to accounts that no client uses today. A key therefore
//! takes only 44 octets. The prepared form of a key takes thirty times as much memory, and is stored separately in
//! [`Prepared`].

use crate::crypto::{ChecksumType, Checksummer, Cipher, DecryptError, EncType, Key, KeyUsage, RunningChecksum};
use crate::pac::SignatureKey;
use crate::time::UnixTime;
use core::fmt;
use core::num::NonZeroU32;
use core::ops::Range;

/// A long-term key with its type, its version, and the last second at which the key opens tickets. The version may be
/// unknown, and the key may have no end.
#[derive(Clone)]
pub struct ServiceKey {
    key: Key,
    kvno: Option<NonZeroU32>,
    /// The last second at which the key opens tickets, in seconds since 1970. `None` means that the key has no end.
    not_after: Option<NonZeroU32>,
}

impl ServiceKey {
    /// Makes a service key from a key and its version. `None` or 0 means that the version is unknown. Such a key is
    /// tried on tickets of every version.
    #[must_use]
    pub const fn new(key: Key, kvno: Option<u32>) -> Self {
        let kvno = match kvno {
            Some(kvno) => NonZeroU32::new(kvno),
            None => None,
        };
        Self { key, kvno, not_after: None }
    }

    /// Sets the last second at which the key opens tickets. After a rollover, call this function for the previous key,
    /// because its tickets end within the maximum ticket lifetime.
    ///
    /// An instant after the year 2106, when Unix seconds exceed 32 bits, means that the key has no end. An instant
    /// before the Unix second 1 counts as the Unix second 1.
    #[must_use]
    pub fn with_not_after(mut self, instant: UnixTime) -> Self {
        self.not_after = u32::try_from(instant.seconds().max(1)).ok().and_then(NonZeroU32::new);
        self
    }

    /// Returns the encryption type.
    #[must_use]
    pub fn etype(&self) -> EncType {
        self.key.etype()
    }

    /// Returns the version, if it is known.
    #[must_use]
    pub fn kvno(&self) -> Option<u32> {
        self.kvno.map(NonZeroU32::get)
    }

    /// Returns the last second at which the key opens tickets, if it has one.
    #[must_use]
    pub fn not_after(&self) -> Option<UnixTime> {
        self.not_after.map(|last| UnixTime::from_seconds(last.get().into()))
    }

    /// Returns whether the key opens tickets at `now`.
    pub(crate) fn serves_at(&self, now: UnixTime) -> bool {
        self.not_after().is_none_or(|last| now.seconds() <= last.seconds())
    }

    /// Returns whether two keys are the same, ignoring their versions. The comparison takes constant time.
    pub(crate) fn same_key(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// Ends the key at `last`, unless it already ends earlier.
    pub(super) fn retire(mut self, last: UnixTime) -> Self {
        match self.not_after() {
            Some(sooner) if sooner.seconds() <= last.seconds() => self,
            _ => {
                self = self.with_not_after(last);
                self
            }
        }
    }

    /// Returns the octets of the key, which are needed to find the same key in other accounts.
    pub(super) fn secret(&self) -> &[u8] {
        self.key.expose_bytes()
    }

    /// Extends the end of the key to the end of `other`, if `other` ends later or has no end.
    pub(crate) fn extend_to(&mut self, other: &Self) {
        self.not_after = self.not_after.zip(other.not_after).map(|(one, other)| one.max(other));
    }

    pub(super) fn ticket_cipher(&self) -> Cipher {
        self.key.cipher(KeyUsage::TICKET)
    }

    fn pac_checksummer(&self) -> Checksummer {
        self.key.checksummer(KeyUsage::PAC_SIGNATURE)
    }
}

/// Shows the type, the version and the end of the key, but not its secret octets.
impl fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceKey")
            .field("etype", &self.etype())
            .field("kvno", &self.kvno())
            .field("not_after", &self.not_after())
            .finish_non_exhaustive()
    }
}

/// The prepared form of a key: its cipher and its checksummer. The prepared form is made when a ticket verifies with
/// the key, and may be kept as long as the key.
pub(super) struct Prepared {
    ticket_cipher: Cipher,
    pac_checksummer: Checksummer,
}

impl Prepared {
    pub(super) fn new(key: &ServiceKey, ticket_cipher: Cipher) -> Self {
        Self { ticket_cipher, pac_checksummer: key.pac_checksummer() }
    }

    pub(super) fn decrypt(&self, ciphertext: &[u8], buffer: &mut [u8]) -> Result<Range<usize>, DecryptError> {
        self.ticket_cipher.decrypt(ciphertext, buffer)
    }
}

/// An account's key that may have made a PAC's server signature.
#[derive(Clone, Copy)]
pub(crate) struct PacKey<'k> {
    pub(super) key: &'k ServiceKey,
    pub(super) prepared: Option<&'k Prepared>,
}

impl PacKey<'_> {
    pub(crate) fn etype(&self) -> EncType {
        self.key.etype()
    }
}

impl SignatureKey for PacKey<'_> {
    fn checksum_type(&self) -> Option<ChecksumType> {
        self.key.etype().checksum_type()
    }

    fn start(&self) -> RunningChecksum {
        self.prepared.map_or_else(|| self.key.pac_checksummer().start(), |prepared| prepared.pac_checksummer.start())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
