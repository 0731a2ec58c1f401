//! A range of octets, stored as two numbers. A [`Span`] does not borrow the octets.

/// A range of the octets of a request's buffer, or of a PAC. Each number has only 32 bits: a request has dozens of
/// spans, and a move of the request copies all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    length: u32,
}

impl Span {
    /// Makes a span. A number of more than 32 bits becomes `u32::MAX`. Such a span lies after the end of every token,
    /// and [`of`](Self::of) returns no octets for such a span.
    pub(crate) fn new(start: usize, length: usize) -> Self {
        let narrow = |number| u32::try_from(number).unwrap_or(u32::MAX);
        Self { start: narrow(start), length: narrow(length) }
    }

    /// Makes the span from `start` to `end`. The span is empty if `end` comes before `start`.
    pub(crate) fn between(start: usize, end: usize) -> Self {
        Self::new(start, end.saturating_sub(start))
    }

    pub(crate) fn start(self) -> usize {
        size(self.start)
    }

    pub(crate) fn len(self) -> usize {
        size(self.length)
    }

    /// Returns the end of the span. The sum saturates only on a 32-bit target, and then lies after the end of every
    /// token.
    pub(crate) fn end(self) -> usize {
        self.start().saturating_add(self.len())
    }

    /// Returns the octets of the span, or no octets if `octets` is too short.
    pub(crate) fn of(self, octets: &[u8]) -> &[u8] {
        octets.get(self.start()..self.end()).unwrap_or_default()
    }

    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.length > 0 && other.length > 0 && self.start() < other.end() && other.start() < self.end()
    }
}

/// Returns a size that a message gives in 32 bits. If `usize` has fewer bits, a larger size becomes `usize::MAX`. No
/// buffer has this size.
pub(crate) fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
