//! The epoch of the store: the time since which it has forgotten nothing.
//!
//! A new store, or a store that lost its data, has no epoch. The first node that asks then writes the present time. An assertion or
//! an authenticator that may have been used before the epoch is refused, because the store may have forgotten its use.

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
