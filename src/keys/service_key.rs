//! One long-term key of an account, with what is computed from it once.

use crate::crypto::{Checksummer, Cipher, EncType, Key, KeyUsage};
use crate::time::UnixTime;
use core::fmt;

/// A long-term key: its type, its version if that is known, and what is prepared from it for tickets and their PACs.
pub struct ServiceKey {
    key: Key,
    kvno: Option<u32>,
    not_after: Option<UnixTime>,
    ticket_cipher: Cipher,
    pac_checksummer: Checksummer,
}

impl ServiceKey {
    /// Prepares `key`. A version of `None` or 0 means that it is not known: such a key may serve any ticket of its type.
    #[must_use]
    pub fn new(key: Key, kvno: Option<u32>) -> Self {
        let ticket_cipher = key.cipher(KeyUsage::TICKET);
        let pac_checksummer = key.checksummer(KeyUsage::PAC_SIGNATURE);
        Self { key, kvno: kvno.filter(|version| *version != 0), not_after: None, ticket_cipher, pac_checksummer }
    }

    /// The same key, which retires by itself: it opens nothing later than `instant`. Meant for the previous key after a
    /// rollover, whose tickets end within the maximum ticket lifetime.
    #[must_use]
    pub fn until(self, instant: UnixTime) -> Self {
        Self { not_after: Some(instant), ..self }
    }

    /// Its encryption type.
    #[must_use]
    pub fn etype(&self) -> EncType {
        self.key.etype()
    }

    /// Its version, if that is known.
    #[must_use]
    pub const fn kvno(&self) -> Option<u32> {
        self.kvno
    }

    pub(crate) const fn ticket_cipher(&self) -> &Cipher {
        &self.ticket_cipher
    }

    pub(crate) const fn pac_checksummer(&self) -> &Checksummer {
        &self.pac_checksummer
    }

    /// The last instant at which it opens tickets, if it has one.
    #[must_use]
    pub const fn not_after(&self) -> Option<UnixTime> {
        self.not_after
    }

    pub(crate) fn serves_at(&self, now: UnixTime) -> bool {
        self.not_after.is_none_or(|last| now <= last)
    }

    /// Whether both are the same key, whatever their versions, in constant time.
    pub(crate) fn same_key(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// Serves for as long as either of the two did.
    pub(crate) fn extend_to(&mut self, other: &Self) {
        self.not_after = self.not_after.zip(other.not_after).map(|(one, two)| one.max(two));
    }
}

/// Type and version: the key itself is a secret.
impl fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceKey")
            .field("etype", &self.etype())
            .field("kvno", &self.kvno)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}
