#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
use super::*;

/// A cell whose first window is window 10. Each window counts one entry more than the window before it.
const CELL: Cell = Cell { first: 10, counts: [1, 2, 3, 4, 5, 6] };

fn at(now: u32) -> (u32, [u16; WINDOWS]) {
    let mut cell = CELL;
    cell.advance(now);
    (cell.first, cell.counts)
}

#[test]
fn counts_of_a_window_are_dropped_when_the_next_window_begins() {
    assert_eq!(at(10), (10, [1, 2, 3, 4, 5, 6]));
    assert_eq!(at(11), (11, [2, 3, 4, 5, 6, 0]));
    assert_eq!(at(15), (15, [6, 0, 0, 0, 0, 0]));
    assert_eq!(at(16), (16, [0; WINDOWS]));
    assert_eq!(at(u32::MAX), (u32::MAX, [0; WINDOWS]));
}

/// If the clock goes back by less than the longest life of an entry, the cell still knows when its entries expire.
#[test]
fn counts_are_kept_when_the_clock_goes_back_four_windows_and_dropped_when_it_goes_back_five() {
    for now in 6..10 {
        assert_eq!(at(now), (10, [1, 2, 3, 4, 5, 6]), "{now}");
    }
    for now in [5, 4, 0] {
        assert_eq!(at(now), (now, [0; WINDOWS]), "{now}");
    }
}

#[test]
fn entry_is_counted_in_the_window_in_which_it_expires_or_in_the_nearest_window() {
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
fn window_is_one_fifth_of_two_clock_skews_and_at_least_one_minute() {
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
fn cell_indices_of_any_hash_are_different_and_below_the_count() {
    for count in [2, 3, 64, 1_000] {
        for hash in [0, 1, 1 << 32, spread::second(1), u64::MAX - 1, u64::MAX] {
            let [first, second] = cell_indices(hash, count);
            assert!(first != second && first < count && second < count, "{hash:X} of {count}");
        }
    }
}
