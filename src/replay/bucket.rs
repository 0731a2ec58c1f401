//! Sixteen remembered authenticators in 256 bytes: of each the first 96 bits of its tag, and the last second at which it is
//! accepted.
//!
//! The tag's bits are an authenticator's own MAC. That two different ones agree in 96 bits by chance, and the second is
//! taken for a replay, happens once in 2⁹¹ sign-ins, each being compared with 32 others. Tags are never hashed before they
//! are compared, so the same authenticator always meets its own.

use super::ReplayTag;
use crate::time::UnixTime;
use core::hint::black_box;

/// Four lines of the processor's cache: by kind, so that whole lines are compared at once.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Bucket {
    seconds: [Second; PLACES],
    heads: [u32; PLACES],
    tails: [u64; PLACES],
}

/// How many entries have a place in one bucket.
pub(super) const PLACES: usize = 16;

/// What is compared of a tag.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct TagBits {
    head: u32,
    tail: u64,
}

impl From<&ReplayTag> for TagBits {
    fn from(tag: &ReplayTag) -> Self {
        let (head, rest) = tag.0.split_first_chunk().unwrap_or((&[0; 4], &[]));
        let tail = rest.first_chunk().unwrap_or(&[0; 8]);
        Self { head: u32::from_le_bytes(*head), tail: u64::from_le_bytes(*tail) }
    }
}

impl Bucket {
    /// No entry was ever in it. The tags' bits are set so that an array of these is written when it is made: an array of
    /// zeros would get its memory from the system later, by and by.
    pub(super) const UNUSED: Self =
        Self { seconds: [Second::FIRST; PLACES], heads: [u32::MAX; PLACES], tails: [u64::MAX; PLACES] };

    /// Asks memory for all of it, without waiting for the answer.
    pub(super) fn fetch(&self) {
        let Self { seconds: [first, ..], heads: [head, ..], tails: [early, .., late] } = self;
        black_box((*first, *head, *early, *late));
    }

    pub(super) fn holds(&self, tag: TagBits) -> bool {
        // Counted to the end: so heads are compared four at a time.
        let same_heads: u32 = self.heads.iter().map(|head| u32::from(*head == tag.head)).sum();
        same_heads > 0
            && self.heads.iter().zip(&self.tails).any(|(head, tail)| TagBits { head: *head, tail: *tail } == tag)
    }

    /// How many of its entries have ended, those included that never were.
    pub(super) fn free(&self, now: Second) -> u32 {
        self.seconds.iter().map(|second| u32::from(*second < now)).sum()
    }

    /// Writes an entry to a free place, and gives back until when the one before lived; `None` if no place is free.
    pub(super) fn put(&mut self, tag: TagBits, valid_until: Second, now: Second) -> Option<Second> {
        // The last one, counted from one. No branch depends on where it is, as with `holds` and `free`.
        let places = self.seconds.iter().zip(1_u32..).map(|(second, place)| if *second < now { place } else { 0 });
        let place = usize::try_from(places.fold(0, u32::max).checked_sub(1)?).ok()?;
        *self.heads.get_mut(place)? = tag.head;
        *self.tails.get_mut(place)? = tag.tail;
        Some(core::mem::replace(self.seconds.get_mut(place)?, valid_until))
    }
}

/// A second, counted from the first that was asked for. What is more than 68 years earlier or later counts as the nearest
/// that is not: no step of a clock makes an entry end too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Second(i32);

impl Second {
    /// The end of what never was.
    pub(super) const FIRST: Self = Self(i32::MIN);
}

/// Where seconds are counted from.
#[derive(Clone, Copy, Default)]
pub(super) struct Epoch(Option<i64>);

impl Epoch {
    pub(super) fn second(&mut self, time: UnixTime) -> Second {
        let seconds = time.seconds();
        let since_first = seconds.saturating_sub(*self.0.get_or_insert(seconds));
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
            assert_eq!(bucket.holds(tag(&bytes)), index >= 12, "byte {index}");
            bytes[index] ^= 1;
        }
        assert_eq!(size_of::<Bucket>(), 16 * PLACES);
    }

    #[test]
    fn a_bucket_has_sixteen_places_and_gives_only_those_that_have_ended() {
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
