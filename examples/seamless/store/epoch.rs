//! The epoch of the store: the time since which the store has lost no entries.
//!
//! A new store has no epoch, and neither has a store that lost its data. The first node that asks for the epoch then
//! writes the present time. The server refuses an assertion, a one-time code or an authenticator that may have been
//! used before the epoch, because the store may have lost the record of its use.

use super::{Change, Key, Kind, Records, StoreError};
use kerberos_sso::UnixTime;

/// Returns the epoch of the store.
pub(crate) async fn epoch(records: &Records, now: UnixTime) -> Result<UnixTime, StoreError> {
    let key = Key::new(Kind::Epoch, b"");
    let began = records.update(&key, |began: Option<i64>| match began {
        Some(began) => (Change::Keep, began),
        None => (Change::Put(now.seconds(), FOR_EVER), now.seconds()),
    });
    Ok(UnixTime::from_seconds(began.await?))
}

/// The end of entries that have no end: the year 9999.
pub(crate) const FOR_EVER: UnixTime = UnixTime::from_seconds(253_370_764_800);
