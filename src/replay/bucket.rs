//! Sixteen remembered authenticators in 256 octets: for each the first 96 bits of its tag, and the last second at which it is
//! accepted.
//!
//! The bits of the tag are the authenticator's own MAC, and each authenticator is compared with 32 others. So two different
//! ones agree by chance once in 2⁹¹ sign-ins, and the second is then refused as a replay. Tags are compared as they are,
//! never as hashes: a replayed authenticator is always recognised.

use super::ReplayTag;
use crate::crypto::part;
use crate::time::UnixTime;
use core::hint::black_box;

/// Four lines of the processor's cache. The fields are grouped by kind, so that the processor compares a whole line at once.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Bucket {
    seconds: [Second; SLOTS],
    heads: [u32; SLOTS],
    tails: [u64; SLOTS],
}

/// The number of entries that a bucket holds.
pub(super) const SLOTS: usize = 16;

/// The part of a tag that is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct TagBits {
    head: u32,
    tail: u64,
}

impl From<&ReplayTag> for TagBits {
    fn from(tag: &ReplayTag) -> Self {
        let (head, tail) = (part::<0, 4, 16>(&tag.0), part::<4, 8, 16>(&tag.0));
        Self { head: u32::from_le_bytes(head), tail: u64::from_le_bytes(tail) }
    }
}

impl Bucket {
    /// A bucket that never held an entry. Its bits are not zero, so that a new array of buckets is written at once. The system
    /// gives memory for an array of zeros later, page by page, while requests wait.
    pub(super) const UNUSED: Self =
        Self { seconds: [Second::FIRST; SLOTS], heads: [u32::MAX; SLOTS], tails: [u64::MAX; SLOTS] };

    /// Loads all lines of the bucket, so that a search in one bucket does not wait until the search in the other is over.
    ///
    /// Without it an insert into 10 million entries takes half as long again: 442 ns instead of 300 ns. `black_box` keeps the
    /// compiler from dropping or moving the loads. Nothing depends on it but time.
    pub(super) fn fetch(&self) {
        let Self { seconds: [first, ..], heads: [head, ..], tails: [early, .., late] } = self;
        black_box((*first, *head, *early, *late));
    }

    /// Returns whether the bucket holds this tag.
    pub(super) fn holds(&self, tag: TagBits) -> bool {
        // The count goes on to the end, which lets the processor compare four heads at a time.
        let same_heads: u32 = self.heads.iter().map(|head| u32::from(*head == tag.head)).sum();
        same_heads > 0
            && self.heads.iter().zip(&self.tails).any(|(head, tail)| TagBits { head: *head, tail: *tail } == tag)
    }

    /// Returns how many slots are free: their entries have ended, or they never held one.
    pub(super) fn free(&self, now: Second) -> u32 {
        self.seconds.iter().map(|second| u32::from(*second < now)).sum()
    }

    /// Writes an entry to a free slot and returns the end of the entry before it, or `None` if no slot is free.
    pub(super) fn put(&mut self, tag: TagBits, valid_until: Second, now: Second) -> Option<Second> {
        // The last free slot, counted from one. As in `holds` and `free`, no branch depends on which one that is.
        let free = self.seconds.iter().zip(1_u32..).map(|(second, slot)| if *second < now { slot } else { 0 });
        let slot = usize::try_from(free.fold(0, u32::max).checked_sub(1)?).ok()?;
        *self.heads.get_mut(slot)? = tag.head;
        *self.tails.get_mut(slot)? = tag.tail;
        Some(core::mem::replace(self.seconds.get_mut(slot)?, valid_until))
    }
}

/// A second, counted from the first that the shard was asked for. Times more than 68 years away from it count as the earliest
/// or the latest second there is: no step of a clock makes an entry end too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Second(i32);

impl Second {
    /// The end of the entries in a new bucket.
    pub(super) const FIRST: Self = Self(i32::MIN);
}

/// The instant from which seconds are counted.
#[derive(Clone, Copy, Default)]
pub(super) struct Epoch(Option<i64>);

impl Epoch {
    /// Returns the second of an instant. The first instant becomes the epoch.
    pub(super) fn second(&mut self, time: UnixTime) -> Second {
        let seconds = time.seconds();
        let since_first = seconds.saturating_sub(*self.0.get_or_insert(seconds));
        // Both defaults are the nearest second, as `Second` says.
        Second(i32::try_from(since_first).unwrap_or(if since_first < 0 { i32::MIN } else { i32::MAX }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
    use super::*;

    const NOW: i64 = 1_795_248_000;

    fn second(epoch: &mut Epoch, seconds: i64) -> Second {
        epoch.second(UnixTime::from_seconds(seconds))
    }

    #[test]
    fn seconds_of_68_years_are_told_apart_and_others_are_the_nearest() {
        for start in [NOW, 0, -62_167_219_200, 253_402_300_799] {
            let mut epoch = Epoch::default();
            assert_eq!(second(&mut epoch, start), Second(0));
            let (first, last) = (start + i64::from(i32::MIN), start + i64::from(i32::MAX));
            for at in [first + 1, start - 1, start, start + 1, last - 1] {
                assert!(second(&mut epoch, at - 1) < second(&mut epoch, at), "{at}");
                assert!(second(&mut epoch, at) < second(&mut epoch, at + 1), "{at}");
            }
            assert_eq!([first, first - 1, i64::MIN].map(|at| second(&mut epoch, at)), [Second::FIRST; 3]);
            assert_eq!([last, last + 1, i64::MAX].map(|at| second(&mut epoch, at)), [Second(i32::MAX); 3]);
        }
    }

    #[test]
    fn a_bucket_tells_96_bits_of_tags_apart() {
        let mut bucket = Bucket::UNUSED;
        let mut bytes = [0x5A; 16];
        let tag = |bytes: &[u8; 16]| TagBits::from(&ReplayTag::from_bytes(*bytes));
        assert!(!bucket.holds(tag(&bytes)));
        bucket.put(tag(&bytes), Second(9), Second(9));
        for index in 0..16 {
            bytes[index] ^= 1;
            assert_eq!(bucket.holds(tag(&bytes)), index >= 12, "octet {index}");
            bytes[index] ^= 1;
        }
        assert_eq!(size_of::<Bucket>(), 16 * SLOTS);
    }

    #[test]
    fn a_bucket_has_sixteen_slots_and_reuses_only_those_that_have_ended() {
        let mut bucket = Bucket::UNUSED;
        let tag = |number: u8| TagBits::from(&ReplayTag::from_bytes([number; 16]));
        for number in 0..16 {
            assert_eq!(bucket.free(Second(10)), u32::from(16 - number));
            assert_eq!(bucket.put(tag(number), Second(10 + i32::from(number)), Second(10)), Some(Second::FIRST));
        }
        assert_eq!(bucket.put(tag(16), Second(99), Second(10)), None);
        assert_eq!(bucket.put(tag(16), Second(99), Second(11)), Some(Second(10)));
        assert_eq!(bucket.free(Second(11)), 0);
        assert!(!bucket.holds(tag(0)));
        assert!((1..=16).all(|number| bucket.holds(tag(number))));
    }
}
