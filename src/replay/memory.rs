//! The replay cache of one process: bounded, sharded, and full rather than forgetful.
//!
//! A tag belongs to two buckets of one shard, under one lock, and goes into the emptier one. An entry is dead after its own
//! end, and the next entry takes its slot. So no entry is ever moved or swept: an insert reads two buckets, however many the
//! cache has. A shard keeps the latest end among the entries that it has overwritten. If the clock goes back, the shard
//! refuses every authenticator that might be one of those.

use super::bucket::{Bucket, Epoch, SLOTS, Second, TagBits};
use super::share::Shares;
use super::spread;
use super::{Admission, ReplayCache, ReplayEntry, ReplayLimit};
use crate::time::UnixTime;
use alloc::boxed::Box;
use core::fmt;
use core::hash::BuildHasher;
use core::time::Duration;
use std::sync::{Mutex, PoisonError};

/// A replay cache in memory that holds a fixed number of authenticators.
///
/// It should hold the sign-ins of two clock skews. With 100 sign-ins a second and a skew of five minutes, that is 60,000 entries.
///
/// An entry takes 22.4 octets, and 1.3 more if sign-ins are counted by client
/// ([`with_client_share`](Self::with_client_share)). Ten million entries take 224 MB, or 237 MB.
pub struct MemoryReplayCache {
    shards: Box<[Mutex<Shard>]>,
    /// The standard library chooses its key at random. So a user who makes many tags cannot fill one bucket on purpose.
    hasher: std::hash::RandomState,
    /// The number of entries that the cache was made for.
    entries: usize,
    shares: Option<Shares>,
    oldest: Option<UnixTime>,
}

/// What a new cache does with authenticators from the time before it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// The cache refuses authenticators whose own time is this second or earlier: the process before may have admitted them.
    ///
    /// With the instant at which that process stopped, a client whose clock is ahead can replay an authenticator for as long
    /// as its clock is ahead. With that instant plus the clock skew, no client can. The price: a client whose clock is
    /// behind is refused until its clock has passed the instant.
    RefuseBefore(UnixTime),
    /// The cache takes them. After a restart, authenticators that were admitted before can be replayed until they end.
    TakeAny,
}

impl MemoryReplayCache {
    /// Makes an empty cache for `entries` live authenticators, 2³² at most. All of its memory is taken now, and none later.
    #[must_use]
    pub fn new(entries: usize, start: Start) -> Self {
        // The choice of two buckets keeps them nearly even. With seven slots for five entries, one bucket in 360,000 is full
        // (simulated: 10⁷ buckets, each slot used four times). An entry is refused only if both its buckets are full. That
        // is one entry in 10¹¹ while the cache holds as many as it was made for.
        let entries = entries.clamp(1, MAX_ENTRIES);
        // `MAX_ENTRIES` is far below the largest number: nothing saturates.
        let slots = entries.saturating_add(entries.saturating_mul(2).div_ceil(5));
        let buckets = slots.div_ceil(SLOTS).max(2);
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

    /// Limits each client to `limit` live entries, so that no client fills the cache alone. More are refused as
    /// [`ReplayLimit::ClientShare`]. `clock_skew` is the policy's.
    ///
    /// Set `limit` to several times the sign-ins of one client in two clock skews: a browser may send a new authenticator with
    /// every request.
    ///
    /// The limit is not exact. Clients are counted in cells, one for 12 entries. A secret hash gives each client two cells. A
    /// client below its limit is refused only if others have filled both its cells. In a cache of 10 million entries,
    /// 100 clients at their limit cause that for 6 clients in 100 million, and 10,000 cause it for 6 in 10,000. An entry may
    /// be counted for two fifths of a clock skew after its end. After the clock was set back by more than two skews, all
    /// counts start again at zero.
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
        let Some(shard) = self.shards.get(spread::shard(hash, self.shards.len())) else {
            return Admission::Failed;
        };
        // A thread that panicked while it held the lock left whole entries: nothing panics while one is written.
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
    /// The latest end of an entry that was overwritten. An authenticator that ends no later may be that one.
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
        let (first, second) = (spread::index(hash, count), spread::index(spread::second(hash), count));
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
        // A branch would be mispredicted every other time, each time after a wait for memory.
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

/// No server has so many sign-ins in two clock skews: 2³², or 2²⁴ where a `usize` has 32 bits.
const MAX_ENTRIES: usize = if usize::BITS > 32 { 1 << (usize::BITS / 2) } else { 1 << 24 };

/// The hash divides entries between shards by chance. Smaller shards would differ too much in their entries.
const MIN_SHARD_BUCKETS: usize = 1024;

/// There are more locks than a machine has cores that contend for them.
const MAX_SHARDS: usize = 256;
