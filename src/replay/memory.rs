//! The replay cache of one process. The cache has a fixed size and is sharded. A full cache refuses requests, and does not
//! forget live entries. An entry is live until it expires.
//!
//! Each tag has two possible buckets in one shard, which has one lock. An insert writes the tag to the bucket with more free
//! slots. A slot is free when its entry has expired, so the cache never moves or sweeps entries. In a cache of any size, an
//! insert reads two buckets. A shard stores the latest expiry time of all entries that it has overwritten. If the clock goes
//! back, the shard refuses every authenticator that might be one of the overwritten entries.

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
/// The cache should have room for the sign-ins within two clock skews. With 100 sign-ins a second and a skew of five
/// minutes, the cache needs 60,000 entries. An entry needs 23.7 octets, so ten million entries need 237 MB.
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
/// The previous process may have admitted authenticators that this cache does not know. An authenticator contains the
/// client's time. The cache refuses every authenticator whose time is in the second of the start or earlier
/// ([`Admission::TooOld`]).
///
/// | the client's clock | after the start | authenticators from before the start that an attacker can replay |
/// |---|---|---|
/// | is right | the client is refused in the second of the start, and then served | none |
/// | is slow | the client is refused until its clock has passed the start | none |
/// | is fast, by at most one skew | the client is served at once | the authenticators that the client made in the last seconds before the start, until they expire; the number of these seconds is the offset of the client's clock |
///
/// [`with_strict_start`](Self::with_strict_start) prevents the replays of the last row, but refuses all clients for a while. A
/// store that outlives the process prevents these replays and refuses no client, because the store has forgotten no
/// authenticator: see [`AsyncReplayCache`](super::AsyncReplayCache).
///
/// The table assumes that this server's clock is right. If the server's clock is slow at the start and is corrected later,
/// every client's clock counts as fast by the same offset. So synchronise the server's clock before the server starts.
///
/// If the server's clock is fast at the start and is corrected later, all clients are refused until the clock has passed the
/// start.
///
/// # The share of a client
/// One client has at most one fiftieth of the entries, but at least [`MIN_CLIENT_SHARE`](Self::MIN_CLIENT_SHARE). So no
/// client fills the cache alone. In a cache of 60,000 entries, a client has at most 1,200 entries: two sign-ins in each second
/// of two clock skews. A server with sessions needs few entries for each client. A browser without a session sends a new
/// authenticator with every request. [`with_client_share`](Self::with_client_share) sets another share. For example, hosts and
/// services of FreeIPA all have the same SID, so they count as one client and need a larger share.
///
/// No share limits a tenant: a tenant that brings its own keys can write tickets for any number of users, and so fill the
/// cache. If tenants do not trust each other, give each tenant a validator with its own cache.
///
/// # The clock skew
/// An entry stays in the cache until the authenticator's time plus the `clock_skew` of the cache, even if the validator
/// has a shorter skew. If the validator has a longer skew, the cache would forget the entry too early, so the cache
/// refuses the entry ([`Admission::OutlivesCache`]). So every validator that shares the cache needs the cache's skew or
/// a shorter skew.
pub struct MemoryReplayCache {
    shards: Box<[Mutex<Shard>]>,
    /// The hash function for tags. The standard library chooses the key of the function at random, so a user who makes many
    /// tags cannot fill one bucket on purpose.
    hasher: std::hash::RandomState,
    /// The number of entries that the cache was made for.
    entries: usize,
    clock_skew: Duration,
    shares: Option<Shares>,
    started: UnixTime,
    /// The latest client time that the cache refuses after its start. The previous process may have admitted an authenticator
    /// with this time or an earlier time.
    refused_through: Option<UnixTime>,
}

impl MemoryReplayCache {
    /// The smallest share of a client: 100 live entries. In a full cache, each cell of the client counters counts 24
    /// entries on average. So no client with few entries is refused because of other such clients.
    pub const MIN_CLIENT_SHARE: u16 = 100;

    /// Makes an empty cache for `entries` live authenticators, 2³² at most. The cache allocates all of its memory in this
    /// function, and no memory later.
    ///
    /// `clock_skew` is the policy's clock skew, in whole seconds ([`Policy::clock_skew`](crate::Policy::clock_skew)).
    /// `now` is the time of the start: see [After a start](Self#after-a-start).
    #[must_use]
    pub fn new(entries: usize, clock_skew: Duration, now: UnixTime) -> Self {
        // Each tag has two possible buckets, so the buckets fill almost evenly. The cache has 7/5 as many slots as
        // entries. When the cache holds all its entries, one bucket in 360,000 is full (simulated with 10⁷ buckets,
        // each slot used four times). An entry is refused only if both its buckets are full. This happens to one entry
        // in 10¹¹.
        let entries = entries.clamp(1, MAX_ENTRIES);
        // `MAX_ENTRIES` is far below the largest `usize`, so the sums do not saturate.
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

    /// Refuses every authenticator that the previous process may have admitted, including authenticators of clients with a
    /// fast clock.
    ///
    /// A client whose clock is right is then refused for one clock skew after the start. A client whose clock is slow
    /// is refused longer, by the offset of its clock.
    #[must_use]
    pub fn with_strict_start(self) -> Self {
        // A validator accepts no authenticator whose time is more than one skew ahead of the server's clock. If the
        // skew exceeds the range of times, the cache refuses every authenticator.
        let latest = self.started.saturating_add_seconds(whole_seconds(self.clock_skew));
        Self { refused_through: Some(latest), ..self }
    }

    /// Makes the cache accept authenticators from before its start. Use this function for tests, and for tools that
    /// validate recorded tokens.
    ///
    /// **If a server with such a cache restarts, an attacker can replay every authenticator from before the restart, until the
    /// authenticator expires.**
    #[must_use]
    pub fn taking_earlier_authenticators(self) -> Self {
        Self { refused_through: None, ..self }
    }

    /// Limits each client to `limit` live entries. Further requests are refused with [`ReplayLimit::ClientShare`].
    ///
    /// Set `limit` to several times the number of sign-ins of one client in two clock skews.
    ///
    /// The limit is not exact. The cache has one cell for 12 entries, and counts each client in two cells, which a
    /// secret hash chooses. A client below its limit is refused only if other clients have filled both its cells. In a
    /// cache of 10 million entries, if 100 clients are at their limit, 6 clients in 100 million are refused in this
    /// way. If 10,000 clients are at their limit, 6 clients in 10,000 are refused. An entry may be counted for two
    /// fifths of a clock skew after its expiry. If the clock is set back by more than two skews, all counts start again
    /// at zero.
    #[must_use]
    pub fn with_client_share(self, limit: u16) -> Self {
        Self { shares: Some(Shares::new(limit, self.clock_skew, self.entries)), ..self }
    }

    /// Lets one client fill the whole cache. If a client does so, no other client signs in until entries expire. Without
    /// counters an entry needs 1.3 octets less.
    ///
    /// Use this function for a server that limits its clients elsewhere, and for tools that validate the tokens of one
    /// client.
    #[must_use]
    pub fn without_client_share(self) -> Self {
        Self { shares: None, ..self }
    }

    /// Returns the time at which an entry expires in this cache. Refuses an entry that must live longer.
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
        // No code panics while it writes an entry. So even if a thread panicked under the lock, all entries are complete.
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.check_and_insert(hash, &ReplayEntry { valid_until: end, ..*entry }, now, self.shares.as_ref())
    }
}

#[cold]
fn outlives(entry: &ReplayEntry<'_>, clock_skew: Duration) -> Admission {
    let entry_seconds = entry.valid_until.seconds_since(entry.client_time);
    Admission::OutlivesCache { entry_seconds, cache_seconds: whole_seconds(clock_skew) }
}

/// Returns the default share of each client in a cache of `entries` entries.
fn default_share(entries: usize) -> u16 {
    // A share above `u16::MAX` becomes `u16::MAX`, the largest share that can be counted.
    u16::try_from(entries / CLIENTS_THAT_FILL).unwrap_or(u16::MAX).max(MemoryReplayCache::MIN_CLIENT_SHARE)
}

impl fmt::Debug for MemoryReplayCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryReplayCache").field("shards", &self.shards.len()).finish_non_exhaustive()
    }
}

struct Shard {
    epoch: Epoch,
    /// The latest expiry time of an entry that was overwritten. If an authenticator expires at this second or earlier, its
    /// entry may have been overwritten.
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
        // With these early loads, an insert waits for memory once instead of three times. Almost all of the time of an
        // insert is this waiting. The counters come first: taking their lock makes all later loads wait until the
        // earlier loads have ended.
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
        // The processor would mispredict a branch here in half of the inserts, and notice this only after the wait for
        // memory.
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

/// The number of clients that must use up their shares to fill a cache.
const CLIENTS_THAT_FILL: usize = 50;

/// The largest number of entries in a cache: 2³², or 2²⁴ if a `usize` has 32 bits. No server has more sign-ins in two clock
/// skews.
const MAX_ENTRIES: usize = if usize::BITS > 32 { 1 << (usize::BITS / 2) } else { 1 << 24 };

/// The smallest number of buckets in a shard. The hash distributes entries between shards by chance, and the numbers of
/// entries in smaller shards would differ too much.
const MIN_SHARD_BUCKETS: usize = 1024;

/// The largest number of shards, each with one lock. No machine has so many cores that they need more locks.
const MAX_SHARDS: usize = 256;

#[cfg(test)]
mod tests;
