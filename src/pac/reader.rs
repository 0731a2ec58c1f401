//! The reader of little-endian fields of a PAC. The reader reads numbers, and also spans of octets that another reader decodes
//! later.

use super::fault::{Fault, Kind};
use super::field::Field;
use crate::span::Span;
use crate::wide_text::WideText;

/// A reader of one part of a PAC, from its beginning to its end.
///
/// The functions of this reader and of [`NdrReader`](super::ndr::NdrReader) are inlined. Without inlining, a request that has
/// a PAC takes more than 4 % more instructions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pac: &'a [u8],
    /// The offset of `rest` in the PAC.
    at: usize,
    /// The octets of the part that are not read yet.
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Makes a reader at the beginning of `part`, which lies within the PAC.
    pub(super) fn new(pac: &'a [u8], part: Span) -> Self {
        Self { pac, at: part.start(), rest: part.of(pac) }
    }

    pub(super) const fn at(&self) -> usize {
        self.at
    }

    pub(super) const fn left(&self) -> usize {
        self.rest.len()
    }

    /// Makes the fault of a field at the current offset.
    pub(super) fn fault(&self, field: Field, kind: Kind) -> Fault {
        Fault::new(field, self.at, kind)
    }

    /// Makes the fault of a field at the current offset, with the number of unread octets.
    #[cold]
    pub(super) fn fault_with_left(&self, field: Field, kind: Kind) -> Fault {
        Fault::with(field, self.at, kind, self.left())
    }

    /// Reads the span of the next `count` octets.
    pub(super) fn span(&mut self, count: usize, field: Field) -> Result<Span, Fault> {
        let at = self.at;
        self.take(count, field)?;
        Ok(Span::new(at, count))
    }

    /// Reads the span of `count` elements of `size` octets each.
    pub(super) fn elements(&mut self, count: usize, size: usize, field: Field) -> Result<Span, Fault> {
        match count.checked_mul(size) {
            Some(length) => self.span(length, field),
            None => Err(self.fault(field, Kind::Truncated)),
        }
    }

    /// Reads the next `count` octets.
    pub(super) fn take(&mut self, count: usize, field: Field) -> Result<&'a [u8], Fault> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.fault(field, Kind::Truncated));
        };
        self.advance(count, rest);
        Ok(taken)
    }

    pub(super) fn u16(&mut self, field: Field) -> Result<u16, Fault> {
        self.array(field).map(u16::from_le_bytes)
    }

    #[inline(always)]
    pub(super) fn u32(&mut self, field: Field) -> Result<u32, Fault> {
        self.array(field).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, field: Field) -> Result<u64, Fault> {
        self.array(field).map(u64::from_le_bytes)
    }

    /// Rejects unread octets.
    pub(super) fn finish(&self, field: Field) -> Result<(), Fault> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.fault_with_left(field, Kind::TrailingBytes)) }
    }

    pub(super) const fn pac(&self) -> &'a [u8] {
        self.pac
    }

    /// Returns the unread octets.
    pub(super) const fn peek(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn array<const N: usize>(&mut self, field: Field) -> Result<[u8; N], Fault> {
        self.array_ref(field).copied()
    }

    pub(super) fn array_ref<const N: usize>(&mut self, field: Field) -> Result<&'a [u8; N], Fault> {
        let Some((array, rest)) = self.rest.split_first_chunk() else {
            return Err(self.fault(field, Kind::Truncated));
        };
        self.advance(N, rest);
        Ok(array)
    }

    #[expect(clippy::arithmetic_side_effects, reason = "the PAC has `count` octets here, so the sum is within the PAC")]
    const fn advance(&mut self, count: usize, rest: &'a [u8]) {
        self.at += count;
        self.rest = rest;
    }
}

/// Returns the `N` octets at an offset in a structure. The structure has a fixed size, and the offset is a constant within the
/// structure. If the offset were outside of the structure, the function would return zeros.
pub(super) fn bytes_at<const N: usize>(structure: &[u8], offset: usize) -> [u8; N] {
    structure.get(offset..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
}

/// Returns the 32-bit number at an offset in a structure.
pub(super) fn u32_at(structure: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes_at(structure, offset))
}

/// Rejects octets that are not UTF-16 text, or that contain a NUL. `at` is the offset of the octets.
pub(super) fn check_text(octets: &[u8], at: usize, field: Field) -> Result<(), Fault> {
    if WideText::new(octets).is_some() { Ok(()) } else { Err(Fault::new(field, at, Kind::Text)) }
}
