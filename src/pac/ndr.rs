//! NDR (C706 chapter 14, MS-RPCE sections 2.2.5 and 2.2.6): the encoding of RPC, which some buffers of a PAC use.
//!
//! Input: a buffer that holds one pointer to one structure, with the headers of type serialization version 1. Output: the
//! fields of the structure, in their order in the buffer: first the structure, then the referents of its pointers.
//!
//! The IDL of MS-PAC declares every pointer `unique`: a pointer is null or has a referent of its own. The referents
//! have the order of the pointers, so this reader does not need the referent IDs. Another reader could treat the
//! pointers as `ptr`, which may share referents. If a referent ID occurred twice, that other reader would see an alias,
//! and would read all later referents at other offsets. So this reader refuses a referent ID that occurs twice.

use super::fault::{Fault, Kind};
use super::field::Field;
use super::reader::{Reader, check_text, u32_at};
use crate::sid::{DomainSid, Sid};
use crate::span::{Span, size};

/// A reader of one serialized structure.
///
/// The small functions of the reader are inlined. Without inlining, a request that has a PAC takes 3 % more instructions.
#[derive(Clone, Debug)]
pub(super) struct NdrReader<'a> {
    reader: Reader<'a>,
    /// The offset from which the alignment is measured.
    start: usize,
    referents: Referents,
}

/// The fields of an RPC_UNICODE_STRING (MS-DTYP section 2.3.10). The characters of the string follow later. Lengths are in
/// octets.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnicodeString {
    length: u16,
    maximum: u16,
    pointer: Pointer,
}

/// A pointer. `Null` has no referent, and the referent of `Present` follows later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pointer {
    Null,
    Present,
}

impl<'a> NdrReader<'a> {
    /// Reads the headers and the pointer to the structure.
    #[inline(always)]
    pub(super) fn open(pac: &'a [u8], buffer: Span, field: Field) -> Result<Self, Fault> {
        let object = Self::object(pac, buffer, field)?;
        let mut ndr = Self { reader: Reader::new(pac, object), start: object.start(), referents: Referents::default() };
        ndr.pointer(field)?.required(&ndr, field)?;
        Ok(ndr)
    }

    /// Reads the headers of type serialization, and returns the span of the octets after the headers.
    fn object(pac: &[u8], buffer: Span, field: Field) -> Result<Span, Fault> {
        let mut reader = Reader::new(pac, buffer);
        // The header has version 1, little-endian order, a length of eight octets, and a filler, which the reader ignores.
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

    /// Rejects unread octets, except the padding to a multiple of eight octets (MS-RPCE section 2.2.6.2).
    pub(super) fn finish(&self, field: Field) -> Result<(), Fault> {
        if self.reader.left() < 8 { Ok(()) } else { self.reader.finish(field) }
    }

    /// Makes the fault of a field at the current offset.
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

    /// Reads a 32-bit number as a count.
    #[inline(always)]
    pub(super) fn count(&mut self, field: Field) -> Result<usize, Fault> {
        self.u32(field).map(size)
    }

    /// Reads a structure of the fixed size `N`, aligned to four octets.
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

    /// Returns the pointer that has this referent ID. Zero means a null pointer.
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

    /// Reads a pointer to an array of `count` elements. The pointer may be null only if `count` is zero.
    pub(super) fn array_pointer(&mut self, count: usize, field: Field) -> Result<Pointer, Fault> {
        let pointer = self.pointer(field)?;
        if count > 0 { pointer.required(self, field) } else { Ok(pointer) }
    }

    /// Reads the elements of a conformant array. Each element has `size` octets and is aligned to `alignment`. The
    /// array has its own copy of the count, which must equal `count`. The function checks that all octets are present
    /// before it uses the count.
    #[inline(always)]
    pub(super) fn array(&mut self, count: usize, size: usize, alignment: usize, field: Field) -> Result<Span, Fault> {
        self.conformance(count, field)?;
        self.align(alignment, field)?;
        self.reader.elements(count, size, field)
    }

    /// Checks the count of a conformant array as [`Self::array`] does. The caller then reads the elements one by one, and
    /// each element has at least `size` octets.
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

    /// Reads the RPC_UNICODE_STRING in these eight octets.
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

    /// Reads the characters of a string. The characters are a conformant and varying array, which repeats the lengths
    /// of the string.
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

    /// Skips the next three lengths and returns true, if they equal the lengths of `string`. The function compares all
    /// three lengths in one comparison. [`conformance`](Self::conformance) and [`varying`](Self::varying) take four
    /// times as many instructions as this function, but find the exact fault.
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

    /// Reads a string that has its own lengths and ends with a NUL (`[string] wchar_t *`). The span does not include the NUL.
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

    /// Reads an RPC_SID (MS-DTYP section 2.4.2.3), and returns the span of its packet form. An RPC_SID is a conformant
    /// structure, so a copy of its count precedes the structure. The function checks only the length of the SID. [`Sid`]
    /// decodes the SID later.
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

    /// Reads the SID of a domain, and refuses every other SID. The SID of an account is a domain's SID and a RID. If
    /// `S-1-5` counted as a domain, a PAC could name SYSTEM with the RID 18.
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

    /// Skips octets up to a multiple of `alignment`, which is a power of two.
    #[inline(always)]
    pub(super) fn align(&mut self, alignment: usize, field: Field) -> Result<(), Fault> {
        // The padding is the distance to the next multiple of `alignment`.
        let padding = self.start.wrapping_sub(self.reader.at()) & alignment.wrapping_sub(1);
        self.reader.take(padding, field).map(|_| ())
    }

    #[inline(always)]
    fn conformance(&mut self, expected: usize, field: Field) -> Result<(), Fault> {
        if self.count(field)? == expected { Ok(()) } else { Err(self.fault(field, Kind::Conformance)) }
    }

    /// Reads the offset and the count of a varying array. The offset must be zero.
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

    /// Rejects a null pointer, for a field that must not be absent.
    #[inline(always)]
    pub(super) fn required(self, ndr: &NdrReader<'_>, field: Field) -> Result<Self, Fault> {
        if self == Self::Null { Err(ndr.fault(field, Kind::NullPointer)) } else { Ok(self) }
    }
}

/// The referent IDs that the reader has already read.
///
/// Windows and Samba give the pointers of an array rising referent IDs. Other implementations use random IDs. This type
/// stores the first 32 referent IDs, which may have any order. Each later referent ID must be higher than the previous
/// referent ID. So the memory is limited, the time is linear, and no referent ID can occur twice.
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
                // The count cannot be higher than 32, because `first` has 32 places.
                self.count = self.count.saturating_add(1);
                true
            }
            None => rises,
        }
    }

    /// Returns whether the referent ID is among the stored referent IDs.
    #[cold]
    fn have(&self, referent: u32) -> bool {
        self.first.iter().take(self.count).any(|first| *first == referent)
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests;
