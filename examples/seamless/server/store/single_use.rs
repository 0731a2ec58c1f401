//! The record of values that all nodes together accept only once. The values of each tenant have a share of the store,
//! so that the clients of one tenant cannot fill the store for other tenants.

use super::{Key, Kind, Records, Shares, StoreError, When, epoch};
use kerberos_sso::UnixTime;

/// The names of used values of one kind, in the store.
pub(crate) struct SingleUses {
    records: Records,
    shares: Shares,
    kind: Kind,
    /// The time for which the store keeps the record of a use, in seconds. No value may be valid for a longer time.
    kept: i64,
}

/// The result of recording a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    First,
    /// The value was used before, or the store may have lost the record of its use.
    Again,
    /// The tenant's share of the store is full. The use is not recorded.
    Full,
}

impl SingleUses {
    /// Makes a record of uses. The store keeps each use for `kept` seconds, and at most `most` uses of each tenant.
    pub(crate) fn new(records: Records, kind: Kind, kept: i64, most: u32) -> Self {
        Self { shares: Shares::new(records.clone(), kind, most), records, kind, kept }
    }

    /// Records the use of a value. `parts` are octets that differ for each value of the kind.
    ///
    /// `is_newer` gets the store's epoch, which is the time since which the store has lost nothing. `is_newer` returns
    /// whether the value could be used only after the epoch. An older value is refused, because the store may have lost
    /// the record of its use.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(crate) async fn take(
        &self,
        tenant: &str,
        parts: &[&[u8]],
        is_newer: impl FnOnce(UnixTime) -> bool,
        now: UnixTime,
    ) -> Result<Use, StoreError> {
        let name = self.records.secret().name(parts);
        let key = Key::new(self.kind, &name);
        if self.records.get::<()>(&key).await?.is_some() {
            return Ok(Use::Again);
        }
        if !self.shares.take(tenant, &name, self.kept, now).await? {
            return Ok(Use::Full);
        }
        let is_first = self.records.put(&key, &(), now.saturating_add_seconds(self.kept), When::Absent).await?;
        // If the store lost its data after an earlier use of the value, the store has no epoch or a later epoch. Then
        // `is_newer` returns false.
        let is_known = is_newer(epoch(&self.records, now).await?);
        Ok(if is_first && is_known { Use::First } else { Use::Again })
    }
}
