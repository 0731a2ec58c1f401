//! The small error that the functions of the DER reader return. [`Fault::within`] makes the full error from this value
//! and the message that was being read.

use super::{Field, Malformed, Problem, Reader};

/// The reader's error: the field that cannot be read, and the reason.
///
/// Every function of the reader can return a fault, so a fault is only one aligned word. If the functions returned the
/// 48 octets of a [`Malformed`], a request would take 4 % more instructions. The fault does not store values from the
/// message: [`within`](Self::within) reads these values again from the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(8))]
pub(crate) struct Fault {
    kind: Kind,
    field: Field,
    number: U24,
    /// The low 24 bits of the address of the reader's position. Because the fault has an address, the reader need not
    /// know where the message begins. A message has fewer than 2²⁴ octets. Only a caller's own certificate may be
    /// longer. In such a certificate, offsets are modulo 2²⁴.
    address: U24,
}

/// The kind of a fault: a [`Problem`] without its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Truncated,
    UnexpectedTag,
    Length,
    TrailingBytes,
    Number,
    BitString,
    Text,
    Time,
    TooLong,
    TooMany,
    Value,
    Empty,
    OutOfPlace,
    Unrecognised,
}

impl Fault {
    /// Makes a fault of `field` at the start of `rest`.
    #[cold]
    #[inline(never)]
    pub(super) fn new(rest: &[u8], field: Field, kind: Kind) -> Self {
        Self::with(rest, field, kind, 0)
    }

    /// Makes a fault with a number. The number is the expected tag or value, a limit, or the number of octets that
    /// follow.
    #[cold]
    #[inline(never)]
    pub(super) fn with(rest: &[u8], field: Field, kind: Kind, number: usize) -> Self {
        Self { kind, field, number: U24::at_most(number), address: U24::address_of(rest) }
    }

    /// Makes the error that explains the fault. `message` must be the message in which the fault was found, because the
    /// offset counts from the start of `message`.
    #[cold]
    #[inline(never)]
    pub(crate) fn within(self, message: &[u8]) -> Malformed {
        let at = self.address.since(U24::address_of(message));
        // The position of the reader was in the message or at its end. If the caller passes a wrong message, `at` may
        // be beyond its end. This code then reads no octets.
        let rest = Reader::new(message.get(at..).unwrap_or(&[]));
        Malformed { what: self.field.name(), at, problem: self.problem(rest) }
    }

    fn problem(self, mut rest: Reader<'_>) -> Problem {
        let number = self.number.value();
        // The fault does not store the unexpected tag or value, so this code reads it again.
        match self.kind {
            Kind::Truncated => Problem::Truncated,
            Kind::UnexpectedTag => {
                Problem::UnexpectedTag { expected: self.number.low(), found: rest.peek().unwrap_or(0) }
            }
            Kind::Length => Problem::Length,
            Kind::TrailingBytes => Problem::TrailingBytes(number),
            Kind::Number => Problem::Number,
            Kind::BitString => Problem::BitString,
            Kind::Text => Problem::Text,
            Kind::Time => Problem::Time,
            Kind::TooLong => Problem::TooLong(number),
            Kind::TooMany => Problem::TooMany(number),
            Kind::Value => {
                Problem::Value { expected: self.number.low().into(), found: rest.integer(self.field).unwrap_or(0) }
            }
            Kind::Empty => Problem::Empty,
            Kind::OutOfPlace => Problem::OutOfPlace,
            Kind::Unrecognised => Problem::Unrecognised,
        }
    }
}

/// A number of 24 bits, the lowest octet first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct U24([u8; 3]);

impl U24 {
    /// Stores `number`, which saturates at 24 bits. No message has 2²⁴ octets.
    fn at_most(number: usize) -> Self {
        let number = u32::try_from(number).unwrap_or(u32::MAX).min(0x00FF_FFFF);
        let [low, middle, high, _] = number.to_le_bytes();
        Self([low, middle, high])
    }

    fn address_of(bytes: &[u8]) -> Self {
        let [low, middle, high, ..] = bytes.as_ptr().addr().to_le_bytes();
        Self([low, middle, high])
    }

    /// Returns the distance from `start` to this address, modulo 2²⁴.
    fn since(self, start: Self) -> usize {
        self.value().wrapping_sub(start.value()) & 0x00FF_FFFF
    }

    fn value(self) -> usize {
        let Self([low, middle, high]) = self;
        usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)
    }

    /// Returns the lowest octet, which is the whole of a tag or a small constant.
    const fn low(self) -> u8 {
        let Self([low, ..]) = self;
        low
    }
}

#[cfg(test)]
mod tests;
