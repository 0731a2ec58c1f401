//! The epoch of the store: the time since which the store has lost no entries.
//!
//! A new store and a store that lost its data have no epoch. The first node that asks for the epoch then writes the
//! present time as the epoch. The server refuses an assertion, a one-time code or an authenticator that may have been
//! used before the epoch, because the store may have lost the record of the use.

use super::{Entry, Key, Kind, Records, StoreError};
use kerberos_sso::UnixTime;

/// Returns the epoch of the store.
///
/// # Errors
/// Returns an error if the store cannot be reached, or if a server with another secret wrote the epoch. This server
/// does not replace the epoch of another secret. Otherwise a node with a wrong secret would change the epoch of the
/// other nodes.
pub(crate) async fn epoch(records: &Records, now: UnixTime) -> Result<UnixTime, StoreError> {
    let key = Key::new(Kind::Epoch, b"");
    for _ in 0..MAX_TRIES {
        let old: Entry<i64> = records.entry(&key).await?;
        if old.is_foreign() {
            return Err(StoreError::Foreign("epoch"));
        }
        match old.value {
            Some(began) => return Ok(UnixTime::from_seconds(began)),
            None if records.replace(&key, &old, &now.seconds(), FOR_EVER).await? => return Ok(now),
            None => {}
        }
    }
    Err(StoreError::Contended)
}

const MAX_TRIES: usize = 8;

/// The end of entries that are kept for ever: the beginning of the year 9999.
pub(crate) const FOR_EVER: UnixTime = UnixTime::from_seconds(253_370_764_800);
