//! A borrowed reader for messages the internet sends.
//!
//! In: bytes. Out: slices of those bytes, in the order the caller asks for them. Nothing is copied and nothing is
//! allocated. Only what Kerberos and SPNEGO use is read: one-byte tags, definite and minimal lengths of at most four
//! octets. There is no recursion: the depth of a message is the depth of the code that reads it.

#[cfg(test)]
mod tests;

use super::{Detail, Full, Problem, Terse, context, tag};
use crate::limits::MAX_REALM_LENGTH;
use crate::time::UnixTime;

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
        // A token has over a hundred elements, most of them short: told apart here, they cost 15 instructions each, not 70.
        if let [found, length @ ..=0x7F, after @ ..] = self.rest {
            if let (true, Some((contents, rest))) = (*found == tag, after.split_at_checked(usize::from(*length))) {
                self.rest = rest;
                return Ok(Self { rest: contents, ..*self });
            }
        }
        self.long_element(tag, what)
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

    /// Nothing may be left.
    #[inline(always)]
    pub(crate) fn end(&self, what: &'static str) -> Result<(), D::Malformed> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(self.error(what, Problem::TrailingBytes(left))),
        }
    }

    /// The field `[number]`, explicitly tagged, read by `read`.
    #[inline(always)]
    pub(crate) fn field<T>(
        &mut self,
        number: u8,
        what: &'static str,
        read: impl FnOnce(&mut Self, &'static str) -> Result<T, D::Malformed>,
    ) -> Result<T, D::Malformed> {
        let mut contents = self.element(context(number), what)?;
        let value = read(&mut contents, what)?;
        contents.end(what)?;
        Ok(value)
    }

    /// The contents of the one element, tagged `inner`, that the element tagged `outer` must hold.
    #[inline(never)]
    pub(crate) fn wrapped(&mut self, outer: u8, inner: u8, what: &'static str) -> Result<Self, D::Malformed> {
        // Both headers at once, where both lengths have equally many octets: a token has fifty such pairs.
        let contents = match *self.rest {
            [first, longer @ ..=0x7F, second, length @ ..=0x7F, ref after @ ..]
                if first == outer && second == inner && longer.checked_sub(2) == Some(length) =>
            {
                after.split_at_checked(usize::from(length))
            }
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

    #[inline(never)]
    fn any_wrapped(&mut self, outer: u8, inner: u8, what: &'static str) -> Result<Self, D::Malformed> {
        let mut wrapper = self.element(outer, what)?;
        let contents = wrapper.element(inner, what)?;
        wrapper.end(what)?;
        Ok(contents)
    }

    /// As [`Self::wrapped`], where nothing may follow.
    #[inline(always)]
    pub(crate) fn only_wrapped(mut self, outer: u8, inner: u8, what: &'static str) -> Result<Self, D::Malformed> {
        let contents = self.wrapped(outer, inner, what)?;
        self.end(what)?;
        Ok(contents)
    }

    /// The field `[number]`, a SEQUENCE or SEQUENCE OF, whose contents `read` reads.
    #[inline(always)]
    pub(crate) fn structure<T>(
        &mut self,
        number: u8,
        what: &'static str,
        read: impl FnOnce(Self, &'static str) -> Result<T, D::Malformed>,
    ) -> Result<T, D::Malformed> {
        read(self.wrapped(context(number), tag::SEQUENCE, what)?, what)
    }

    /// As [`Self::structure`], for an OPTIONAL one.
    #[inline(always)]
    pub(crate) fn optional_structure<T>(
        &mut self,
        number: u8,
        what: &'static str,
        read: impl FnOnce(Self, &'static str) -> Result<T, D::Malformed>,
    ) -> Result<Option<T>, D::Malformed> {
        if self.peek() == Some(context(number)) { self.structure(number, what, read).map(Some) } else { Ok(None) }
    }

    /// The field `[number]`, an OCTET STRING.
    #[inline(always)]
    pub(crate) fn octets_field(&mut self, number: u8, what: &'static str) -> Result<&'a [u8], D::Malformed> {
        Ok(self.wrapped(context(number), tag::OCTET_STRING, what)?.rest)
    }

    /// The field `[number]`, an OCTET STRING that is OPTIONAL: a reader of it, which goes on counting bytes from the token's
    /// start.
    #[inline(always)]
    pub(crate) fn optional_octets(&mut self, number: u8, what: &'static str) -> Result<Option<Self>, D::Malformed> {
        let tag = context(number);
        if self.peek() == Some(tag) { self.wrapped(tag, tag::OCTET_STRING, what).map(Some) } else { Ok(None) }
    }

    /// The field `[number]`, a Realm: the bytes of a KerberosString that is as long as a domain name may be, or shorter.
    #[inline(always)]
    pub(crate) fn realm_field(&mut self, number: u8, what: &'static str) -> Result<&'a [u8], D::Malformed> {
        let realm = self.wrapped(context(number), tag::GENERAL_STRING, what)?;
        realm.check_text(what)?;
        if realm.rest.len() <= MAX_REALM_LENGTH {
            Ok(realm.rest)
        } else {
            Err(realm.error(what, Problem::TooLong(MAX_REALM_LENGTH)))
        }
    }

    /// As [`Self::realm_field`], as text.
    pub(crate) fn realm_text_field(&mut self, number: u8, what: &'static str) -> Result<&'a str, D::Malformed> {
        let start = *self;
        core::str::from_utf8(self.realm_field(number, what)?).map_err(|_| start.error(what, Problem::Text))
    }

    /// The field `[number]`, an Int32. Nearly all have one octet: seen as a whole, such a field takes a tenth of the
    /// instructions, and a token has twenty.
    #[inline(always)]
    pub(crate) fn int32_field(&mut self, number: u8, what: &'static str) -> Result<i32, D::Malformed> {
        match self.small_field(number) {
            Some((value, rest)) => {
                self.rest = rest;
                Ok(value.into())
            }
            None => self.any_int32_field(number, what),
        }
    }

    #[inline(never)]
    fn any_int32_field(&mut self, number: u8, what: &'static str) -> Result<i32, D::Malformed> {
        self.field(number, what, Self::int32)
    }

    /// The field `[number]`, as [`Self::uint32_or_negative`] reads it, if it is there.
    #[inline(always)]
    pub(crate) fn optional_uint32_field(
        &mut self,
        number: u8,
        what: &'static str,
    ) -> Result<Option<u32>, D::Malformed> {
        match self.small_field(number) {
            Some((value, rest)) => {
                self.rest = rest;
                Ok(Some(u32::from_be_bytes(i32::from(value).to_be_bytes())))
            }
            None => self.optional_field(number, what, Self::uint32_or_negative),
        }
    }

    /// The field `[number]`, KerberosFlags.
    #[inline(always)]
    pub(crate) fn flags_field(&mut self, number: u8, what: &'static str) -> Result<u32, D::Malformed> {
        // As everybody writes them: 32 bits, all of them used.
        match *self.rest {
            [tag, 7, tag::BIT_STRING, 5, 0, a, b, c, d, ref rest @ ..] if tag == context(number) => {
                self.rest = rest;
                Ok(u32::from_be_bytes([a, b, c, d]))
            }
            _ => self.field(number, what, Self::flags),
        }
    }

    /// The field `[number]`, an INTEGER that has just one lawful value.
    #[inline(always)]
    pub(crate) fn constant_field(&mut self, number: u8, expected: i8, what: &'static str) -> Result<(), D::Malformed> {
        match self.small_field(number) {
            Some((value, rest)) if value == expected => {
                self.rest = rest;
                Ok(())
            }
            _ => self.any_constant_field(number, expected, what),
        }
    }

    #[cold]
    fn any_constant_field(&mut self, number: u8, expected: i8, what: &'static str) -> Result<(), D::Malformed> {
        self.field(number, what, |contents, what| contents.constant(expected.into(), what))
    }

    /// The INTEGER of one octet that the field `[number]` is, and what follows it.
    #[inline(always)]
    fn small_field(&self, number: u8) -> Option<(i8, &'a [u8])> {
        match self.rest {
            [tag, 3, tag::INTEGER, 1, octet, rest @ ..] if *tag == context(number) => {
                Some((i8::from_be_bytes([*octet]), rest))
            }
            _ => None,
        }
    }

    /// The field `[number]`, a KerberosTime.
    #[inline(always)]
    pub(crate) fn time_field(&mut self, number: u8, what: &'static str) -> Result<UnixTime, D::Malformed> {
        if let Some((&[tag, 17, tag::GENERALIZED_TIME, 15], after)) = self.rest.split_first_chunk() {
            if let (true, Some((text, rest))) = (tag == context(number), after.split_first_chunk()) {
                if let Some(time) = UnixTime::from_kerberos_time(text) {
                    self.rest = rest;
                    return Ok(time);
                }
            }
        }
        self.any_time_field(number, what)
    }

    #[cold]
    fn any_time_field(&mut self, number: u8, what: &'static str) -> Result<UnixTime, D::Malformed> {
        self.field(number, what, Self::time)
    }

    /// As [`Self::time_field`], for an OPTIONAL one.
    #[inline(always)]
    pub(crate) fn optional_time_field(
        &mut self,
        number: u8,
        what: &'static str,
    ) -> Result<Option<UnixTime>, D::Malformed> {
        if self.peek() == Some(context(number)) { self.time_field(number, what).map(Some) } else { Ok(None) }
    }

    /// As [`Self::field`], for an OPTIONAL one.
    #[inline(always)]
    pub(crate) fn optional_field<T>(
        &mut self,
        number: u8,
        what: &'static str,
        read: impl FnOnce(&mut Self, &'static str) -> Result<T, D::Malformed>,
    ) -> Result<Option<T>, D::Malformed> {
        if self.peek() == Some(context(number)) { self.field(number, what, read).map(Some) } else { Ok(None) }
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

    /// INTEGER within 64 bits. Numbers are read wide and checked by their field's range: a cast would let 2³² + 18
    /// pass for 18.
    #[inline]
    pub(crate) fn integer(&mut self, what: &'static str) -> Result<i64, D::Malformed> {
        let contents = self.element(tag::INTEGER, what)?;
        let bytes = contents.rest;
        let padded = matches!(bytes, [0x00, second, ..] if second & 0x80 == 0)
            || matches!(bytes, [0xFF, second, ..] if second & 0x80 != 0);
        if bytes.is_empty() || bytes.len() > size_of::<i64>() || padded {
            return Err(contents.error(what, Problem::Number));
        }
        let sign = if bytes.first().is_some_and(|first| first & 0x80 != 0) { -1 } else { 0 };
        Ok(bytes.iter().fold(sign, |value, byte| (value << 8) | i64::from(*byte)))
    }

    /// Int32 (RFC 4120 section 5.2.4).
    #[inline]
    pub(crate) fn int32(&mut self, what: &'static str) -> Result<i32, D::Malformed> {
        let start = *self;
        i32::try_from(self.integer(what)?).map_err(|_| start.error(what, Problem::Number))
    }

    /// UInt32, or the negative Int32 with the same 32 bits: read-only domain controllers send such kvnos and old
    /// clients such sequence numbers.
    #[inline]
    pub(crate) fn uint32_or_negative(&mut self, what: &'static str) -> Result<u32, D::Malformed> {
        let start = *self;
        let value = self.integer(what)?;
        u32::try_from(value)
            .or_else(|_| i32::try_from(value).map(|negative| u32::from_be_bytes(negative.to_be_bytes())))
            .map_err(|_| start.error(what, Problem::Number))
    }

    /// Microseconds (RFC 4120 section 5.2.4): 0 to 999,999.
    #[inline]
    pub(crate) fn microseconds(&mut self, what: &'static str) -> Result<u32, D::Malformed> {
        let start = *self;
        match u32::try_from(self.integer(what)?) {
            Ok(micros) if micros < 1_000_000 => Ok(micros),
            _ => Err(start.error(what, Problem::Number)),
        }
    }

    /// An INTEGER that has just one lawful value, as a version number or a message type.
    #[inline]
    pub(crate) fn constant(&mut self, expected: i64, what: &'static str) -> Result<(), D::Malformed> {
        let start = *self;
        match self.integer(what)? {
            value if value == expected => Ok(()),
            found => Err(start.error(what, Problem::Value { expected, found })),
        }
    }

    /// KerberosFlags: the first 32 bits, bit 0 of the RFC in the top bit. Shorter and longer strings are lawful
    /// (RFC 4120 section 5.2.8); an empty one carries no flag that could have been meant.
    #[inline]
    pub(crate) fn flags(&mut self, what: &'static str) -> Result<u32, D::Malformed> {
        let contents = self.element(tag::BIT_STRING, what)?;
        let (unused, bits) = match contents.rest {
            [unused @ 0..=7, bits @ ..] if (1..=8).contains(&bits.len()) => (*unused, bits),
            _ => return Err(contents.error(what, Problem::BitString)),
        };
        let first = bits.iter().chain(&[0; 4]).take(4).fold(0_u32, |flags, byte| (flags << 8) | u32::from(*byte));
        // Unused bits lie at the end of the last octet; in a string of over 32 bits, beyond what is kept.
        let kept_unused = if bits.len() <= 4 { u32::from(unused) } else { 0 };
        let last_bit = 32_u32.saturating_sub(u32::try_from(bits.len()).unwrap_or(4).min(4).saturating_mul(8));
        let padding = !(u32::MAX << kept_unused) << last_bit;
        Ok(first & !padding)
    }

    /// KerberosString: declared as GeneralString, in practice UTF-8. A NUL would end the name early for any C reader of
    /// a log or a database, and is refused.
    pub(crate) fn text(&mut self, what: &'static str) -> Result<&'a str, D::Malformed> {
        let contents = self.element(tag::GENERAL_STRING, what)?;
        contents.check_text(what)?;
        core::str::from_utf8(contents.rest).map_err(|_| contents.error(what, Problem::Text))
    }

    /// The bytes of what [`Self::text`] would take.
    #[inline]
    pub(crate) fn text_bytes(&mut self, what: &'static str) -> Result<&'a [u8], D::Malformed> {
        let contents = self.element(tag::GENERAL_STRING, what)?;
        contents.check_text(what)?;
        Ok(contents.rest)
    }

    #[inline(always)]
    fn check_text(&self, what: &'static str) -> Result<(), D::Malformed> {
        if is_plain(self.rest) || is_text(self.rest) { Ok(()) } else { Err(self.error(what, Problem::Text)) }
    }

    /// KerberosTime.
    pub(crate) fn time(&mut self, what: &'static str) -> Result<UnixTime, D::Malformed> {
        let contents = self.element(tag::GENERALIZED_TIME, what)?;
        UnixTime::from_generalized(contents.rest).ok_or_else(|| contents.error(what, Problem::Time))
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

/// Whether all is ASCII without NUL, as most names are: told eight octets at a time, the last eight once more where they are
/// not whole, in a fifth of the instructions that decoding UTF-8 takes. An octet of 1 to 127 has no top bit, and neither has
/// it less one.
#[inline(never)]
fn is_plain(text: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let marks_of = |word: u64| word | word.wrapping_sub(ONES);
    let marks = match text.last_chunk() {
        Some(last) => text.chunks_exact(8).fold(marks_of(u64::from_ne_bytes(*last)), |marks, word| {
            marks | word.first_chunk().map_or(0, |word| marks_of(u64::from_ne_bytes(*word)))
        }),
        // An octet over 127 shifts ones of its own in, and a NUL a hundred of them.
        None => marks_of(text.iter().fold(ONES, |word, octet| word << 8 | u64::from(*octet))),
    };
    marks & (ONES << 7) == 0
}

/// Whether it is UTF-8 without NUL.
#[cold]
fn is_text(text: &[u8]) -> bool {
    core::str::from_utf8(text).is_ok() && !text.contains(&0)
}
