//! A bucket holds sixteen remembered authenticators in 256 octets. Each entry is the first 96 bits of an authenticator's
//! tag, and the last second at which the authenticator is accepted.
//!
//! These bits are a part of the authenticator's MAC, and the cache compares a new authenticator with at most 32
//! entries. So two different authenticators have the same bits by chance once in 2⁹¹ sign-ins. The second authenticator
//! is then refused as a replay. The cache compares the tags, not hashes of the tags, so it always recognises a replayed
//! authenticator.

use super::ReplayTag;
use crate::crypto::part;
use crate::time::UnixTime;
use core::hint::black_box;

/// Sixteen entries in four cache lines of the processor. The values of each field are next to each other, so that the
/// processor compares a whole line at once.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Bucket {
    seconds: [Second; SLOTS],
    heads: [u32; SLOTS],
    tails: [u64; SLOTS],
}

/// The number of entries that a bucket holds.
pub(super) const SLOTS: usize = 16;

/// The part of a tag that the cache compares.
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
    /// A bucket that never held an entry. The bits of this bucket are not zero, so the program writes a new array of
    /// buckets immediately. If the array were zeros, the operating system would allocate the memory later, page by
    /// page, while requests wait.
    pub(super) const UNUSED: Self =
        Self { seconds: [Second::FIRST; SLOTS], heads: [u32::MAX; SLOTS], tails: [u64::MAX; SLOTS] };

    /// Loads all cache lines of the bucket. An insert first calls this function for both buckets of a tag, so the
    /// processor fetches both buckets at the same time.
    ///
    /// Without these loads, an insert into a cache of 10 million entries takes 442 ns instead of 300 ns. `black_box`
    /// keeps the compiler from removing or moving the loads.
    pub(super) fn fetch(&self) {
        let Self { seconds: [first, ..], heads: [head, ..], tails: [early, .., late] } = self;
        black_box((*first, *head, *early, *late));
    }

    /// Returns whether the bucket holds this tag.
    pub(super) fn holds(&self, tag: TagBits) -> bool {
        // The sum always includes all heads, so the processor can compare four heads at a time.
        let same_heads: u32 = self.heads.iter().map(|head| u32::from(*head == tag.head)).sum();
        same_heads > 0
            && self.heads.iter().zip(&self.tails).any(|(head, tail)| TagBits { head: *head, tail: *tail } == tag)
    }

    /// Returns the number of free slots. A slot is free if its entry has expired, or if the slot never held an entry.
    pub(super) fn free(&self, now: Second) -> u32 {
        self.seconds.iter().map(|second| u32::from(*second < now)).sum()
    }

    /// Writes an entry to a free slot, and returns the last valid second of the slot's previous entry. Returns `None` if no
    /// slot is free.
    pub(super) fn put(&mut self, tag: TagBits, valid_until: Second, now: Second) -> Option<Second> {
        // The last free slot, counted from one. As in `holds` and `free`, no branch depends on the index of the free slot.
        let free = self.seconds.iter().zip(1_u32..).map(|(second, slot)| if *second < now { slot } else { 0 });
        let slot = usize::try_from(free.fold(0, u32::max).checked_sub(1)?).ok()?;
        *self.heads.get_mut(slot)? = tag.head;
        *self.tails.get_mut(slot)? = tag.tail;
        Some(core::mem::replace(self.seconds.get_mut(slot)?, valid_until))
    }
}

/// A second, counted from the instant of the shard's first call. A time more than 68 years away from that instant
/// becomes the earliest or the latest second. So even if the clock makes a large step, no entry expires too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Second(i32);

impl Second {
    /// The earliest second. All slots of a new bucket have this second, so they count as expired.
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
        // A time out of range becomes the nearest second, as `Second` documents.
        Second(i32::try_from(since_first).unwrap_or(if since_first < 0 { i32::MIN } else { i32::MAX }))
    }
}

#[cfg(test)]
mod tests;
