//! A borrowed reader for messages the internet sends.
//!
//! In: bytes. Out: slices of those bytes, in the order the caller asks for them. Nothing is copied and nothing is
//! allocated. Only what Kerberos and SPNEGO use is read: one-byte tags, definite and minimal lengths of at most four
//! octets. There is no recursion: the depth of a message is the depth of the code that reads it.

mod fields;
#[cfg(test)]
mod tests;
mod values;

use super::{Detail, Full, Problem, Terse, tag};

/// Reads one level of DER; the contents of a constructed element are a reader of their own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a, D = Full> {
    rest: &'a [u8],
    detail: D,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self::over(bytes)
    }
}

impl<'a> Reader<'a, Terse> {
    pub(crate) const fn terse(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, detail: Terse }
    }
}

impl<'a, D: Detail> Reader<'a, D> {
    /// A reader of all of `bytes`, where errors begin to count.
    #[inline(always)]
    pub(crate) fn over(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, detail: D::of(bytes) }
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
    pub(crate) fn error(&self, what: &'static str, problem: Problem) -> D::Malformed {
        self.detail.malformed(self.rest, what, problem)
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next `count` bytes, whatever they are.
    pub(crate) fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], D::Malformed> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.error(what, Problem::Truncated));
        };
        self.rest = rest;
        Ok(taken)
    }

    /// The contents of the element that comes next, which must carry `tag`.
    #[inline(never)]
    pub(crate) fn element(&mut self, tag: u8, what: &'static str) -> Result<Self, D::Malformed> {
        // Most elements are short: told apart here, they cost a quarter of the instructions.
        if let [found, length @ ..=0x7F, after @ ..] = self.rest {
            if let (true, Some((contents, rest))) = (*found == tag, after.split_at_checked(usize::from(*length))) {
                self.rest = rest;
                return Ok(Self { rest: contents, ..*self });
            }
        }
        self.long_element(tag, what)
    }

    /// As [`Self::element`], or `None` if another tag, or nothing, comes next.
    #[inline(always)]
    pub(crate) fn optional(&mut self, tag: u8, what: &'static str) -> Result<Option<Self>, D::Malformed> {
        if self.peek() == Some(tag) { self.element(tag, what).map(Some) } else { Ok(None) }
    }

    /// The one element that these bytes are: nothing may follow it.
    #[inline(always)]
    pub(crate) fn only(mut self, tag: u8, what: &'static str) -> Result<Self, D::Malformed> {
        let contents = self.element(tag, what)?;
        self.end(what)?;
        Ok(contents)
    }

    /// The contents of the one element, tagged `inner`, that the element tagged `outer` must hold.
    #[inline(always)]
    pub(crate) fn wrapped(&mut self, outer: u8, inner: u8, what: &'static str) -> Result<Self, D::Malformed> {
        self.wrapped_by([outer, 2, inner, 0], what)
    }

    /// As [`Self::wrapped`]; `headers` are both headers where the contents are empty.
    #[inline(never)]
    fn wrapped_by(&mut self, headers: [u8; 4], what: &'static str) -> Result<Self, D::Malformed> {
        // Both headers at once, where both lengths have equally many octets: a token has fifty such pairs.
        if let Some((found @ [.., length @ ..=0x7D], after)) = self.rest.split_first_chunk::<4>() {
            let longer = u32::from_le_bytes([0, *length, 0, *length]);
            let fits = u32::from_le_bytes(headers).wrapping_add(longer) == u32::from_le_bytes(*found);
            if let (true, Some((contents, rest))) = (fits, after.split_at_checked(usize::from(*length))) {
                self.rest = rest;
                return Ok(Self { rest: contents, ..*self });
            }
        }
        self.long_wrapped(headers, what)
    }

    /// As [`Self::wrapped_by`]. What is wrapped around a ticket has lengths of two octets or three.
    #[inline(never)]
    fn long_wrapped(&mut self, headers: [u8; 4], what: &'static str) -> Result<Self, D::Malformed> {
        let [outer, _, inner, _] = headers;
        let contents = match *self.rest {
            [first, 0x81, longer, second, 0x81, length @ 0x80..=0xFF, ref after @ ..]
                if first == outer && second == inner && longer.checked_sub(3) == Some(length) =>
            {
                after.split_at_checked(usize::from(length))
            }
            [first, 0x82, high, low, second, 0x82, higher @ 1..=0xFF, lower, ref after @ ..]
                if first == outer && second == inner =>
            {
                let (longer, length) = (u16::from_be_bytes([high, low]), u16::from_be_bytes([higher, lower]));
                let fits = longer.checked_sub(4) == Some(length);
                after.split_at_checked(usize::from(length)).filter(|_| fits)
            }
            _ => None,
        };
        match contents {
            Some((contents, rest)) => {
                self.rest = rest;
                Ok(Self { rest: contents, ..*self })
            }
            None => self.any_wrapped(outer, inner, what),
        }
    }

    /// As [`Self::wrapped`], where nothing may follow.
    #[inline(always)]
    pub(crate) fn only_wrapped(mut self, outer: u8, inner: u8, what: &'static str) -> Result<Self, D::Malformed> {
        let contents = self.wrapped(outer, inner, what)?;
        self.end(what)?;
        Ok(contents)
    }

    /// SEQUENCE or SEQUENCE OF.
    #[inline(always)]
    pub(crate) fn sequence(&mut self, what: &'static str) -> Result<Self, D::Malformed> {
        self.element(tag::SEQUENCE, what)
    }

    /// Reads each element of a SEQUENCE OF once, so that they can be read again without asking, and counts them.
    pub(crate) fn elements<T>(
        mut self,
        limit: usize,
        what: &'static str,
        mut read: impl FnMut(&mut Self) -> Result<T, D::Malformed>,
    ) -> Result<usize, D::Malformed> {
        let mut count = 0_usize;
        while !self.is_empty() {
            if count == limit {
                return Err(self.error(what, Problem::TooMany(limit)));
            }
            read(&mut self)?;
            count = count.saturating_add(1);
        }
        Ok(count)
    }

    /// Nothing may be left.
    #[inline(always)]
    pub(crate) fn end(&self, what: &'static str) -> Result<(), D::Malformed> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(self.error(what, Problem::TrailingBytes(left))),
        }
    }

    /// As [`Self::element`]. The lengths of what is wrapped around a ticket have one or two octets of their own.
    #[inline(always)]
    fn long_element(&mut self, tag: u8, what: &'static str) -> Result<Self, D::Malformed> {
        let header = match *self.rest {
            [found, 0x82, high @ 1..=0xFF, low, ref after @ ..] if found == tag => {
                Some((u16::from_be_bytes([high, low]), after))
            }
            [found, 0x81, length @ 0x80..=0xFF, ref after @ ..] if found == tag => Some((length.into(), after)),
            _ => None,
        };
        let contents = header.and_then(|(length, after)| after.split_at_checked(usize::from(length)));
        let Some((contents, rest)) = contents else { return self.any_element(tag, what) };
        self.rest = rest;
        Ok(Self { rest: contents, ..*self })
    }

    /// As [`Self::element`], of any length, and what to say of one that is none.
    #[cold]
    fn any_element(&mut self, tag: u8, what: &'static str) -> Result<Self, D::Malformed> {
        match self.peek() {
            Some(found) if found == tag => {}
            Some(found) => return Err(self.error(what, Problem::UnexpectedTag { expected: tag, found })),
            None => return Err(self.error(what, Problem::Truncated)),
        }
        let mut after_tag = *self;
        after_tag.take(1, what)?;
        let length = after_tag.length(what)?;
        let contents = after_tag.take(length, what)?;
        *self = after_tag;
        Ok(Self { rest: contents, ..*self })
    }

    /// As [`Self::wrapped`], at any lengths, and what to say where it is not so.
    #[inline(never)]
    fn any_wrapped(&mut self, outer: u8, inner: u8, what: &'static str) -> Result<Self, D::Malformed> {
        let mut wrapper = self.element(outer, what)?;
        let contents = wrapper.element(inner, what)?;
        wrapper.end(what)?;
        Ok(contents)
    }

    /// The length octets of X.690 section 8.1.3, minimal as section 10.1 demands.
    fn length(&mut self, what: &'static str) -> Result<usize, D::Malformed> {
        let start = *self;
        let first = self.byte(what)?;
        if first < 0x80 {
            return Ok(usize::from(first));
        }
        let count = usize::from(first & 0x7F);
        if !(1..=4).contains(&count) {
            return Err(start.error(what, Problem::Length));
        }
        let octets = self.take(count, what)?;
        let length = octets.iter().fold(0_u32, |length, octet| (length << 8) | u32::from(*octet));
        if length < 0x80 || octets.first() == Some(&0) {
            return Err(start.error(what, Problem::Length));
        }
        usize::try_from(length).map_err(|_| start.error(what, Problem::Length))
    }

    fn byte(&mut self, what: &'static str) -> Result<u8, D::Malformed> {
        match self.take(1, what)? {
            [byte] => Ok(*byte),
            _ => Err(self.error(what, Problem::Truncated)),
        }
    }
}
