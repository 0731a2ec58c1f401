//! A reader of DER in messages from the network.
//!
//! The reader returns slices of its octets, in the order in which the caller requests them. The reader does not copy
//! octets or allocate memory. The reader accepts the encodings that Kerberos and SPNEGO use: tags of one octet, and
//! definite, minimal lengths of at most four octets. The reader does not recurse: the caller's code determines how many
//! levels are read.

mod fields;
#[cfg(test)]
mod tests;
mod values;

use super::{Fault, Field, Kind, tag};
use core::fmt;
use core::num::NonZeroU32;

/// A reader of one level of DER. The contents of a constructed element are returned as another reader.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    /// Returns the octets that have not been read yet.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Returns the next octet, without reading it.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Makes a fault at this offset.
    #[inline(always)]
    pub(crate) fn error(&self, what: Field, kind: Kind) -> Fault {
        Fault::new(self.rest, what, kind)
    }

    /// Makes a fault at this offset with a number. The number is the expected tag or value, a limit, or the number of octets
    /// that follow.
    #[inline(always)]
    pub(crate) fn error_with(&self, what: Field, kind: Kind, number: usize) -> Fault {
        Fault::with(self.rest, what, kind, number)
    }

    /// Reads the next `count` octets.
    pub(crate) fn take(&mut self, count: usize, what: Field) -> Result<&'a [u8], Fault> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.error(what, Kind::Truncated));
        };
        self.rest = rest;
        Ok(taken)
    }

    /// Reads the next element, which must have the tag `tag`, and returns its contents.
    #[inline(always)]
    pub(crate) fn element(&mut self, tag: u8, what: Field) -> Result<Self, Fault> {
        match self.contents(element_header(self.rest, tag)) {
            Some(contents) => Ok(contents),
            None => Err(self.element_fault(tag, what)),
        }
    }

    /// Skips a header, and reads the contents after the header.
    #[inline(always)]
    fn contents(&mut self, header: Option<Header>) -> Option<Self> {
        let Header { size, length } = header?;
        let (_, after) = self.rest.split_at_checked(usize::try_from(size.get()).ok()?)?;
        let (contents, rest) = after.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some(Self { rest: contents })
    }

    /// Reads with a copy of this reader, and then continues at the position of the copy. A function that is not inlined
    /// writes to the copy, so this reader stays in registers ([`Header`] gives the reason).
    #[inline(always)]
    fn apart<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        let mut copy = *self;
        let outcome = read(&mut copy);
        *self = copy;
        outcome
    }

    /// Returns the reason why an element cannot be read: [`element_header`] found no header, or fewer octets follow the
    /// header than its length announces.
    #[cold]
    #[inline(never)]
    fn element_fault(self, tag: u8, what: Field) -> Fault {
        let after_length = match *self.rest {
            [] => self.rest,
            [found, ..] if found != tag => return self.error_with(what, Kind::UnexpectedTag, tag.into()),
            [_, ref length @ ..] => match *length {
                [] => length,
                [0..=0x7F, ref contents @ ..] => contents,
                [first @ 0x81..=0x84, ref octets @ ..] => match octets.split_at_checked((first & 0x7F).into()) {
                    Some(([0, ..] | [0..=0x7F], _)) => return Fault::new(length, what, Kind::Length),
                    Some((_, contents)) => contents,
                    None => octets,
                },
                [..] => return Fault::new(length, what, Kind::Length),
            },
        };
        Fault::new(after_length, what, Kind::Truncated)
    }

    /// Reads the next element if it has the tag `tag`.
    #[inline(always)]
    pub(crate) fn optional(&mut self, tag: u8, what: Field) -> Result<Option<Self>, Fault> {
        if self.peek() == Some(tag) { self.element(tag, what).map(Some) } else { Ok(None) }
    }

    /// Reads the only element of these octets. No octet may follow the element.
    #[inline(always)]
    pub(crate) fn only(mut self, tag: u8, what: Field) -> Result<Self, Fault> {
        let contents = self.element(tag, what)?;
        self.end(what)?;
        Ok(contents)
    }

    /// Reads the next element, whose tag is `outer`. Returns the contents of the only element in it, whose tag is
    /// `inner`.
    #[inline(always)]
    pub(crate) fn wrapped(&mut self, outer: u8, inner: u8, what: Field) -> Result<Self, Fault> {
        match self.contents(wrapped_header(self.rest, [outer, 2, inner, 0])) {
            Some(contents) => Ok(contents),
            None => self.apart(|reader| reader.wrapped_in_turn(outer, inner, what)),
        }
    }

    /// Reads the two headers of a wrapped element separately.
    #[cold]
    #[inline(never)]
    fn wrapped_in_turn(&mut self, outer: u8, inner: u8, what: Field) -> Result<Self, Fault> {
        let mut wrapper = self.element(outer, what)?;
        let contents = wrapper.element(inner, what)?;
        wrapper.end(what)?;
        Ok(contents)
    }

    /// Reads the only wrapped element of these octets. No octet may follow the element.
    #[inline(always)]
    pub(crate) fn only_wrapped(mut self, outer: u8, inner: u8, what: Field) -> Result<Self, Fault> {
        let contents = self.wrapped(outer, inner, what)?;
        self.end(what)?;
        Ok(contents)
    }

    /// Reads a SEQUENCE or SEQUENCE OF.
    #[inline(always)]
    pub(crate) fn sequence(&mut self, what: Field) -> Result<Self, Fault> {
        self.element(tag::SEQUENCE, what)
    }

    /// Reads every element of a SEQUENCE OF once. A later reading of the elements cannot fail. Returns the number of
    /// elements.
    #[inline(always)]
    pub(crate) fn elements<T>(
        mut self,
        limit: usize,
        what: Field,
        mut read: impl FnMut(&mut Self) -> Result<T, Fault>,
    ) -> Result<usize, Fault> {
        let mut count = 0_usize;
        while !self.is_empty() {
            if count == limit {
                return Err(self.error_with(what, Kind::TooMany, limit));
            }
            read(&mut self)?;
            count = count.wrapping_add(1); // less than `limit`
        }
        Ok(count)
    }

    /// Checks that all octets have been read.
    #[inline(always)]
    pub(crate) fn end(&self, what: Field) -> Result<(), Fault> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(self.error_with(what, Kind::TrailingBytes, left)),
        }
    }
}

/// The header of an element: the octets before the contents.
///
/// A `Header` is one word, and the functions that read headers get octets instead of a reader. So none of these
/// functions writes to a reader through a reference, and the reader stays in registers. If these functions wrote to a
/// reader, their callers would wait for the octets just written, and a request would take 14 to 17 % longer.
#[derive(Clone, Copy)]
struct Header {
    /// The number of octets in the header.
    size: NonZeroU32,
    /// The number of octets in the contents.
    length: u32,
}

const _: () = assert!(size_of::<Option<Header>>() == 8, "a header is one word");

impl Header {
    #[inline(always)]
    fn new(size: u32, length: impl Into<u32>) -> Option<Self> {
        Some(Self { size: NonZeroU32::new(size)?, length: length.into() })
    }
}

/// Reads the header of an element: the identifier octet, and the length in its shortest form (X.690 sections 8.1.3 and
/// 10.1). Returns `None` for any other octets. [`Reader::element_fault`] then finds the reason.
#[inline(never)]
fn element_header(octets: &[u8], tag: u8) -> Option<Header> {
    match *octets {
        [found, length @ ..=0x7F, ..] if found == tag => Header::new(2, length),
        [found, 0x82, a @ 1..=0xFF, b, ..] if found == tag => Header::new(4, u16::from_be_bytes([a, b])),
        [found, 0x81, length @ 0x80..=0xFF, ..] if found == tag => Header::new(3, length),
        [found, 0x83, a @ 1..=0xFF, b, c, ..] if found == tag => Header::new(5, u32::from_be_bytes([0, a, b, c])),
        [found, 0x84, a @ 1..=0xFF, b, c, d, ..] if found == tag => Header::new(6, u32::from_be_bytes([a, b, c, d])),
        _ => None,
    }
}

/// Reads both headers of a wrapped element in one step, if both lengths have the same number of octets. `empty` is what
/// both headers would be if the contents were empty. A token has fifty such pairs of headers. Compared with reading
/// each header, this function and `long_wrapped_header` save 13 % of a request's instructions.
///
/// For example, `[1] INTEGER` with empty contents is `A1 02 02 00`, and with the contents `05` it is `A1 03 02 01
/// 05`: both lengths are greater by 1. If the contents have at most 0x7D octets, the outer length is below 0x80, so
/// the addition does not carry into the next octet.
#[inline(never)]
fn wrapped_header(octets: &[u8], empty: [u8; 4]) -> Option<Header> {
    if let Some(headers @ [.., length @ ..=0x7D]) = octets.first_chunk::<4>() {
        // The length of the contents is added to both lengths, and neither sum exceeds 0x7F. Comparing the headers
        // as one number saves 2 % of a request's instructions.
        let growth = u32::from_le_bytes([0, *length, 0, *length]);
        if u32::from_le_bytes(*headers) == u32::from_le_bytes(empty).wrapping_add(growth) {
            return Header::new(4, *length);
        }
    }
    let [outer, _, inner, _] = empty;
    long_wrapped_header(octets, outer, inner)
}

/// Reads both headers in one step, if both lengths have two octets or both lengths have three octets. The headers around a
/// ticket have such lengths.
#[inline(never)]
fn long_wrapped_header(octets: &[u8], outer: u8, inner: u8) -> Option<Header> {
    match *octets {
        [first, 0x81, longer, second, 0x81, length @ 0x80..=0xFF, ..]
            if first == outer && second == inner && longer.checked_sub(3) == Some(length) =>
        {
            Header::new(6, length)
        }
        [first, 0x82, a, b, second, 0x82, c @ 1..=0xFF, d, ..] if first == outer && second == inner => {
            let (longer, length) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            if longer.checked_sub(4) == Some(length) { Header::new(8, length) } else { None }
        }
        _ => None,
    }
}

/// Shows the number of unread octets, not the octets, because they may be part of a token.
impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader({} octets)", self.rest.len())
    }
}
