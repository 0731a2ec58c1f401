//! One long-term key of an account, and the things prepared from it.
//!
//! A key set may hold millions of keys, and most of them belong to accounts that no client signs in to today. So a key takes
//! 44 octets. What is prepared from a key takes thirty times as much, and lies apart from it: see [`Prepared`].

use crate::crypto::{ChecksumType, Checksummer, Cipher, DecryptError, EncType, Key, KeyUsage, RunningChecksum};
use crate::pac::SignatureKey;
use crate::time::UnixTime;
use core::fmt;
use core::num::NonZeroU32;
use core::ops::Range;

/// A long-term key with its type, its version if that is known, and the last second at which it serves.
#[derive(Clone)]
pub struct ServiceKey {
    key: Key,
    kvno: Option<NonZeroU32>,
    /// Seconds since 1970. `None` for a key without an end.
    not_after: Option<NonZeroU32>,
}

impl ServiceKey {
    /// Takes a key and its version. A version of `None` or 0 is not known: such a key may serve any ticket of its type.
    #[must_use]
    pub const fn new(key: Key, kvno: Option<u32>) -> Self {
        let kvno = match kvno {
            Some(kvno) => NonZeroU32::new(kvno),
            None => None,
        };
        Self { key, kvno, not_after: None }
    }

    /// Sets the last second at which the key opens tickets. It is meant for the previous key after a rollover, whose tickets
    /// end within the maximum ticket lifetime.
    ///
    /// An instant beyond 2106, when Unix seconds exceed 32 bits, sets no end. An earlier instant than the second that follows
    /// the beginning of 1970 counts as that second.
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

    /// Returns, in constant time, whether two keys are the same. Their versions do not matter.
    pub(crate) fn same_key(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// Lets the key serve until `last` at most.
    pub(super) fn retire(mut self, last: UnixTime) -> Self {
        match self.not_after() {
            Some(sooner) if sooner.seconds() <= last.seconds() => self,
            _ => {
                self = self.with_not_after(last);
                self
            }
        }
    }

    /// Returns the octets of the key, to find the same key in other accounts.
    pub(super) fn secret(&self) -> &[u8] {
        self.key.expose_bytes()
    }

    /// Lets the key serve for as long as the longer-lived of the two.
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

/// Shows type, version and end. The key itself is a secret.
impl fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceKey")
            .field("etype", &self.etype())
            .field("kvno", &self.kvno())
            .field("not_after", &self.not_after())
            .finish_non_exhaustive()
    }
}

/// The cipher and the checksummer of a key. They are made when a ticket verifies under the key, and kept as long as the key.
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
mod tests {
    use super::*;

    fn until(seconds: i64) -> ServiceKey {
        let key = Key::new(EncType::AES128_CTS_HMAC_SHA1_96, &[7; 16]).unwrap();
        ServiceKey::new(key, None).with_not_after(UnixTime::from_seconds(seconds))
    }

    fn serves(key: &ServiceKey, seconds: i64) -> bool {
        key.serves_at(UnixTime::from_seconds(seconds))
    }

    #[test]
    fn a_key_serves_up_to_and_including_its_last_second() {
        for last in [1, 1_795_248_000, i64::from(u32::MAX)] {
            let key = until(last);
            assert_eq!(key.not_after(), Some(UnixTime::from_seconds(last)));
            assert_eq!([last - 1, last, last + 1].map(|now| serves(&key, now)), [true, true, false], "{last}");
        }
    }

    #[test]
    fn an_end_beyond_2106_is_no_end() {
        for last in [i64::from(u32::MAX) + 1, i64::MAX] {
            let key = until(last);
            assert_eq!(key.not_after(), None);
            assert_eq!([i64::MIN, last, i64::MAX].map(|now| serves(&key, now)), [true; 3], "{last}");
        }
    }

    #[test]
    fn an_end_before_1970_is_the_first_second_of_1970() {
        for last in [i64::MIN, -1, 0] {
            let key = until(last);
            assert_eq!(key.not_after(), Some(UnixTime::from_seconds(1)));
            assert_eq!(
                [-1, 0, 1, 2, i64::MAX].map(|now| serves(&key, now)),
                [true, true, true, false, false],
                "{last}"
            );
        }
    }

    #[test]
    fn of_two_ends_the_later_stays_and_no_end_is_the_latest() {
        for (one, other, both) in [(5, 9, Some(9)), (9, 5, Some(9)), (5, i64::MAX, None), (i64::MAX, 5, None)] {
            let mut key = until(one);
            key.extend_to(&until(other));
            assert_eq!(key.not_after(), both.map(UnixTime::from_seconds), "{one} {other}");
        }
    }
}
