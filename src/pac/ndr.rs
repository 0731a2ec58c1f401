//! NDR (C706 chapter 14, MS-RPCE sections 2.2.5 and 2.2.6): how RPC writes the structures in some buffers of a PAC.
//!
//! In: a buffer that holds one pointer to one structure, with the headers of type serialization version 1. Out: its
//! fields, in the order they lie there: first a structure's own, then what its pointers point to.
//!
//! The IDL of MS-PAC declares every pointer `unique`: it is null or points to something of its own, and what it points
//! to follows whatever number stands for it. A number that comes twice would be an alias to a reader that takes the
//! pointers for `ptr`, and shift all that follows; so it is refused.

use super::reader::{Place, Reader, u32_at};
use super::wide_text::WideText;
use crate::error::{PacMalformed, PacProblem};
use crate::sid::Sid;
use crate::wire::der::{Full, Tell};

/// Reads one serialized structure.
#[derive(Clone, Debug)]
pub(super) struct NdrReader<'a, D = Full> {
    reader: Reader<'a, D>,
    /// Alignment counts from here.
    start: usize,
    referents: Referents,
}

/// RPC_UNICODE_STRING (MS-DTYP section 2.3.10), before its characters were reached. Lengths in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnicodeString {
    length: u16,
    maximum: u16,
    pointer: Pointer,
}

impl UnicodeString {
    pub(super) const NULL: Self = Self { length: 0, maximum: 0, pointer: Pointer::Null };
}

/// Whether a pointer points to something, which then follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pointer {
    Null,
    Present,
}

impl<'a, D: Tell<PacMalformed>> NdrReader<'a, D> {
    /// Reads the headers, and the pointer that the structure stands behind.
    pub(super) fn open(pac: &'a [u8], buffer: Place, what: &'static str) -> Result<Self, D::Told> {
        let mut reader = Reader::<D>::new(pac, buffer);
        // Version 1, little-endian, eight bytes of header; a filler that is to be ignored.
        if reader.array(what)? != [1, 0x10, 8, 0] {
            return Err(Reader::<D>::new(pac, buffer).error(what, PacProblem::SerializationHeader));
        }
        reader.u32(what)?;
        let length = reader.u32(what)?;
        reader.u32(what)?;
        let object = reader.place(usize::try_from(length).unwrap_or(usize::MAX), what)?;
        reader.finish(what)?;
        let reader = Reader::new(pac, object);
        let mut ndr = Self { reader, start: object.at(), referents: Referents::default() };
        ndr.pointer(what)?.required(&ndr, what)?;
        Ok(ndr)
    }

    /// The structure ends here, but for the padding to a multiple of eight bytes (MS-RPCE section 2.2.6.2).
    pub(super) fn finish(&self, what: &'static str) -> Result<(), D::Told> {
        if self.reader.left() < 8 { Ok(()) } else { self.reader.finish(what) }
    }

    #[cold]
    pub(super) fn error(&self, what: &'static str, problem: PacProblem) -> D::Told {
        self.reader.error(what, problem)
    }

    pub(super) fn u16(&mut self, what: &'static str) -> Result<u16, D::Told> {
        self.align(2, what)?;
        self.reader.u16(what)
    }

    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32, D::Told> {
        self.align(4, what)?;
        self.reader.u32(what)
    }

    /// A number that counts something.
    pub(super) fn count(&mut self, what: &'static str) -> Result<usize, D::Told> {
        self.u32(what).map(|count| usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// A structure of one size, aligned to four bytes.
    pub(super) fn fixed<const N: usize>(&mut self, what: &'static str) -> Result<&'a [u8; N], D::Told> {
        self.align(4, what)?;
        self.reader.array_ref(what)
    }

    /// Bytes that are skipped.
    pub(super) fn skip(&mut self, count: usize, what: &'static str) -> Result<(), D::Told> {
        self.reader.place(count, what).map(|_| ())
    }

    pub(super) fn pointer(&mut self, what: &'static str) -> Result<Pointer, D::Told> {
        let referent = self.u32(what)?;
        self.referent(referent, what)
    }

    /// The pointer that a number stands for.
    pub(super) fn referent(&mut self, referent: u32, what: &'static str) -> Result<Pointer, D::Told> {
        if referent == 0 {
            return Ok(Pointer::Null);
        }
        if self.referents.are_new(referent) {
            Ok(Pointer::Present)
        } else {
            Err(self.error(what, PacProblem::RepeatedReferent))
        }
    }

    /// A pointer to an array of `count` elements, which is null only if there are none.
    pub(super) fn array_pointer(&mut self, count: usize, what: &'static str) -> Result<Pointer, D::Told> {
        let pointer = self.pointer(what)?;
        if count > 0 { pointer.required(self, what) } else { Ok(pointer) }
    }

    /// The elements of a conformant array, of `size` bytes each and aligned to `alignment`. The array repeats its count,
    /// which is checked against the structure's and against the bytes that are left before anything is done with it.
    pub(super) fn array(
        &mut self,
        count: usize,
        size: usize,
        alignment: usize,
        what: &'static str,
    ) -> Result<Place, D::Told> {
        self.conformance(count, what)?;
        self.align(alignment, what)?;
        let length = count.checked_mul(size).ok_or_else(|| self.error(what, PacProblem::Truncated))?;
        self.reader.place(length, what)
    }

    /// The count before a conformant array of structures that are read one by one: as [`Self::array`], with at least `size`
    /// bytes each.
    pub(super) fn elements(&mut self, count: usize, size: usize, what: &'static str) -> Result<(), D::Told> {
        self.conformance(count, what)?;
        let fits = count.checked_mul(size).is_some_and(|length| length <= self.reader.left());
        if fits { Ok(()) } else { Err(self.error(what, PacProblem::Truncated)) }
    }

    pub(super) fn unicode_string(&mut self, what: &'static str) -> Result<UnicodeString, D::Told> {
        self.align(4, what)?;
        let fields = self.reader.array(what)?;
        self.string_of(fields, what)
    }

    /// The string that these eight bytes describe.
    pub(super) fn string_of(&mut self, fields: [u8; 8], what: &'static str) -> Result<UnicodeString, D::Told> {
        let [l0, l1, m0, m1, referent @ ..] = fields;
        let (length, maximum) = (u16::from_le_bytes([l0, l1]), u16::from_le_bytes([m0, m1]));
        if length % 2 != 0 || maximum % 2 != 0 || length > maximum {
            return Err(self.error(what, PacProblem::StringLength));
        }
        let pointer = self.referent(u32::from_le_bytes(referent), what)?;
        let pointer = if length > 0 { pointer.required(self, what)? } else { pointer };
        Ok(UnicodeString { length, maximum, pointer })
    }

    /// The characters of a string: a conformant and varying array, which says three lengths of its own.
    pub(super) fn text(&mut self, string: UnicodeString, what: &'static str) -> Result<Place, D::Told> {
        if string.pointer == Pointer::Null {
            return Ok(Place::default());
        }
        self.align(4, what)?;
        if !self.has_lengths(string) {
            self.conformance(usize::from(string.maximum / 2), what)?;
            self.varying(usize::from(string.length / 2), what)?;
        }
        self.characters(string.length.into(), what)
    }

    /// Whether the lengths that come next are those of `string`: all three at once, in a quarter of the instructions. If so,
    /// they are skipped.
    fn has_lengths(&mut self, string: UnicodeString) -> bool {
        let Some(lengths) = self.reader.peek().first_chunk::<12>() else { return false };
        let [maximum, offset, length] = [0, 4, 8].map(|at| u32_at(lengths, at));
        let is_same = maximum == u32::from(string.maximum / 2) && offset == 0 && length == u32::from(string.length / 2);
        is_same && self.skip(lengths.len(), "").is_ok()
    }

    /// A string that ends with a NUL and says its lengths itself (`[string] wchar_t *`); the place is without the NUL.
    pub(super) fn terminated_text(&mut self, what: &'static str) -> Result<Place, D::Told> {
        let maximum = self.count(what)?;
        let offset = self.u32(what)?;
        let count = self.count(what)?;
        if offset != 0 || count > maximum {
            return Err(self.error(what, PacProblem::Conformance));
        }
        let length = count.checked_sub(1).and_then(|count| count.checked_mul(2));
        let length = length.ok_or_else(|| self.error(what, PacProblem::StringLength))?;
        let text = self.characters(length, what)?;
        match self.reader.u16(what)? {
            0 => Ok(text),
            _ => Err(self.error(what, PacProblem::StringLength)),
        }
    }

    /// RPC_SID (MS-DTYP section 2.4.2.3): the place of its packet form. A conformant structure, so that its count comes
    /// first as well. It is measured only: what it says is read when it is asked for.
    pub(super) fn sid(&mut self, what: &'static str) -> Result<Place, D::Told> {
        let count = self.count(what)?;
        let measured = self.reader.peek().first_chunk::<2>().and_then(|head| Sid::length(*head));
        let length = measured.ok_or_else(|| self.error(what, PacProblem::Sid))?;
        if Sid::length_of(count) != Some(length) {
            return Err(self.error(what, PacProblem::Conformance));
        }
        self.reader.place(length, what)
    }

    /// The SID of a domain, to which a RID is joined to name an account: nothing else may stand there, since `S-1-5` and 18
    /// would be SYSTEM.
    pub(super) fn domain_sid(&mut self, what: &'static str) -> Result<Place, D::Told> {
        let place = self.sid(what)?;
        if Sid::is_domain_packet(place.of(self.pac())) { Ok(place) } else { Err(self.error(what, PacProblem::Sid)) }
    }

    /// Where the next byte is, for what is read again later.
    pub(super) const fn at(&self) -> usize {
        self.reader.at()
    }

    pub(super) const fn pac(&self) -> &'a [u8] {
        self.reader.pac()
    }

    /// Skips to a multiple of `alignment`, a power of two.
    pub(super) fn align(&mut self, alignment: usize, what: &'static str) -> Result<(), D::Told> {
        let padding = self.start.wrapping_sub(self.reader.at()) & alignment.wrapping_sub(1);
        self.reader.take(padding, what).map(|_| ())
    }

    fn conformance(&mut self, expected: usize, what: &'static str) -> Result<(), D::Told> {
        if self.count(what)? == expected { Ok(()) } else { Err(self.error(what, PacProblem::Conformance)) }
    }

    /// Offset, which is zero, and count of a varying array.
    fn varying(&mut self, expected: usize, what: &'static str) -> Result<(), D::Told> {
        if self.u32(what)? != 0 {
            return Err(self.error(what, PacProblem::Conformance));
        }
        self.conformance(expected, what)
    }

    fn characters(&mut self, length: usize, what: &'static str) -> Result<Place, D::Told> {
        let at = self.reader.at();
        if WideText::new(self.reader.take(length, what)?).is_some() {
            return Ok(Place::new(at, length));
        }
        Err(D::tell(|| PacMalformed { what, at, problem: PacProblem::Text }))
    }
}

impl Pointer {
    pub(super) const fn is_present(self) -> bool {
        matches!(self, Self::Present)
    }

    /// Refuses a null pointer where there must be something.
    pub(super) fn required<D: Tell<PacMalformed>>(
        self,
        ndr: &NdrReader<'_, D>,
        what: &'static str,
    ) -> Result<Self, D::Told> {
        if self == Self::Null { Err(ndr.error(what, PacProblem::NullPointer)) } else { Ok(self) }
    }
}

/// The numbers that have stood for a pointer.
///
/// Windows and Samba number an array's pointers in rising order; others draw them at random. The first ones are
/// remembered whatever they are; later ones must rise. So memory is bounded and work linear, and no number that comes
/// twice gets by.
#[derive(Clone, Debug, Default)]
struct Referents {
    first: [u32; 32],
    count: usize,
    last: u32,
    highest: u32,
}

impl Referents {
    fn are_new(&mut self, referent: u32) -> bool {
        let rises = referent > core::mem::replace(&mut self.last, referent);
        if referent > self.highest {
            self.highest = referent;
        } else if self.have(referent) {
            return false;
        }
        match self.first.get_mut(self.count) {
            Some(place) => {
                *place = referent;
                self.count = self.count.saturating_add(1);
                true
            }
            None => rises,
        }
    }

    /// Whether it is among the first ones.
    #[cold]
    fn have(&self, referent: u32) -> bool {
        self.first.get(..self.count).unwrap_or_default().contains(&referent)
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    /// Those that are remembered may fall; behind them each must be higher than the one before.
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
