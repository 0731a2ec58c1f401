//! The replay cache of one process: bounded, sharded, and rather full than forgetful.
//!
//! A tag has two buckets it may lie in, both in one shard under one lock; it goes into the emptier one. An entry is dead
//! once its own end has passed, and its place is taken by the next that comes. So nothing is ever moved or swept: an insert
//! looks at two buckets, whatever the cache holds. A shard knows the latest end among the entries it has overwritten: if the
//! clock goes back, whatever might have been one of those is refused.

use super::{Admission, ReplayCache, ReplayEntry, ReplayTag};
use crate::time::UnixTime;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

/// A replay cache in memory that holds a fixed number of authenticators.
///
/// Size it for all sign-ins of two clock skews: 100 a second and five minutes either way need 60,000 entries of 24 bytes.
pub struct MemoryReplayCache {
    shards: Box<[Mutex<Shard>]>,
    /// Keyed at random by the standard library: a user who makes tags at will cannot aim them at one bucket.
    hasher: std::hash::RandomState,
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
        // Two choices keep buckets even, but not quite: a third more places than entries leaves every bucket room.
        let entries = entries.clamp(1, MAX_ENTRIES);
        let places = entries.saturating_add(entries.div_ceil(3));
        let buckets = places.div_ceil(BUCKET).max(2);
        let shards = buckets.div_ceil(MIN_SHARD_BUCKETS).clamp(1, MAX_SHARDS);
        let buckets_each = buckets.div_ceil(shards).max(2);
        let shard = || Mutex::new(Shard { forgotten: i64::MIN, buckets: vec![[Place::DEAD; BUCKET]; buckets_each] });
        Self {
            shards: core::iter::repeat_with(shard).take(shards).collect(),
            hasher: std::hash::RandomState::new(),
            oldest: match start {
                Start::RefuseBefore(instant) => Some(instant),
                Start::TakeAny => None,
            },
        }
    }
}

impl ReplayCache for MemoryReplayCache {
    fn check_and_insert(&self, entry: &ReplayEntry, now: UnixTime) -> Admission {
        if self.oldest.is_some_and(|oldest| entry.client_time.seconds() <= oldest.seconds()) {
            return Admission::TooOld;
        }
        let hash = self.hasher.hash_one(entry.tag);
        let Some(shard) = self.shards.get(index(hash.rotate_right(48), self.shards.len())) else {
            return Admission::Failed;
        };
        // A thread that panicked while it held the lock left whole entries behind: each is written in one go.
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.check_and_insert(hash, entry, now)
    }
}

impl fmt::Debug for MemoryReplayCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryReplayCache").field("shards", &self.shards.len()).finish_non_exhaustive()
    }
}

struct Shard {
    /// The latest end of an entry that was overwritten: an authenticator that ends no later may have been that one.
    forgotten: i64,
    buckets: Vec<[Place; BUCKET]>,
}

impl Shard {
    fn check_and_insert(&mut self, hash: u64, entry: &ReplayEntry, now: UnixTime) -> Admission {
        let (now, valid_until) = (now.seconds(), entry.valid_until.seconds());
        if valid_until < now || valid_until <= self.forgotten {
            return Admission::TooOld;
        }
        let count = self.buckets.len();
        let first = index(hash, count);
        let second = index(hash.wrapping_mul(SPREAD), count);
        let (mut best, mut best_free) = (first, Free::default());
        for bucket in [first, second] {
            match self.look(bucket, &entry.tag, now) {
                Err(Found) => return Admission::Seen,
                Ok(free) if free.count > best_free.count => (best, best_free) = (bucket, free),
                Ok(_) => {}
            }
        }
        let place = self.buckets.get_mut(best).zip(best_free.place).and_then(|(bucket, place)| bucket.get_mut(place));
        match place {
            Some(place) => {
                self.forgotten = self.forgotten.max(place.valid_until);
                *place = Place { tag: entry.tag, valid_until };
                Admission::New
            }
            None => Admission::Full,
        }
    }

    /// How much room a bucket has, unless the tag is in it.
    fn look(&self, bucket: usize, tag: &ReplayTag, now: i64) -> Result<Free, Found> {
        let mut free = Free::default();
        for (index, place) in self.buckets.get(bucket).into_iter().flatten().enumerate() {
            if place.tag == *tag && place.valid_until > i64::MIN {
                return Err(Found);
            }
            if place.valid_until < now {
                free = Free { count: free.count.saturating_add(1), place: Some(index) };
            }
        }
        Ok(free)
    }
}

#[derive(Clone, Copy, Default)]
struct Free {
    count: usize,
    place: Option<usize>,
}

struct Found;

#[derive(Clone, Copy)]
struct Place {
    tag: ReplayTag,
    /// Seconds since the epoch.
    valid_until: i64,
}

impl Place {
    const DEAD: Self = Self { tag: ReplayTag([0; 16]), valid_until: i64::MIN };
}

/// Maps a hash to `0..count` evenly.
fn index(hash: u64, count: usize) -> usize {
    let wide = u128::from(hash).saturating_mul(u128::try_from(count).unwrap_or(0)) >> 64;
    usize::try_from(wide).unwrap_or(0)
}

/// No clock skew has that many sign-ins; more would be a mistake in a configuration.
const MAX_ENTRIES: usize = if usize::BITS > 32 { 1 << (usize::BITS / 2) } else { 1 << 24 };

/// Places in a bucket.
const BUCKET: usize = 16;

/// Fewer buckets than this are not worth a lock of their own.
const MIN_SHARD_BUCKETS: usize = 64;

/// More locks than any machine has cores to contend for them.
const MAX_SHARDS: usize = 256;

/// An odd number without structure (2⁶⁴ over the golden ratio), to get a second place from the same hash.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
