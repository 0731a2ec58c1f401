//! How many live authenticators one client may have in a cache.
//!
//! In: who signs in, until when the authenticator lives, and the time. Out: whether that client has room left. Counters
//! are cells of a fixed array, found by a keyed hash of the client. Each client has two, and is refused only if both are
//! at the limit: another client must meet it in both to be counted against it. A cell counts by the time at which entries
//! end, in windows of a fifth of an entry's longest life, so that a window is over when all its entries are: nothing is
//! counted down one by one, and an entry is counted too long by one window at most.

use super::ReplayClient;
use crate::time::UnixTime;
use alloc::boxed::Box;
use core::hash::BuildHasher;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::memory::{index, shard};

/// The counters of all clients.
pub(super) struct Shares {
    limit: u16,
    clock: WindowClock,
    hasher: std::hash::RandomState,
    shards: Box<[Mutex<Box<[Cell]>>]>,
}

impl Shares {
    /// Counters for a cache of `entries`, whose entries live for two `clock_skew`s at most.
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

    /// The counters of `client`. Memory is asked for them, and not waited for.
    pub(super) fn counters(&self, client: &ReplayClient<'_>) -> Option<Counters<'_>> {
        let hash = self.hasher.hash_one(client);
        let shard = self.shards.get(shard(hash, self.shards.len()))?;
        // A panic cannot have come in between: what is done under this lock has none.
        let cells = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let places = places(hash, cells.len());
        for place in places {
            core::hint::black_box(cells.get(place).map(|cell| cell.first));
        }
        Some(Counters { shares: self, cells, places })
    }
}

/// The two cells of one client.
pub(super) struct Counters<'a> {
    shares: &'a Shares,
    cells: MutexGuard<'a, Box<[Cell]>>,
    places: [usize; 2],
}

impl Counters<'_> {
    /// Counts an entry, unless the client has as many as it may.
    pub(super) fn count(mut self, valid_until: UnixTime, now: UnixTime) -> Result<(), Spent> {
        let Shares { limit, clock, .. } = self.shares;
        let (until, now) = (clock.window(valid_until), clock.window(now));
        let mut has_room = false;
        for place in self.places {
            let cell = self.cells.get_mut(place).ok_or(Spent)?;
            cell.advance(now);
            has_room |= cell.total() < u32::from(*limit);
        }
        if !has_room {
            return Err(Spent);
        }
        for place in self.places {
            self.cells.get_mut(place).ok_or(Spent)?.add(until);
        }
        Ok(())
    }
}

/// The client has used up its share.
pub(super) struct Spent;

/// Two different places below `count`.
fn places(hash: u64, count: usize) -> [usize; 2] {
    let first = index(hash, count);
    let distance = index(hash.wrapping_mul(SPREAD), count.saturating_sub(1)).saturating_add(1);
    let second = first.saturating_add(distance);
    [first, second.checked_sub(count).unwrap_or(second)]
}

/// Divides time into windows.
struct WindowClock {
    seconds: i64,
}

impl WindowClock {
    fn new(clock_skew: Duration) -> Self {
        let longest_life = i64::try_from(clock_skew.as_secs()).unwrap_or(i64::MAX).saturating_mul(2);
        Self { seconds: longest_life.saturating_add(4).checked_div(5).unwrap_or(0).max(MIN_WINDOW) }
    }

    /// Windows since 1970, and none before: a share is for the present.
    fn window(&self, time: UnixTime) -> u32 {
        let window = time.seconds().checked_div_euclid(self.seconds).unwrap_or(0);
        u32::try_from(window.max(0)).unwrap_or(u32::MAX)
    }
}

/// Entries by the window in which they end.
#[derive(Clone, Copy, Default)]
struct Cell {
    /// The first of the windows that are counted.
    first: u32,
    counts: [u16; WINDOWS],
}

impl Cell {
    /// Forgets the windows before `now`. After a clock has gone back further than an entry's life, nobody knows when
    /// that which is counted will end: it begins anew, since else a client would be refused until then.
    fn advance(&mut self, now: u32) {
        let passed = now.checked_sub(self.first);
        if passed == Some(0) || passed.is_none() && self.window_of(now.saturating_add(LAST_WINDOW)) > 0 {
            return;
        }
        let passed = passed.and_then(|passed| usize::try_from(passed).ok()).unwrap_or(WINDOWS);
        let later = |index: usize| self.counts.get(index.saturating_add(passed)).copied().unwrap_or(0);
        *self = Self { first: now, counts: core::array::from_fn(later) };
    }

    fn total(&self) -> u32 {
        self.counts.iter().map(|count| u32::from(*count)).sum()
    }

    fn add(&mut self, window: u32) {
        let window = self.window_of(window);
        if let Some(count) = self.counts.get_mut(window) {
            *count = count.saturating_add(1);
        }
    }

    /// Where a window is counted: with the first one if it is earlier, with the last one if it is later.
    fn window_of(&self, window: u32) -> usize {
        usize::try_from(window.saturating_sub(self.first).min(LAST_WINDOW)).unwrap_or(0)
    }
}

/// Five for the longest life of an entry, and one more since it seldom begins with a window.
const WINDOWS: usize = 6;

const LAST_WINDOW: u32 = 5;

/// With windows of this length and 32 bits for their number, time ends in the year 10136.
const MIN_WINDOW: i64 = 60;

/// A cell is 16 bytes, so this is 1⅓ bytes an entry.
const ENTRIES_PER_CELL: usize = 12;

/// Even in the smallest cache, two clients should seldom have both cells in common.
const MIN_CELLS: usize = 64;

/// Fewer cells than this are not worth a lock of their own.
const MIN_SHARD_CELLS: usize = 4096;

/// More locks than any machine has cores to contend for them.
const MAX_SHARDS: usize = 64;

/// An odd number without structure (2⁶⁴ over the golden ratio), to get a second place from the same hash.
pub(super) const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

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

    /// A clock that went back by less than the longest life of an entry still knows when all that is counted ends.
    #[test]
    fn a_clock_that_went_back_by_five_windows_begins_anew() {
        for now in 6..10 {
            assert_eq!(at(now), (10, [1, 2, 3, 4, 5, 6]), "{now}");
        }
        for now in [5, 4, 0] {
            assert_eq!(at(now), (now, [0; WINDOWS]), "{now}");
        }
    }

    #[test]
    fn an_entry_is_counted_where_it_ends() {
        for (window, place) in [(0, 0), (9, 0), (10, 0), (11, 1), (15, 5), (16, 5), (u32::MAX, 5)] {
            let (mut cell, mut expected) = (CELL, CELL.counts);
            cell.add(window);
            expected[place] += 1;
            assert_eq!(cell.counts, expected, "{window}");
        }
        let mut full = Cell { first: 0, counts: [u16::MAX; WINDOWS] };
        full.add(3);
        assert_eq!((full.counts, full.total()), ([u16::MAX; WINDOWS], 6 * u32::from(u16::MAX)));
    }

    #[test]
    fn two_skews_are_five_windows() {
        let window = |clock: &WindowClock, seconds| clock.window(UnixTime::from_seconds(seconds));
        for (skew, seconds) in [(0, 60), (150, 60), (151, 61), (300, 120), (301, 121), (u64::MAX, i64::MAX / 5)] {
            let clock = WindowClock::new(Duration::from_secs(skew));
            assert_eq!(clock.seconds, seconds, "{skew}");
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
    fn a_client_has_two_cells() {
        for count in [2, 3, 64, 1_000] {
            for hash in [0, 1, 1 << 32, SPREAD, u64::MAX - 1, u64::MAX] {
                let [first, second] = places(hash, count);
                assert!(first != second && first < count && second < count, "{hash:X} of {count}");
            }
        }
    }
}
