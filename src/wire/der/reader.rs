//! A borrowed reader for messages the internet sends.
//!
//! In: bytes. Out: slices of those bytes, in the order the caller asks for them. Nothing is copied and nothing is
//! allocated. Only what Kerberos and SPNEGO use is read: one-byte tags, definite and minimal lengths of at most four
//! octets. There is no recursion: the depth of a message is the depth of the code that reads it.

mod fields;
#[cfg(test)]
mod tests;
mod values;

use super::{Fault, Field, Kind, tag};

/// Reads one level of DER; the contents of a constructed element are a reader of their own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The bytes not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The error that `problem` is, at this place.
    #[inline(always)]
    pub(crate) fn error(&self, what: Field, kind: Kind) -> Fault {
        Fault::new(self.rest, what, kind)
    }

    /// As [`Self::error`], with what is expected, or how many there are.
    #[inline(always)]
    pub(crate) fn error_with(&self, what: Field, kind: Kind, number: usize) -> Fault {
        Fault::with(self.rest, what, kind, number)
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next `count` bytes, whatever they are.
    pub(crate) fn take(&mut self, count: usize, what: Field) -> Result<&'a [u8], Fault> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.error(what, Kind::Truncated));
        };
        self.rest = rest;
        Ok(taken)
    }

    /// The contents of the element that comes next, which must carry `tag`.
    #[inline(always)]
    pub(crate) fn element(&mut self, tag: u8, what: Field) -> Result<Self, Fault> {
        match self.usual_element(tag) {
            Some(contents) => Ok(contents),
            None => self.any_element(tag, what),
        }
    }

    /// As [`Self::element`], of the usual lengths.
    #[inline(never)]
    fn usual_element(&mut self, tag: u8) -> Option<Self> {
        // Most elements are short: told apart here, they cost a quarter of the instructions.
        if let [found, length @ ..=0x7F, after @ ..] = self.rest {
            if let (true, Some((contents, rest))) = (*found == tag, after.split_at_checked(usize::from(*length))) {
                self.rest = rest;
                return Some(Self { rest: contents });
            }
        }
        self.long_element(tag)
    }

    /// As [`Self::element`], or `None` if another tag, or nothing, comes next.
    #[inline(always)]
    pub(crate) fn optional(&mut self, tag: u8, what: Field) -> Result<Option<Self>, Fault> {
        if self.peek() == Some(tag) { self.element(tag, what).map(Some) } else { Ok(None) }
    }

    /// The one element that these bytes are: nothing may follow it.
    #[inline(always)]
    pub(crate) fn only(mut self, tag: u8, what: Field) -> Result<Self, Fault> {
        let contents = self.element(tag, what)?;
        self.end(what)?;
        Ok(contents)
    }

    /// The contents of the one element, tagged `inner`, that the element tagged `outer` must hold.
    #[inline(always)]
    pub(crate) fn wrapped(&mut self, outer: u8, inner: u8, what: Field) -> Result<Self, Fault> {
        match self.usual_wrapped([outer, 2, inner, 0]) {
            Some(contents) => Ok(contents),
            None => self.any_wrapped(outer, inner, what),
        }
    }

    /// As [`Self::wrapped`], of the usual lengths; `headers` are both headers where the contents are empty.
    #[inline(never)]
    fn usual_wrapped(&mut self, headers: [u8; 4]) -> Option<Self> {
        // Both headers at once, where both lengths have equally many octets: a token has fifty such pairs.
        if let Some((found @ [.., length @ ..=0x7D], after)) = self.rest.split_first_chunk::<4>() {
            let longer = u32::from_le_bytes([0, *length, 0, *length]);
            let fits = u32::from_le_bytes(headers).wrapping_add(longer) == u32::from_le_bytes(*found);
            if let (true, Some((contents, rest))) = (fits, after.split_at_checked(usize::from(*length))) {
                self.rest = rest;
                return Some(Self { rest: contents });
            }
        }
        self.long_wrapped(headers)
    }

    /// As [`Self::usual_wrapped`]. What is wrapped around a ticket has lengths of two octets or three.
    #[inline(never)]
    fn long_wrapped(&mut self, headers: [u8; 4]) -> Option<Self> {
        let [outer, _, inner, _] = headers;
        let (contents, rest) = match *self.rest {
            [first, 0x81, longer, second, 0x81, length @ 0x80..=0xFF, ref after @ ..]
                if first == outer && second == inner && longer.checked_sub(3) == Some(length) =>
            {
                after.split_at_checked(usize::from(length))?
            }
            [first, 0x82, high, low, second, 0x82, higher @ 1..=0xFF, lower, ref after @ ..]
                if first == outer && second == inner =>
            {
                let (longer, length) = (u16::from_be_bytes([high, low]), u16::from_be_bytes([higher, lower]));
                let fits = longer.checked_sub(4) == Some(length);
                after.split_at_checked(usize::from(length)).filter(|_| fits)?
            }
            _ => return None,
        };
        self.rest = rest;
        Some(Self { rest: contents })
    }

    /// As [`Self::wrapped`], where nothing may follow.
    #[inline(always)]
    pub(crate) fn only_wrapped(mut self, outer: u8, inner: u8, what: Field) -> Result<Self, Fault> {
        let contents = self.wrapped(outer, inner, what)?;
        self.end(what)?;
        Ok(contents)
    }

    /// SEQUENCE or SEQUENCE OF.
    #[inline(always)]
    pub(crate) fn sequence(&mut self, what: Field) -> Result<Self, Fault> {
        self.element(tag::SEQUENCE, what)
    }

    /// Reads each element of a SEQUENCE OF once, so that they can be read again without asking, and counts them.
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
            count = count.saturating_add(1);
        }
        Ok(count)
    }

    /// Nothing may be left.
    #[inline(always)]
    pub(crate) fn end(&self, what: Field) -> Result<(), Fault> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(self.error_with(what, Kind::TrailingBytes, left)),
        }
    }

    /// As [`Self::usual_element`]. The lengths of what is wrapped around a ticket have one or two octets of their own.
    #[inline(always)]
    fn long_element(&mut self, tag: u8) -> Option<Self> {
        let (length, after) = match *self.rest {
            [found, 0x82, high @ 1..=0xFF, low, ref after @ ..] if found == tag => {
                (u16::from_be_bytes([high, low]), after)
            }
            [found, 0x81, length @ 0x80..=0xFF, ref after @ ..] if found == tag => (length.into(), after),
            _ => return None,
        };
        let (contents, rest) = after.split_at_checked(usize::from(length))?;
        self.rest = rest;
        Some(Self { rest: contents })
    }

    /// As [`Self::element`], of any length, and what to say of one that is none.
    #[cold]
    #[inline(never)]
    fn any_element(&mut self, tag: u8, what: Field) -> Result<Self, Fault> {
        match self.peek() {
            Some(found) if found == tag => {}
            Some(_) => return Err(self.error_with(what, Kind::UnexpectedTag, tag.into())),
            None => return Err(self.error(what, Kind::Truncated)),
        }
        let mut after_tag = *self;
        after_tag.take(1, what)?;
        let length = after_tag.length(what)?;
        let contents = after_tag.take(length, what)?;
        *self = after_tag;
        Ok(Self { rest: contents })
    }

    /// As [`Self::wrapped`], at any lengths, and what to say where it is not so.
    #[cold]
    #[inline(never)]
    fn any_wrapped(&mut self, outer: u8, inner: u8, what: Field) -> Result<Self, Fault> {
        let mut wrapper = self.element(outer, what)?;
        let contents = wrapper.element(inner, what)?;
        wrapper.end(what)?;
        Ok(contents)
    }

    /// The length octets of X.690 section 8.1.3, minimal as section 10.1 demands.
    fn length(&mut self, what: Field) -> Result<usize, Fault> {
        let start = *self;
        let first = self.byte(what)?;
        if first < 0x80 {
            return Ok(usize::from(first));
        }
        let count = usize::from(first & 0x7F);
        if !(1..=4).contains(&count) {
            return Err(start.error(what, Kind::Length));
        }
        let octets = self.take(count, what)?;
        let length = octets.iter().fold(0_u32, |length, octet| (length << 8) | u32::from(*octet));
        if length < 0x80 || octets.first() == Some(&0) {
            return Err(start.error(what, Kind::Length));
        }
        usize::try_from(length).map_err(|_| start.error(what, Kind::Length))
    }

    fn byte(&mut self, what: Field) -> Result<u8, Fault> {
        match self.take(1, what)? {
            [byte] => Ok(*byte),
            _ => Err(self.error(what, Kind::Truncated)),
        }
    }
}
