//! NDR (C706 chapter 14, MS-RPCE sections 2.2.5 and 2.2.6): how RPC writes the structures in some buffers of a PAC.
//!
//! In: a buffer that holds one pointer to one structure, with the headers of type serialization version 1. Out: the fields
//! of the structure, in the order they lie there: first its own, then what its pointers point to.
//!
//! The IDL of MS-PAC declares every pointer `unique`: it is null or points to something of its own. What it points to
//! follows, whatever number stands for it. A reader that takes the pointers for `ptr` would take a number that comes twice
//! for an alias, and would read all that follows from another offset; so such a number is refused.

use super::fault::{Fault, Kind};
use super::field::Field;
use super::reader::{Reader, check_text, u32_at};
use crate::sid::{DomainSid, Sid};
use crate::span::{Span, size};

/// Reads one serialized structure.
///
/// Its small functions are inlined: without that, a request that has a PAC takes 3 % more instructions.
#[derive(Clone, Debug)]
pub(super) struct NdrReader<'a> {
    reader: Reader<'a>,
    /// Alignment counts from here.
    start: usize,
    referents: Referents,
}

/// RPC_UNICODE_STRING (MS-DTYP section 2.3.10), before its characters are reached. Lengths count octets.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnicodeString {
    length: u16,
    maximum: u16,
    pointer: Pointer,
}

/// Says whether a pointer points to something, which then follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pointer {
    Null,
    Present,
}

impl<'a> NdrReader<'a> {
    /// Reads the headers, and the pointer to the structure.
    #[inline(always)]
    pub(super) fn open(pac: &'a [u8], buffer: Span, field: Field) -> Result<Self, Fault> {
        let object = Self::object(pac, buffer, field)?;
        let mut ndr = Self { reader: Reader::new(pac, object), start: object.start(), referents: Referents::default() };
        ndr.pointer(field)?.required(&ndr, field)?;
        Ok(ndr)
    }

    /// Reads the headers of type serialization, and returns what they stand before.
    fn object(pac: &[u8], buffer: Span, field: Field) -> Result<Span, Fault> {
        let mut reader = Reader::new(pac, buffer);
        // Version 1, little-endian, eight octets of header; then a filler, which a reader ignores.
        if reader.array(field)? != [1, 0x10, 8, 0] {
            return Err(Fault::new(field, buffer.start(), Kind::SerializationHeader));
        }
        reader.u32(field)?;
        let length = reader.u32(field)?;
        reader.u32(field)?;
        let object = reader.span(size(length), field)?;
        reader.finish(field)?;
        Ok(object)
    }

    /// Rejects more octets than the padding to a multiple of eight (MS-RPCE section 2.2.6.2).
    pub(super) fn finish(&self, field: Field) -> Result<(), Fault> {
        if self.reader.left() < 8 { Ok(()) } else { self.reader.finish(field) }
    }

    /// Makes the fault of a field at this offset.
    pub(super) fn fault(&self, field: Field, kind: Kind) -> Fault {
        self.reader.fault(field, kind)
    }

    pub(super) fn u16(&mut self, field: Field) -> Result<u16, Fault> {
        self.align(2, field)?;
        self.reader.u16(field)
    }

    #[inline(always)]
    pub(super) fn u32(&mut self, field: Field) -> Result<u32, Fault> {
        self.align(4, field)?;
        self.reader.u32(field)
    }

    /// Reads a number that counts something.
    #[inline(always)]
    pub(super) fn count(&mut self, field: Field) -> Result<usize, Fault> {
        self.u32(field).map(size)
    }

    /// Reads a structure of one size, aligned to four octets.
    #[inline(always)]
    pub(super) fn fixed<const N: usize>(&mut self, field: Field) -> Result<&'a [u8; N], Fault> {
        self.align(4, field)?;
        self.reader.array_ref(field)
    }

    #[inline(always)]
    pub(super) fn pointer(&mut self, field: Field) -> Result<Pointer, Fault> {
        let referent = self.u32(field)?;
        self.referent(referent, field)
    }

    /// Reads the pointer that a number stands for.
    #[inline(always)]
    pub(super) fn referent(&mut self, referent: u32, field: Field) -> Result<Pointer, Fault> {
        if referent == 0 {
            return Ok(Pointer::Null);
        }
        if self.referents.are_new(referent) {
            Ok(Pointer::Present)
        } else {
            Err(self.fault(field, Kind::RepeatedReferent))
        }
    }

    /// Reads a pointer to an array of `count` elements. It is null only if there are none.
    pub(super) fn array_pointer(&mut self, count: usize, field: Field) -> Result<Pointer, Fault> {
        let pointer = self.pointer(field)?;
        if count > 0 { pointer.required(self, field) } else { Ok(pointer) }
    }

    /// Reads the elements of a conformant array, of `size` octets each and aligned to `alignment`. The array repeats its
    /// count. That must be the structure's, and the octets must be there, before anything is done with the count.
    #[inline(always)]
    pub(super) fn array(&mut self, count: usize, size: usize, alignment: usize, field: Field) -> Result<Span, Fault> {
        self.conformance(count, field)?;
        self.align(alignment, field)?;
        self.reader.elements(count, size, field)
    }

    /// Reads the count before a conformant array of structures that are read one by one, as [`Self::array`] does; each has
    /// at least `size` octets.
    #[inline(always)]
    pub(super) fn elements(&mut self, count: usize, size: usize, field: Field) -> Result<(), Fault> {
        self.conformance(count, field)?;
        let mut ahead = self.reader;
        ahead.elements(count, size, field).map(|_| ())
    }

    /// Skips `count` elements of `size` octets.
    pub(super) fn skip(&mut self, count: usize, size: usize, field: Field) -> Result<(), Fault> {
        self.reader.elements(count, size, field).map(|_| ())
    }

    pub(super) fn unicode_string(&mut self, field: Field) -> Result<UnicodeString, Fault> {
        self.align(4, field)?;
        let fields = self.reader.array(field)?;
        self.string_of(fields, field)
    }

    /// Reads the string that these eight octets describe.
    #[inline(always)]
    pub(super) fn string_of(&mut self, fields: [u8; 8], field: Field) -> Result<UnicodeString, Fault> {
        let [l0, l1, m0, m1, referent @ ..] = fields;
        let (length, maximum) = (u16::from_le_bytes([l0, l1]), u16::from_le_bytes([m0, m1]));
        if length % 2 != 0 || maximum % 2 != 0 || length > maximum {
            return Err(self.fault(field, Kind::StringLength));
        }
        let pointer = self.referent(u32::from_le_bytes(referent), field)?;
        let pointer = if length > 0 { pointer.required(self, field)? } else { pointer };
        Ok(UnicodeString { length, maximum, pointer })
    }

    /// Reads the characters of a string: a conformant and varying array, which repeats its lengths.
    pub(super) fn text(&mut self, string: UnicodeString, field: Field) -> Result<Span, Fault> {
        if string.pointer == Pointer::Null {
            return Ok(Span::default());
        }
        self.align(4, field)?;
        if !self.skip_lengths(string, field)? {
            self.conformance(usize::from(string.maximum / 2), field)?;
            self.varying(usize::from(string.length / 2), field)?;
        }
        self.characters(string.length.into(), field)
    }

    /// Skips the lengths that come next, and returns true, if they are those of `string`. It compares all three at once, in
    /// a quarter of the instructions that [`conformance`](Self::conformance) and [`varying`](Self::varying) take.
    #[inline(always)]
    fn skip_lengths(&mut self, string: UnicodeString, field: Field) -> Result<bool, Fault> {
        let Some(lengths) = self.reader.peek().first_chunk::<12>() else { return Ok(false) };
        let [maximum, offset, length] = [0, 4, 8].map(|at| u32_at(lengths, at));
        let same = maximum == u32::from(string.maximum / 2) && offset == 0 && length == u32::from(string.length / 2);
        if same {
            self.reader.take(lengths.len(), field)?;
        }
        Ok(same)
    }

    /// Reads a string that ends with a NUL and says its lengths itself (`[string] wchar_t *`); the span is without the NUL.
    pub(super) fn terminated_text(&mut self, field: Field) -> Result<Span, Fault> {
        let maximum = self.count(field)?;
        let offset = self.u32(field)?;
        let count = self.count(field)?;
        if offset != 0 || count > maximum {
            return Err(self.fault(field, Kind::Conformance));
        }
        let length = count.checked_sub(1).and_then(|count| count.checked_mul(2));
        let length = length.ok_or_else(|| self.fault(field, Kind::StringLength))?;
        let text = self.characters(length, field)?;
        match self.reader.u16(field)? {
            0 => Ok(text),
            _ => Err(self.fault(field, Kind::StringLength)),
        }
    }

    /// Reads RPC_SID (MS-DTYP section 2.4.2.3): the span of its packet form. It is a conformant structure, so its count comes
    /// first as well. It is measured only; [`Sid`] decodes it when it is asked for.
    #[inline(always)]
    pub(super) fn sid(&mut self, field: Field) -> Result<Span, Fault> {
        let count = self.count(field)?;
        let measured = self.reader.peek().first_chunk::<2>().and_then(|head| Sid::length(*head));
        let Some(length) = measured else { return Err(self.fault(field, Kind::Sid)) };
        if Sid::length_of(count) != Some(length) {
            return Err(self.fault(field, Kind::Conformance));
        }
        self.reader.span(length, field)
    }

    /// Reads the SID of a domain, to which a RID is joined to name an account. Nothing else may stand there, since `S-1-5`
    /// and 18 would be SYSTEM.
    pub(super) fn domain_sid(&mut self, field: Field) -> Result<(Span, DomainSid), Fault> {
        let span = self.sid(field)?;
        match DomainSid::from_packet(span.of(self.pac())) {
            Some(domain) => Ok((span, domain)),
            None => Err(Fault::with(field, span.end(), Kind::NoDomain, span.start())),
        }
    }

    /// Returns the offset of the next octet.
    pub(super) const fn at(&self) -> usize {
        self.reader.at()
    }

    pub(super) const fn pac(&self) -> &'a [u8] {
        self.reader.pac()
    }

    /// Skips to a multiple of `alignment`, a power of two.
    #[inline(always)]
    pub(super) fn align(&mut self, alignment: usize, field: Field) -> Result<(), Fault> {
        // The padding is what is missing to the next multiple: the difference to it, modulo `alignment`.
        let padding = self.start.wrapping_sub(self.reader.at()) & alignment.wrapping_sub(1);
        self.reader.take(padding, field).map(|_| ())
    }

    #[inline(always)]
    fn conformance(&mut self, expected: usize, field: Field) -> Result<(), Fault> {
        if self.count(field)? == expected { Ok(()) } else { Err(self.fault(field, Kind::Conformance)) }
    }

    /// Reads the offset, which is zero, and the count of a varying array.
    #[inline(always)]
    fn varying(&mut self, expected: usize, field: Field) -> Result<(), Fault> {
        if self.u32(field)? != 0 {
            return Err(self.fault(field, Kind::Conformance));
        }
        self.conformance(expected, field)
    }

    #[inline(always)]
    fn characters(&mut self, length: usize, field: Field) -> Result<Span, Fault> {
        let at = self.reader.at();
        check_text(self.reader.take(length, field)?, at, field)?;
        Ok(Span::new(at, length))
    }
}

impl Pointer {
    pub(super) const fn is_present(self) -> bool {
        matches!(self, Self::Present)
    }

    /// Rejects a null pointer where there must be something.
    #[inline(always)]
    pub(super) fn required(self, ndr: &NdrReader<'_>, field: Field) -> Result<Self, Fault> {
        if self == Self::Null { Err(ndr.fault(field, Kind::NullPointer)) } else { Ok(self) }
    }
}

/// Remembers the numbers that have stood for a pointer.
///
/// Windows and Samba number the pointers of an array in rising order; others draw numbers at random. The first numbers are
/// remembered whatever they are; later ones must rise. So memory is bounded, work is linear, and no number that comes twice
/// passes.
#[derive(Clone, Debug, Default)]
struct Referents {
    first: [u32; 32],
    count: usize,
    last: u32,
    highest: u32,
}

impl Referents {
    #[inline(always)]
    fn are_new(&mut self, referent: u32) -> bool {
        let rises = referent > core::mem::replace(&mut self.last, referent);
        if referent > self.highest {
            self.highest = referent;
        } else if self.have(referent) {
            return false;
        }
        match self.first.get_mut(self.count) {
            Some(free) => {
                *free = referent;
                // The count ends at 32, where nothing is free.
                self.count = self.count.saturating_add(1);
                true
            }
            None => rises,
        }
    }

    /// Returns whether the number is among the first ones.
    #[cold]
    fn have(&self, referent: u32) -> bool {
        self.first.iter().take(self.count).any(|first| *first == referent)
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    /// Remembered numbers may fall; behind them each must be higher than the one before.
    #[test]
    fn referents_may_fall_as_long_as_they_are_remembered() {
        for remembered in [31_u32, 32] {
            let mut referents = Referents::default();
            assert!((0..remembered).all(|number| referents.are_new(1000 - 10 * number)), "{remembered}");
            let lowest = 1000 - 10 * (remembered - 1);
            for again in [1000, 990, lowest] {
                assert!(!referents.clone().are_new(again), "{again}");
            }
            assert_eq!(referents.clone().are_new(lowest - 1), remembered < 32);
            assert!(referents.clone().are_new(lowest + 1) && referents.clone().are_new(1001));
        }
        let mut rising = Referents::default();
        assert!((1..=1000).all(|number| rising.are_new(number)));
        assert!(!rising.clone().are_new(1000) && rising.are_new(1001) && !rising.are_new(1001));
    }
}
