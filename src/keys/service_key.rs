//! One long-term key of an account, and what is prepared from it.
//!
//! A key set may hold millions of keys, most of them of accounts that nobody signs in to today. So a key is 45 bytes, and
//! what is prepared from it, thirty times as much, is apart from it: see [`Prepared`].

use crate::crypto::{ChecksumType, Checksummer, Cipher, DecryptError, EncType, Key, KeyUsage, RunningChecksum};
use crate::pac::SignatureKey;
use crate::time::UnixTime;
use core::fmt;
use core::ops::Range;

/// A long-term key: its type, its version if that is known, and until when it serves.
#[repr(Rust, packed)]
pub struct ServiceKey {
    key: Key,
    /// Zero if it is not known.
    kvno: u32,
    /// In seconds since 1970.
    not_after: i64,
}

impl ServiceKey {
    /// The key `key`. A version of `None` or 0 means that it is not known: such a key may serve any ticket of its type.
    #[must_use]
    pub const fn new(key: Key, kvno: Option<u32>) -> Self {
        let kvno = match kvno {
            Some(kvno) => kvno,
            None => 0,
        };
        Self { key, kvno, not_after: FOREVER }
    }

    /// Sets the last second at which the key opens tickets. It is meant for the previous key after a rollover, whose tickets
    /// end within the maximum ticket lifetime.
    #[must_use]
    pub const fn with_not_after(mut self, instant: UnixTime) -> Self {
        self.not_after = instant.seconds();
        self
    }

    /// Its encryption type.
    #[must_use]
    pub fn etype(&self) -> EncType {
        self.key.etype()
    }

    /// Its version, if that is known.
    #[must_use]
    pub const fn kvno(&self) -> Option<u32> {
        if self.kvno == 0 { None } else { Some(self.kvno) }
    }

    /// The last instant at which it opens tickets, if it has one.
    #[must_use]
    pub const fn not_after(&self) -> Option<UnixTime> {
        if self.not_after == FOREVER { None } else { Some(UnixTime::from_seconds(self.not_after)) }
    }

    pub(crate) const fn serves_at(&self, now: UnixTime) -> bool {
        now.seconds() <= self.not_after
    }

    /// Whether both are the same key, whatever their versions, in constant time.
    pub(crate) fn same_key(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// Serves for as long as either of the two did.
    pub(crate) fn extend_to(&mut self, other: &Self) {
        self.not_after = { self.not_after }.max(other.not_after);
    }

    pub(super) fn ticket_cipher(&self) -> Cipher {
        self.key.cipher(KeyUsage::TICKET)
    }

    fn pac_checksummer(&self) -> Checksummer {
        self.key.checksummer(KeyUsage::PAC_SIGNATURE)
    }
}

impl Clone for ServiceKey {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), kvno: self.kvno, not_after: self.not_after }
    }
}

/// Type and version: the key itself is a secret.
impl fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceKey")
            .field("etype", &self.etype())
            .field("kvno", &self.kvno())
            .field("not_after", &self.not_after())
            .finish_non_exhaustive()
    }
}

/// What depends on a key alone: made when a ticket verifies under the key, and kept as long as the key is.
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

/// A key that may have signed a PAC.
#[derive(Clone, Copy)]
pub(crate) struct PacKey<'k> {
    pub(super) key: &'k ServiceKey,
    pub(super) prepared: Option<&'k Prepared>,
}

impl SignatureKey for PacKey<'_> {
    fn checksum_type(&self) -> Option<ChecksumType> {
        self.key.etype().checksum_type()
    }

    fn start(&self) -> RunningChecksum {
        self.prepared.map_or_else(|| self.key.pac_checksummer().start(), |prepared| prepared.pac_checksummer.start())
    }
}

const FOREVER: i64 = i64::MAX;
