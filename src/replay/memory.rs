//! The replay cache of one process: bounded, sharded, and rather full than forgetful.
//!
//! A tag has two buckets it may lie in, both in one shard under one lock; it goes into the emptier one. An entry is dead
//! once its own end has passed, and its place is taken by the next that comes. So nothing is ever moved or swept: an insert
//! looks at two buckets, whatever the cache holds. A shard knows the latest end among the entries it has overwritten: if the
//! clock goes back, whatever might have been one of those is refused.

use super::bucket::{Bucket, Epoch, PLACES, Second, TagBits};
use super::share::{SPREAD, Shares};
use super::{Admission, ReplayCache, ReplayEntry, ReplayLimit};
use crate::time::UnixTime;
use alloc::boxed::Box;
use core::fmt;
use core::hash::BuildHasher;
use core::time::Duration;
use std::sync::{Mutex, PoisonError};

/// A replay cache in memory that holds a fixed number of authenticators.
///
/// Size it for all sign-ins of two clock skews: 100 a second and five minutes either way need 60,000 entries.
///
/// An entry takes 22.4 bytes, and 1.3 more for counting by client ([`with_client_share`](Self::with_client_share)):
/// 10 million of them 224 MB, or 237 MB.
pub struct MemoryReplayCache {
    shards: Box<[Mutex<Shard>]>,
    /// Keyed at random by the standard library: a user who makes tags at will cannot aim them at one bucket.
    hasher: std::hash::RandomState,
    /// How many it was made for.
    entries: usize,
    shares: Option<Shares>,
    oldest: Option<UnixTime>,
}

/// What a new cache, which remembers nothing, does with authenticators from before it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// Refuses those whose own time is this second or an earlier one: the process before may have admitted them. With the
    /// instant at which that process stopped, only authenticators of clients whose clocks are ahead can be replayed, for as
    /// long as they are ahead; with that instant and the clock skew, none. The cost: clients whose clocks are behind that
    /// instant are refused until it has passed for them too.
    RefuseBefore(UnixTime),
    /// Takes them. After a restart, what was admitted before can be replayed until its time is over.
    TakeAny,
}

impl MemoryReplayCache {
    /// An empty cache with room for `entries` live authenticators, at most 2³²; all of it is taken now, and none later.
    #[must_use]
    pub fn new(entries: usize, start: Start) -> Self {
        // Two choices keep buckets even, but not quite. With seven places for five entries, one bucket in 360,000 is full
        // (simulated: 10⁷ buckets, each place taken four times over), and an entry without room meets two of them: one in
        // 10¹¹ while the cache holds all that it was made for.
        let entries = entries.clamp(1, MAX_ENTRIES);
        let places = entries.saturating_add(entries.saturating_mul(2).div_ceil(5));
        let buckets = places.div_ceil(PLACES).max(2);
        let shards = buckets.div_ceil(MIN_SHARD_BUCKETS).clamp(1, MAX_SHARDS);
        let buckets_each = buckets.div_ceil(shards).max(2);
        let shard = || Mutex::new(Shard::new(buckets_each));
        Self {
            shards: core::iter::repeat_with(shard).take(shards).collect(),
            hasher: std::hash::RandomState::new(),
            entries,
            shares: None,
            oldest: match start {
                Start::RefuseBefore(instant) => Some(instant),
                Start::TakeAny => None,
            },
        }
    }

    /// Lets one client have `limit` live entries at most, so that nobody fills the cache alone: more are refused, as if it
    /// were full. `clock_skew` is the policy's.
    ///
    /// Set it to several times what a client needs in two clock skews; a browser may send a new authenticator with every
    /// request. It is no exact number. Clients are counted in a fixed number of cells, one for 12 entries, two for each
    /// client, found by a hash with a key that nobody knows. Whoever is under its limit is refused only if others have
    /// filled both its cells: where 100 clients of a cache of 10 million have used up their shares, that hits 6 clients in
    /// 100 million, and where 10,000 have, 6 in 10,000. An entry may be counted for up to two fifths of a clock skew after
    /// its end. And after the clock was set back by more than two skews, counting begins anew.
    #[must_use]
    pub fn with_client_share(self, limit: u16, clock_skew: Duration) -> Self {
        Self { shares: Some(Shares::new(limit, clock_skew, self.entries)), ..self }
    }
}

impl ReplayCache for MemoryReplayCache {
    fn check_and_insert(&self, entry: &ReplayEntry<'_>, now: UnixTime) -> Admission {
        if self.oldest.is_some_and(|oldest| entry.client_time.seconds() <= oldest.seconds()) {
            return Admission::TooOld;
        }
        let hash = self.hasher.hash_one(u128::from_ne_bytes(*entry.tag.as_bytes()));
        let Some(shard) = self.shards.get(shard(hash, self.shards.len())) else {
            return Admission::Failed;
        };
        // A thread that panicked while it held the lock left whole entries behind: each is written in one go.
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.check_and_insert(hash, entry, now, self.shares.as_ref())
    }
}

impl fmt::Debug for MemoryReplayCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryReplayCache").field("shards", &self.shards.len()).finish_non_exhaustive()
    }
}

struct Shard {
    epoch: Epoch,
    /// The latest end of an entry that was overwritten: an authenticator that ends no later may have been that one.
    forgotten: Second,
    buckets: Box<[Bucket]>,
}

impl Shard {
    fn new(buckets: usize) -> Self {
        let buckets = vec![Bucket::UNUSED; buckets].into();
        Self { epoch: Epoch::default(), forgotten: Second::FIRST, buckets }
    }

    fn check_and_insert(
        &mut self,
        hash: u64,
        entry: &ReplayEntry<'_>,
        now: UnixTime,
        shares: Option<&Shares>,
    ) -> Admission {
        let (this, until) = (self.epoch.second(now), self.epoch.second(entry.valid_until));
        if until < this || until <= self.forgotten {
            return Admission::TooOld;
        }
        let tag = TagBits::from(&entry.tag);
        let count = self.buckets.len();
        let (first, second) = (index(hash, count), index(hash.wrapping_mul(SPREAD), count));
        let [Some(in_first), Some(in_second)] = [self.buckets.get(first), self.buckets.get(second)] else {
            return Admission::Failed;
        };
        // One wait for memory instead of three: waiting is nearly all that an insert costs. The counters come first, as what
        // follows their lock is not begun before what precedes it has ended.
        let counters = match shares.map(|shares| shares.counters(&entry.client)) {
            Some(None) => return Admission::Failed,
            counters => counters.flatten(),
        };
        in_first.fetch();
        in_second.fetch();
        if in_first.holds(tag) | in_second.holds(tag) {
            return Admission::Seen;
        }
        let [free, free_in_second] = [in_first.free(this), in_second.free(this)];
        if free.max(free_in_second) == 0 {
            return Admission::Full(ReplayLimit::Cache);
        }
        if counters.is_some_and(|counters| counters.count(entry.valid_until, now).is_err()) {
            return Admission::Full(ReplayLimit::ClientShare);
        }
        // Picked without a branch: it would be mispredicted every other time, each time after a wait for memory.
        let emptier = [first, second].get(usize::from(free_in_second > free)).copied();
        let bucket = emptier.and_then(|bucket| self.buckets.get_mut(bucket));
        match bucket.and_then(|bucket| bucket.put(tag, until, this)) {
            Some(overwritten) => {
                self.forgotten = self.forgotten.max(overwritten);
                Admission::New
            }
            None => Admission::Failed,
        }
    }
}

/// Maps a hash to `0..count` evenly.
pub(super) fn index(hash: u64, count: usize) -> usize {
    let wide = u128::from(hash).saturating_mul(u128::try_from(count).unwrap_or(0)) >> 64;
    usize::try_from(wide).unwrap_or(0)
}

/// Which of `count` shards a hash goes to: by the half of it that [`index`] would need beyond 2³² places only, so that the
/// hashes of one shard go to all of its places.
pub(super) fn shard(hash: u64, count: usize) -> usize {
    index(hash.rotate_left(32), count)
}

/// No clock skew has that many sign-ins; more would be a mistake in a configuration.
const MAX_ENTRIES: usize = if usize::BITS > 32 { 1 << (usize::BITS / 2) } else { 1 << 24 };

/// The hash divides entries between shards by chance; those of fewer buckets than this would differ by too much.
const MIN_SHARD_BUCKETS: usize = 1024;

/// More locks than any machine has cores to contend for them.
const MAX_SHARDS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    /// As many as a cache of 2³² entries has in a shard. The last bits of their indices are what a shard could fix.
    #[test]
    fn the_hashes_of_a_shard_go_to_all_of_its_buckets() {
        for wanted in [0, 1, MAX_SHARDS - 1] {
            let hashes = (1..=1_u64 << 18).map(|number| number.wrapping_mul(SPREAD));
            let of_shard = hashes.filter(|hash| shard(*hash, MAX_SHARDS) == wanted);
            let last_bits: BTreeSet<_> = of_shard.map(|hash| index(hash, 1 << 21) % 64).collect();
            assert_eq!(last_bits.len(), 64, "shard {wanted}");
        }
    }
}
