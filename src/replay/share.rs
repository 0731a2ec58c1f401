//! The limit on the number of live authenticators of one client in a cache.
//!
//! Input: the client, the expiry time of the authenticator, and the present time. Output: whether the client may have
//! one more entry. The counters are cells of a fixed array, and a keyed hash of the client selects the cells. Each
//! client has two cells, and is refused only if both cells are at the limit. So one other client can use up this
//! client's share only if both clients have the same two cells.
//!
//! Time is divided into windows, and a cell counts the entries that expire in each window. A window is a fifth of the
//! longest life of an entry. When a window is over, all entries of the window have expired, so the cell removes their count.
//! An entry is therefore counted for at most one window too long.

use super::{ReplayClient, ReplayEntry, spread};
use crate::time::UnixTime;
use alloc::boxed::Box;
use core::hash::{BuildHasher, Hash, Hasher};
use core::num::NonZeroU64;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The counters for all clients.
pub(super) struct Shares {
    limit: u16,
    clock: WindowClock,
    hasher: std::hash::RandomState,
    shards: Box<[Mutex<Box<[Cell]>>]>,
}

impl Shares {
    /// Makes the counters for a cache of `entries` entries, which live for at most two `clock_skew`s.
    pub(super) fn new(limit: u16, clock_skew: Duration, entries: usize) -> Self {
        let cells = entries.div_ceil(ENTRIES_PER_CELL);
        let shards = cells.div_ceil(MIN_SHARD_CELLS).clamp(1, MAX_SHARDS);
        let cells_each = cells.div_ceil(shards).max(MIN_CELLS);
        let shard = || Mutex::new(vec![Cell::default(); cells_each].into_boxed_slice());
        Self {
            limit,
            clock: WindowClock::new(clock_skew),
            hasher: std::hash::RandomState::new(),
            shards: core::iter::repeat_with(shard).take(shards).collect(),
        }
    }

    /// Returns the counters of an entry's client. This function loads both cells, so that the processor fetches them from
    /// memory together with the buckets.
    ///
    /// Without these early loads, an insert into a cache of 10 million entries takes 378 ns instead of 320 ns.
    /// `black_box` keeps the compiler from removing or moving the loads.
    pub(super) fn counters(&self, entry: &ReplayEntry<'_>) -> Option<Counters<'_>> {
        let hash = self.hasher.hash_one(Counted { tenant: entry.tenant, client: entry.client });
        let shard = self.shards.get(spread::shard(hash, self.shards.len()))?;
        // No code panics under this lock, so no cell is half written.
        let cells = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let indices = cell_indices(hash, cells.len());
        for index in indices {
            core::hint::black_box(cells.get(index).map(|cell| cell.first));
        }
        Some(Counters { shares: self, cells, indices })
    }
}

/// The key by which a client of a tenant is counted. The case of letters in a name is ignored, because some KDCs write
/// the name as the user typed it. A user would otherwise have a share for each spelling.
struct Counted<'a> {
    tenant: Option<&'a str>,
    client: ReplayClient<'a>,
}

impl Hash for Counted<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.tenant.hash(state);
        match self.client {
            ReplayClient::Sid { .. } => self.client.hash(state),
            ReplayClient::Name { realm, name } => {
                realm.hash(state);
                for chunk in name.utf8_chunks() {
                    chunk.valid().chars().flat_map(char::to_lowercase).for_each(|letter| letter.hash(state));
                    chunk.invalid().hash(state);
                }
            }
        }
    }
}

/// The two cells of one client.
pub(super) struct Counters<'a> {
    shares: &'a Shares,
    cells: MutexGuard<'a, Box<[Cell]>>,
    indices: [usize; 2],
}

impl Counters<'_> {
    /// Counts an entry, unless the client has already used up its share.
    pub(super) fn count(mut self, valid_until: UnixTime, now: UnixTime) -> Result<(), Spent> {
        let Shares { limit, clock, .. } = self.shares;
        let (until, now) = (clock.window(valid_until), clock.window(now));
        let mut has_room = false;
        for index in self.indices {
            let cell = self.cells.get_mut(index).ok_or(Spent)?;
            cell.advance(now);
            has_room |= cell.total() < u32::from(*limit);
        }
        if !has_room {
            return Err(Spent);
        }
        for index in self.indices {
            self.cells.get_mut(index).ok_or(Spent)?.add(until);
        }
        Ok(())
    }
}

/// The error for a client that has used up its share.
pub(super) struct Spent;

/// Returns two different indices below `count`, which is at least [`MIN_CELLS`].
fn cell_indices(hash: u64, count: usize) -> [usize; 2] {
    let first = spread::index(hash, count);
    // The distance is from 1 to `count - 1`. `count` is the length of an array, and the sum is less than twice `count`,
    // so nothing saturates.
    let distance = spread::index(spread::second(hash), count.saturating_sub(1)).saturating_add(1);
    let second = first.saturating_add(distance);
    // An index beyond the last cell wraps around to the first cell.
    [first, second.checked_sub(count).unwrap_or(second)]
}

/// The division of time into windows.
struct WindowClock {
    seconds: NonZeroU64,
}

impl WindowClock {
    fn new(clock_skew: Duration) -> Self {
        // If twice the skew saturates, the skew exceeds the range of times, and one window holds all times.
        let fifth = clock_skew.as_secs().saturating_mul(2).div_ceil(5);
        Self { seconds: NonZeroU64::new(fifth).map_or(MIN_WINDOW, |fifth| fifth.max(MIN_WINDOW)) }
    }

    /// Returns the number of windows since 1970. All times before 1970 are in the first window, and all times after the year
    /// 10136 are in the last window.
    fn window(&self, time: UnixTime) -> u32 {
        let since_1970 = u64::try_from(time.seconds()).unwrap_or(0);
        u32::try_from(since_1970 / self.seconds).unwrap_or(u32::MAX)
    }
}

/// For each window, the number of entries that expire in it.
#[derive(Clone, Copy, Default)]
struct Cell {
    /// The first window that the cell counts.
    first: u32,
    counts: [u16; WINDOWS],
}

impl Cell {
    /// Drops the counts of the windows before `now`. If the clock has gone back further than the longest life of an
    /// entry, drops all counts. The cell then does not know when the counted entries expire, and could refuse a client
    /// for too long.
    fn advance(&mut self, now: u32) {
        let passed = now.checked_sub(self.first);
        if passed == Some(0) || passed.is_none() && self.window_of(now.saturating_add(LAST_WINDOW)) > 0 {
            return;
        }
        let passed = passed.and_then(|passed| usize::try_from(passed).ok()).unwrap_or(WINDOWS);
        // The cell has no entries in the windows that are new to it, so their counts are zero.
        let later = |index: usize| self.counts.get(index.saturating_add(passed)).copied().unwrap_or(0);
        *self = Self { first: now, counts: core::array::from_fn(later) };
    }

    fn total(&self) -> u32 {
        self.counts.iter().map(|count| u32::from(*count)).sum()
    }

    fn add(&mut self, window: u32) {
        let window = self.window_of(window);
        // A count of `u16::MAX` need not grow, because no limit is higher.
        if let Some(count) = self.counts.get_mut(window) {
            *count = count.saturating_add(1);
        }
    }

    /// Returns the index at which a window is counted. An earlier window counts as the first window of the cell, and a
    /// later window counts as the last window.
    #[expect(clippy::expect_used, reason = "a number up to 5 is a `usize`")]
    fn window_of(&self, window: u32) -> usize {
        usize::try_from(window.saturating_sub(self.first).min(LAST_WINDOW)).expect("a number up to 5")
    }
}

/// The number of windows in a cell. The longest life of an entry has the length of five windows. If the life does not begin
/// at the beginning of a window, it extends over six windows.
const WINDOWS: usize = 6;

const LAST_WINDOW: u32 = 5;

/// The shortest window: one minute. A window number has 32 bits, so windows of one minute are counted up to the year 10136.
const MIN_WINDOW: NonZeroU64 = NonZeroU64::MIN.saturating_add(59);

/// The number of cache entries for each cell. A cell has 16 octets, so the counters add 1⅓ octets to an entry.
const ENTRIES_PER_CELL: usize = 12;

/// The smallest number of cells. Even in the smallest cache, few clients should have the same two cells.
const MIN_CELLS: usize = 64;

/// The smallest number of cells in a shard. A shard with fewer cells would not need its own lock.
const MIN_SHARD_CELLS: usize = 4096;

/// The largest number of shards, each with one lock.
const MAX_SHARDS: usize = 64;

#[cfg(test)]
mod tests;
