//! Reads the little-endian fields of a PAC: numbers, and places whose bytes are looked at when they are asked for.

use crate::error::{PacMalformed, PacProblem};
use crate::wire::der::{Full, Tell};
use core::marker::PhantomData;

/// Some bytes of a PAC, by where they are: what was read outlives the borrow of what it was read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    at: u32,
    length: u32,
}

impl Place {
    /// A PAC ends long before 32 bits do; a place beyond them is past its end, and empty.
    pub(super) fn new(at: usize, length: usize) -> Self {
        let narrow = |number| u32::try_from(number).unwrap_or(u32::MAX);
        Self { at: narrow(at), length: narrow(length) }
    }

    pub(super) fn at(self) -> usize {
        usize::try_from(self.at).unwrap_or(usize::MAX)
    }

    pub(super) fn len(self) -> usize {
        usize::try_from(self.length).unwrap_or(usize::MAX)
    }

    pub(super) fn end(self) -> usize {
        self.at().saturating_add(self.len())
    }

    /// The bytes, of the PAC that the place was read from.
    pub(super) fn of(self, pac: &[u8]) -> &[u8] {
        pac.get(self.at()..self.end()).unwrap_or_default()
    }

    pub(super) fn overlaps(self, other: Self) -> bool {
        self.length > 0 && other.length > 0 && self.at() < other.end() && other.at() < self.end()
    }
}

/// Reads one part of a PAC from its beginning to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a, D = Full> {
    pac: &'a [u8],
    /// Where `rest` begins in it.
    at: usize,
    /// What is left of the part.
    rest: &'a [u8],
    detail: PhantomData<D>,
}

impl<'a, D: Tell<PacMalformed>> Reader<'a, D> {
    pub(super) fn new(pac: &'a [u8], part: Place) -> Self {
        let end = part.end().min(pac.len());
        let at = part.at().min(end);
        Self { pac, at, rest: pac.get(at..end).unwrap_or_default(), detail: PhantomData }
    }

    pub(super) const fn at(&self) -> usize {
        self.at
    }

    pub(super) const fn left(&self) -> usize {
        self.rest.len()
    }

    /// The error that `problem` is, at this place.
    #[cold]
    pub(super) fn error(&self, what: &'static str, problem: PacProblem) -> D::Told {
        D::tell(|| PacMalformed { what, at: self.at, problem })
    }

    /// The place of the next `count` bytes.
    pub(super) fn place(&mut self, count: usize, what: &'static str) -> Result<Place, D::Told> {
        let at = self.at;
        self.take(count, what).map(|_| Place::new(at, count))
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], D::Told> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.error(what, PacProblem::Truncated));
        };
        self.at = self.at.saturating_add(count);
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn u16(&mut self, what: &'static str) -> Result<u16, D::Told> {
        self.array(what).map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32, D::Told> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, what: &'static str) -> Result<u64, D::Told> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// Nothing may be left.
    pub(super) fn finish(&self, what: &'static str) -> Result<(), D::Told> {
        match self.left() {
            0 => Ok(()),
            left => Err(self.error(what, PacProblem::TrailingBytes(left))),
        }
    }

    pub(super) const fn pac(&self) -> &'a [u8] {
        self.pac
    }

    /// The bytes that are left.
    pub(super) const fn peek(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], D::Told> {
        self.array_ref(what).copied()
    }

    pub(super) fn array_ref<const N: usize>(&mut self, what: &'static str) -> Result<&'a [u8; N], D::Told> {
        let Some((array, rest)) = self.rest.split_first_chunk() else {
            return Err(self.error(what, PacProblem::Truncated));
        };
        self.at = self.at.saturating_add(N);
        self.rest = rest;
        Ok(array)
    }
}

/// Bytes at an offset into a structure that is long enough.
pub(super) fn bytes_at<const N: usize>(structure: &[u8], offset: usize) -> [u8; N] {
    structure.get(offset..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
}

/// The number there.
pub(super) fn u32_at(structure: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes_at(structure, offset))
}
