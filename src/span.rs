//! A range of octets, kept as numbers: what was read outlives the borrow of what it was read from.

/// A range of the octets of a request's buffer, or of a PAC. It has 32 bits for each number, since a request keeps dozens of
/// spans and is moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    length: u32,
}

impl Span {
    /// Makes a span. A number of more than 32 bits becomes the largest: such a span lies past the end of every
    /// token, and [`of`](Self::of) finds nothing in it.
    pub(crate) fn new(start: usize, length: usize) -> Self {
        let narrow = |number| u32::try_from(number).unwrap_or(u32::MAX);
        Self { start: narrow(start), length: narrow(length) }
    }

    /// Makes the span from `start` to `end`, which lies behind it; if it did not, the span would be empty.
    pub(crate) fn between(start: usize, end: usize) -> Self {
        Self::new(start, end.saturating_sub(start))
    }

    pub(crate) fn start(self) -> usize {
        size(self.start)
    }

    pub(crate) fn len(self) -> usize {
        size(self.length)
    }

    /// Returns where the span ends. The sum saturates on a target of 32 bits only, where it lies past the end of every
    /// token.
    pub(crate) fn end(self) -> usize {
        self.start().saturating_add(self.len())
    }

    /// Returns the octets of the span, or none if `octets` has not as many.
    pub(crate) fn of(self, octets: &[u8]) -> &[u8] {
        octets.get(self.start()..self.end()).unwrap_or_default()
    }

    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.length > 0 && other.length > 0 && self.start() < other.end() && other.start() < self.end()
    }
}

/// Returns a size that a message gives in 32 bits. Where a `usize` has fewer, the largest `usize` stands for a size that no
/// buffer has.
pub(crate) fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
