//! The replay cache of one process: bounded, sharded, and full rather than forgetful.
//!
//! A tag belongs to two buckets of one shard, under one lock, and goes into the emptier one. An entry is dead after its own
//! end, and the next entry takes its slot. So no entry is ever moved or swept: an insert reads two buckets, however many the
//! cache has. A shard keeps the latest end among the entries that it has overwritten. If the clock goes back, the shard
//! refuses every authenticator that might be one of those.

use super::bucket::{Bucket, Epoch, SLOTS, Second, TagBits};
use super::share::Shares;
use super::spread;
use super::{Admission, ReplayCache, ReplayEntry, ReplayLimit, whole_seconds};
use crate::time::UnixTime;
use alloc::boxed::Box;
use core::fmt;
use core::hash::BuildHasher;
use core::time::Duration;
use std::sync::{Mutex, PoisonError};

/// A replay cache in memory that holds a fixed number of authenticators.
///
/// It should hold the sign-ins of two clock skews. With 100 sign-ins a second and a skew of five minutes, that is 60,000 entries.
/// An entry takes 23.7 octets, so ten million entries take 237 MB.
///
/// ```
/// use kerberos_sso::{Policy, UnixTime, replay::MemoryReplayCache};
///
/// let started = UnixTime::from_seconds(1_795_000_000); // a server passes SystemTime::now().into()
/// let policy = Policy::default();
/// let cache = MemoryReplayCache::new(60_000, policy.clock_skew(), started);
/// ```
///
/// # After a start
/// The process before may have admitted what the clients showed to it, and this cache knows nothing of it. So the cache
/// refuses every authenticator whose own time is the second of the start or earlier. It counts as [`Admission::TooOld`].
///
/// | the client's clock | after the start | what an attacker can replay from before the start |
/// |---|---|---|
/// | is right | the client is refused in the second of the start, and then served | nothing |
/// | is slow | the client is refused until its clock has passed the start | nothing |
/// | is fast, by at most one skew | the client is served at once | what the client showed within its offset before the start, until it ends |
///
/// [`with_strict_start`](Self::with_strict_start) closes the last row, and refuses all clients for a while. A store that outlives
/// the process closes it without that price, since it has forgotten nothing: see [`AsyncReplayCache`](super::AsyncReplayCache).
///
/// The clock of the table is this server's. If it is slow at the start and set right later, every client is fast by as much. So
/// let the server synchronise its clock before it starts.
///
/// If this server's clock is ahead at the start and is set right later, all clients are refused until the clock has passed the
/// start.
///
/// # The share of a client
/// One client has one fiftieth of the entries at most, and at least [`MIN_CLIENT_SHARE`](Self::MIN_CLIENT_SHARE). So no client
/// fills the cache alone. Of 60,000 entries, a client has 1,200: two sign-ins in each second of two clock skews. A server with
/// sessions needs few entries for each client. A browser without a session sends a new authenticator with every request.
/// [`with_client_share`](Self::with_client_share) sets another share, for example if hosts and services of FreeIPA sign in: all
/// of them have one SID, and count as one client.
///
/// No share limits a tenant: one that brings its own keys writes as many users as it likes, and can fill the cache. A server of
/// tenants that do not trust each other gives each a validator with a cache of its own.
///
/// # The clock skew
/// The cache keeps each entry until its client time is one `clock_skew` ago, even if the validator that brought it has a shorter
/// skew. It refuses an entry that lives longer ([`Admission::OutlivesCache`]): it would forget that entry too early. So each
/// validator that shares the cache has the cache's skew or a shorter one.
pub struct MemoryReplayCache {
    shards: Box<[Mutex<Shard>]>,
    /// The standard library chooses its key at random. So a user who makes many tags cannot fill one bucket on purpose.
    hasher: std::hash::RandomState,
    /// The number of entries that the cache was made for.
    entries: usize,
    clock_skew: Duration,
    shares: Option<Shares>,
    started: UnixTime,
    /// Authenticators whose own time is this second or earlier may have been admitted before the start.
    refused_through: Option<UnixTime>,
}

impl MemoryReplayCache {
    /// The least share of a client: 100 live entries. If the cache is full, a cell that counts clients counts 24 entries. So
    /// clients with few entries do not use up each other's share.
    pub const MIN_CLIENT_SHARE: u16 = 100;

    /// Makes an empty cache for `entries` live authenticators, 2³² at most. All of its memory is taken now, and none later.
    ///
    /// `clock_skew` is that of the policy, in whole seconds ([`Policy::clock_skew`](crate::Policy::clock_skew)). `now` is the
    /// time of the start: see [After a start](Self#after-a-start).
    #[must_use]
    pub fn new(entries: usize, clock_skew: Duration, now: UnixTime) -> Self {
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
            clock_skew,
            shares: Some(Shares::new(default_share(entries), clock_skew, entries)),
            started: now,
            refused_through: Some(now),
        }
    }

    /// Refuses every authenticator that the process before can have admitted, also those of clients with a fast clock.
    ///
    /// The price: a client whose clock is right is refused for one clock skew after the start. A client whose clock is slow is
    /// refused for as much longer as it is slow.
    #[must_use]
    pub fn with_strict_start(self) -> Self {
        // A validator takes no authenticator that is further ahead. A skew beyond all times refuses for ever.
        let latest = self.started.saturating_add_seconds(whole_seconds(self.clock_skew));
        Self { refused_through: Some(latest), ..self }
    }

    /// Takes authenticators from before the start. For tests, and for tools that decide recorded tokens.
    ///
    /// **After a restart of a server with such a cache, every authenticator that was admitted before can be replayed until it
    /// ends.**
    #[must_use]
    pub fn taking_earlier_authenticators(self) -> Self {
        Self { refused_through: None, ..self }
    }

    /// Limits each client to `limit` live entries. More are refused as [`ReplayLimit::ClientShare`].
    ///
    /// Set `limit` to several times the sign-ins of one client in two clock skews.
    ///
    /// The limit is not exact. Clients are counted in cells, one for 12 entries. A secret hash gives each client two cells. A
    /// client below its limit is refused only if others have filled both its cells. In a cache of 10 million entries,
    /// 100 clients at their limit cause that for 6 clients in 100 million, and 10,000 cause it for 6 in 10,000. An entry may
    /// be counted for two fifths of a clock skew after its end. After the clock was set back by more than two skews, all
    /// counts start again at zero.
    #[must_use]
    pub fn with_client_share(self, limit: u16) -> Self {
        Self { shares: Some(Shares::new(limit, self.clock_skew, self.entries)), ..self }
    }

    /// Lets one client fill the whole cache: then no other client signs in until entries end. An entry takes 1.3 octets less.
    ///
    /// It is for a server whose clients are counted elsewhere, and for tools that decide the tokens of one client.
    #[must_use]
    pub fn without_client_share(self) -> Self {
        Self { shares: None, ..self }
    }

    /// Returns the end of an entry in this cache, which is no earlier than the entry's own.
    fn end_of(&self, entry: &ReplayEntry<'_>) -> Result<UnixTime, Admission> {
        let end = entry.client_time.saturating_add_seconds(whole_seconds(self.clock_skew));
        if entry.valid_until.seconds() > end.seconds() {
            return Err(outlives(entry, self.clock_skew));
        }
        Ok(end)
    }
}

impl ReplayCache for MemoryReplayCache {
    fn check_and_insert(&self, entry: &ReplayEntry<'_>, now: UnixTime) -> Admission {
        let end = match self.end_of(entry) {
            Ok(end) => end,
            Err(refusal) => return refusal,
        };
        if self.refused_through.is_some_and(|last| entry.client_time.seconds() <= last.seconds()) {
            return Admission::TooOld;
        }
        let hash = self.hasher.hash_one(u128::from_ne_bytes(*entry.tag.as_bytes()));
        let Some(shard) = self.shards.get(spread::shard(hash, self.shards.len())) else {
            return Admission::Failed;
        };
        // A thread that panicked while it held the lock left whole entries: nothing panics while one is written.
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.check_and_insert(hash, &ReplayEntry { valid_until: end, ..*entry }, now, self.shares.as_ref())
    }
}

#[cold]
fn outlives(entry: &ReplayEntry<'_>, clock_skew: Duration) -> Admission {
    let entry_seconds = entry.valid_until.seconds_since(entry.client_time);
    Admission::OutlivesCache { entry_seconds, cache_seconds: whole_seconds(clock_skew) }
}

/// Returns the share of each client in a cache of so many entries.
fn default_share(entries: usize) -> u16 {
    // A share beyond the largest that can be counted is that one.
    u16::try_from(entries / CLIENTS_THAT_FILL).unwrap_or(u16::MAX).max(MemoryReplayCache::MIN_CLIENT_SHARE)
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
        let counters = match shares.map(|shares| shares.counters(entry)) {
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

/// So many clients must use up their shares to fill a cache.
const CLIENTS_THAT_FILL: usize = 50;

/// No server has so many sign-ins in two clock skews: 2³², or 2²⁴ where a `usize` has 32 bits.
const MAX_ENTRIES: usize = if usize::BITS > 32 { 1 << (usize::BITS / 2) } else { 1 << 24 };

/// The hash divides entries between shards by chance. Smaller shards would differ too much in their entries.
const MIN_SHARD_BUCKETS: usize = 1024;

/// There are more locks than a machine has cores that contend for them.
const MAX_SHARDS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn largest_share_is_the_largest_that_can_be_counted() {
        let most = 50 * usize::from(u16::MAX);
        assert_eq!(
            [most - 1, most, most + 50, MAX_ENTRIES].map(default_share),
            [u16::MAX - 1, u16::MAX, u16::MAX, u16::MAX]
        );
    }
}
