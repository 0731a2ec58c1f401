//! A range of a PAC, kept as numbers: what was read outlives the borrow of what it was read from.

/// A range of the octets of a PAC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    length: u32,
}

impl Span {
    /// Makes a span. A number of more than 32 bits becomes the largest: such a span lies past the end of every PAC, and
    /// [`of`](Self::of) finds nothing in it.
    pub(super) fn new(start: usize, length: usize) -> Self {
        let narrow = |number| u32::try_from(number).unwrap_or(u32::MAX);
        Self { start: narrow(start), length: narrow(length) }
    }

    /// Makes the span from `start` to `end`, which lies behind it; if it did not, the span would be empty.
    pub(super) fn between(start: usize, end: usize) -> Self {
        Self::new(start, end.saturating_sub(start))
    }

    pub(super) fn start(self) -> usize {
        size(self.start)
    }

    pub(super) fn len(self) -> usize {
        size(self.length)
    }

    /// Returns where the span ends. The sum saturates on a target of 32 bits only, where it lies past the end of every PAC.
    pub(super) fn end(self) -> usize {
        self.start().saturating_add(self.len())
    }

    /// Returns the octets, of the PAC that the span was read from; of another PAC, none where it has not as many.
    pub(super) fn of(self, pac: &[u8]) -> &[u8] {
        pac.get(self.start()..self.end()).unwrap_or_default()
    }

    pub(super) fn overlaps(self, other: Self) -> bool {
        self.length > 0 && other.length > 0 && self.start() < other.end() && other.start() < self.end()
    }
}

/// Returns a size that the PAC gives in 32 bits. Where a `usize` has fewer, the largest `usize` stands for a size that no
/// buffer has.
pub(super) fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Returns how many octets so many flags take: they come in whole words of 32 bits.
pub(super) fn octets_of_flags(bits: u32) -> usize {
    // The product is less than 2³⁰, so it cannot saturate.
    size(bits.div_ceil(32).saturating_mul(4))
}
