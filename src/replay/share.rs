//! The number of live authenticators that one client may have in a cache.
//!
//! In: the client, the end of the authenticator, and the time. Out: whether the client may have one more. The counters are
//! cells of a fixed array, found by a keyed hash of the client. Each client has two cells, and is refused only if both are at
//! the limit: another client must share both cells to be counted against it.
//!
//! A cell counts entries by the window of time in which they end. A window is a fifth of the longest life of an entry, so a
//! window is over when all its entries are. No entry is counted down, and an entry is counted too long by one window at most.

use super::{ReplayClient, ReplayEntry, spread};
use crate::time::UnixTime;
use alloc::boxed::Box;
use core::hash::{BuildHasher, Hash, Hasher};
use core::num::NonZeroU64;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The counters of all clients.
pub(super) struct Shares {
    limit: u16,
    clock: WindowClock,
    hasher: std::hash::RandomState,
    shards: Box<[Mutex<Box<[Cell]>>]>,
}

impl Shares {
    /// Makes the counters for a cache of `entries`, whose entries live for two `clock_skew`s at most.
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

    /// Returns the counters of an entry's client. Both cells are loaded, so that memory fetches them together with the buckets.
    ///
    /// Without these loads an insert into 10 million entries takes 378 ns instead of 320 ns. `black_box` keeps the compiler
    /// from dropping or moving them. Nothing depends on it but time.
    pub(super) fn counters(&self, entry: &ReplayEntry<'_>) -> Option<Counters<'_>> {
        let hash = self.hasher.hash_one(Counted { tenant: entry.tenant, client: entry.client });
        let shard = self.shards.get(spread::shard(hash, self.shards.len()))?;
        // Nothing panics under this lock, so no cell was left half written.
        let cells = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let indices = cell_indices(hash, cells.len());
        for index in indices {
            core::hint::black_box(cells.get(index).map(|cell| cell.first));
        }
        Some(Counters { shares: self, cells, indices })
    }
}

/// A client of one tenant, as it is counted. Letters of a name count in any case: some KDCs write the name as the user typed it,
/// and the user would have a share for each spelling.
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
    /// Counts an entry, unless the client has as many as it may.
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
    // From 1 to `count - 1`, and the sum is less than twice `count`, which is an array's length: nothing saturates.
    let distance = spread::index(spread::second(hash), count.saturating_sub(1)).saturating_add(1);
    let second = first.saturating_add(distance);
    // A sum beyond the end goes on from the beginning.
    [first, second.checked_sub(count).unwrap_or(second)]
}

/// Divides time into windows.
struct WindowClock {
    seconds: NonZeroU64,
}

impl WindowClock {
    fn new(clock_skew: Duration) -> Self {
        // A skew so long that twice the skew saturates is longer than there are times: one window holds them all.
        let fifth = clock_skew.as_secs().saturating_mul(2).div_ceil(5);
        Self { seconds: NonZeroU64::new(fifth).map_or(MIN_WINDOW, |fifth| fifth.max(MIN_WINDOW)) }
    }

    /// Returns the windows since 1970. All times before 1970 are in the first window, and all times after the year 10136 in
    /// the last.
    fn window(&self, time: UnixTime) -> u32 {
        let since_1970 = u64::try_from(time.seconds()).unwrap_or(0);
        u32::try_from(since_1970 / self.seconds).unwrap_or(u32::MAX)
    }
}

/// Counts entries by the window in which they end.
#[derive(Clone, Copy, Default)]
struct Cell {
    /// The first window that is counted.
    first: u32,
    counts: [u16; WINDOWS],
}

impl Cell {
    /// Forgets the windows before `now`. If the clock has gone back further than the life of an entry, all counts are
    /// forgotten: the cell cannot know when those entries end, and would refuse a client for too long.
    fn advance(&mut self, now: u32) {
        let passed = now.checked_sub(self.first);
        if passed == Some(0) || passed.is_none() && self.window_of(now.saturating_add(LAST_WINDOW)) > 0 {
            return;
        }
        // With the clock gone back, as many windows are forgotten as there are.
        let passed = passed.and_then(|passed| usize::try_from(passed).ok()).unwrap_or(WINDOWS);
        // In windows that were not counted before, no entry ends.
        let later = |index: usize| self.counts.get(index.saturating_add(passed)).copied().unwrap_or(0);
        *self = Self { first: now, counts: core::array::from_fn(later) };
    }

    fn total(&self) -> u32 {
        self.counts.iter().map(|count| u32::from(*count)).sum()
    }

    fn add(&mut self, window: u32) {
        let window = self.window_of(window);
        // A full count stays full: no limit is higher.
        if let Some(count) = self.counts.get_mut(window) {
            *count = count.saturating_add(1);
        }
    }

    /// Returns the index at which a window is counted: the first one's for an earlier window, the last one's for a later one.
    #[expect(clippy::expect_used, reason = "a number up to 5 is a `usize`")]
    fn window_of(&self, window: u32) -> usize {
        usize::try_from(window.saturating_sub(self.first).min(LAST_WINDOW)).expect("a number up to 5")
    }
}

/// The longest life of an entry takes five windows, and a sixth if it does not begin with a window.
const WINDOWS: usize = 6;

const LAST_WINDOW: u32 = 5;

/// One minute. With 32 bits for the number of a window, windows are then counted up to the year 10136.
const MIN_WINDOW: NonZeroU64 = NonZeroU64::MIN.saturating_add(59);

/// A cell takes 16 octets, so an entry takes 1⅓ of them.
const ENTRIES_PER_CELL: usize = 12;

/// Even in the smallest cache, two clients should seldom share both cells.
const MIN_CELLS: usize = 64;

/// Fewer cells do not need a lock of their own.
const MIN_SHARD_CELLS: usize = 4096;

/// There are more locks than a machine has cores that contend for them.
const MAX_SHARDS: usize = 64;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
    use super::*;

    /// A cell that counts one more in each window, from the tenth on.
    const CELL: Cell = Cell { first: 10, counts: [1, 2, 3, 4, 5, 6] };

    fn at(now: u32) -> (u32, [u16; WINDOWS]) {
        let mut cell = CELL;
        cell.advance(now);
        (cell.first, cell.counts)
    }

    #[test]
    fn a_window_is_forgotten_when_the_next_one_begins() {
        assert_eq!(at(10), (10, [1, 2, 3, 4, 5, 6]));
        assert_eq!(at(11), (11, [2, 3, 4, 5, 6, 0]));
        assert_eq!(at(15), (15, [6, 0, 0, 0, 0, 0]));
        assert_eq!(at(16), (16, [0; WINDOWS]));
        assert_eq!(at(u32::MAX), (u32::MAX, [0; WINDOWS]));
    }

    /// After the clock went back by less than the longest life of an entry, the cell still knows when its entries end.
    #[test]
    fn a_clock_that_went_back_by_five_windows_forgets_all_counts() {
        for now in 6..10 {
            assert_eq!(at(now), (10, [1, 2, 3, 4, 5, 6]), "{now}");
        }
        for now in [5, 4, 0] {
            assert_eq!(at(now), (now, [0; WINDOWS]), "{now}");
        }
    }

    #[test]
    fn an_entry_is_counted_in_the_window_in_which_it_ends() {
        for (window, index) in [(0, 0), (9, 0), (10, 0), (11, 1), (15, 5), (16, 5), (u32::MAX, 5)] {
            let (mut cell, mut expected) = (CELL, CELL.counts);
            cell.add(window);
            expected[index] += 1;
            assert_eq!(cell.counts, expected, "{window}");
        }
        let mut full = Cell { first: 0, counts: [u16::MAX; WINDOWS] };
        full.add(3);
        assert_eq!((full.counts, full.total()), ([u16::MAX; WINDOWS], 6 * u32::from(u16::MAX)));
    }

    #[test]
    fn two_clock_skews_are_five_windows() {
        let window = |clock: &WindowClock, seconds| clock.window(UnixTime::from_seconds(seconds));
        for (skew, seconds) in
            [(0, 60), (150, 60), (151, 61), (300, 120), (301, 121), (u64::MAX, 3_689_348_814_741_910_323)]
        {
            let clock = WindowClock::new(Duration::from_secs(skew));
            assert_eq!(clock.seconds.get(), u64::try_from(seconds).unwrap(), "{skew}");
            let whole = [0, seconds - 1, seconds, 2 * seconds - 1, 2 * seconds].map(|time| window(&clock, time));
            assert_eq!(whole, [0, 0, 1, 1, 2], "{skew}");
            assert_eq!([-1, i64::MIN].map(|time| window(&clock, time)), [0, 0], "{skew}");
        }
        let clock = WindowClock::new(Duration::ZERO);
        let last = 60 * i64::from(u32::MAX);
        let windows = [last - 1, last, last + 60, i64::MAX].map(|time| window(&clock, time));
        assert_eq!(windows, [u32::MAX - 1, u32::MAX, u32::MAX, u32::MAX]);
    }

    #[test]
    fn a_client_has_two_different_cells() {
        for count in [2, 3, 64, 1_000] {
            for hash in [0, 1, 1 << 32, spread::second(1), u64::MAX - 1, u64::MAX] {
                let [first, second] = cell_indices(hash, count);
                assert!(first != second && first < count && second < count, "{hash:X} of {count}");
            }
        }
    }
}
