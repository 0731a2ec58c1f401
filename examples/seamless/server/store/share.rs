//! The share of a tenant: the largest number of entries of one kind that a tenant may have in the store at the same time. So
//! the clients of one tenant cannot fill the store for other tenants.
//!
//! The store cannot count entries, so each share counts the entries that it admitted, by the times at which they end. An entry
//! that is deleted before its end counts until its end. If a share had one count, many requests would change this count
//! at the same time. So each share has several counts, and the name of an entry decides to which count the entry
//! belongs.

use super::{Change, Key, Kind, Records, StoreError};
use kerberos_sso::UnixTime;

/// The shares of all tenants in the entries of one kind.
#[derive(Clone)]
pub(crate) struct Shares {
    records: Records,
    kind: Kind,
    most: u32,
    parts: u8,
}

/// The end of each span of time, in seconds since 1970, and the number of entries that end in the span.
type Ends = Vec<(i64, u32)>;

impl Shares {
    /// Makes shares of at most `most` entries of `kind` for each tenant.
    pub(crate) const fn new(records: Records, kind: Kind, most: u32) -> Self {
        Self { records, kind, most, parts: PARTS }
    }

    /// Counts an entry that lives for `lifetime` seconds. Returns whether the tenant's share has room for the entry. `name` is
    /// the name of the entry.
    pub(crate) async fn take(
        &self,
        tenant: &str,
        name: &[u8],
        lifetime: i64,
        now: UnixTime,
    ) -> Result<bool, StoreError> {
        let now = now.seconds();
        let span = lifetime.div_euclid(SPANS).max(1);
        let end = now.saturating_add(lifetime);
        // The entry counts until the end of the span in which it ends.
        let end = end.saturating_add(span).div_euclid(span).saturating_mul(span);
        let most = self.most.div_euclid(self.parts.max(1).into());
        let change = |ends: Option<Ends>| {
            let mut ends = ends.unwrap_or_default();
            ends.retain(|(end, _)| *end > now);
            let count = ends.iter().fold(0_u32, |sum, (_, count)| sum.saturating_add(*count));
            if count >= most {
                return (Change::Keep, false);
            }
            match ends.iter_mut().find(|(one, _)| *one == end) {
                Some((_, count)) => *count = count.saturating_add(1),
                None => ends.push((end, 1)),
            }
            let last = ends.iter().map(|(end, _)| *end).max().unwrap_or(end);
            (Change::Put(ends, UnixTime::from_seconds(last)), true)
        };
        self.records.update(&self.key(tenant, name), change).await
    }

    fn key(&self, tenant: &str, name: &[u8]) -> Key {
        let secret = self.records.secret();
        let part = secret.name(&[b"part", name]).first().map_or(0, |octet| octet.checked_rem(self.parts).unwrap_or(0));
        Key::new(Kind::Share, &secret.name(&[b"share", &[self.kind.letter()], tenant.as_bytes(), &[part]]))
    }
}

/// The number of spans into which the life of an entry is divided. After an entry has ended, the entry still counts for
/// at most one span.
const SPANS: i64 = 16;

/// The number of counts into which a share is divided. Names are spread evenly over the counts, so one count is full a
/// little before the other counts.
const PARTS: u8 = 16;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::{Memory, Secret};
    use std::sync::Arc;

    const NOW: UnixTime = UnixTime::from_seconds(1_600_000);

    fn shares(most: u32, parts: u8) -> Shares {
        let records = Records::new(Arc::new(Memory::new(|| NOW)), Secret::new([1; 32]));
        Shares { parts, ..Shares::new(records, Kind::Grant, most) }
    }

    async fn take(shares: &Shares, tenant: &str, lifetime: i64, seconds: i64) -> bool {
        shares.take(tenant, b"name", lifetime, NOW.saturating_add_seconds(seconds)).await.unwrap()
    }

    #[tokio::test]
    async fn full_share_has_room_again_when_its_entries_have_ended_and_another_tenant_has_its_own_share() {
        let shares = shares(3, 1);
        for (tenant, lifetime, seconds, expected) in [
            ("a.test", 160, 0, true),
            ("a.test", 160, 0, true),
            ("a.test", 1600, 0, true),
            ("a.test", 160, 0, false),
            ("b.test", 160, 0, true),
            ("a.test", 160, 160, false),
            ("a.test", 160, 171, true),
            ("a.test", 160, 171, true),
            ("a.test", 160, 171, false),
        ] {
            assert_eq!(take(&shares, tenant, lifetime, seconds).await, expected, "{tenant} {seconds}");
        }
    }

    #[tokio::test]
    async fn entry_counts_for_at_most_a_sixteenth_longer_than_it_lives() {
        for begin in 0..20 {
            let shares = shares(1, 1);
            assert!(take(&shares, "a.test", 160, begin).await);
            assert!(!take(&shares, "a.test", 160, begin.saturating_add(159)).await, "{begin}");
            assert!(take(&shares, "a.test", 160, begin.saturating_add(170)).await, "{begin}");
        }
    }

    #[tokio::test]
    async fn all_counts_of_a_share_together_admit_as_many_entries_as_the_share_allows() {
        let shares = shares(64, 16);
        let mut taken = 0_u32;
        for name in 0..4096_u16 {
            taken = taken.saturating_add(shares.take("a.test", &name.to_be_bytes(), 160, NOW).await.unwrap().into());
        }
        assert_eq!(taken, 64);
    }
}
