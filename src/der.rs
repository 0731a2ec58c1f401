//! A borrowed DER reader (X.690) for messages the internet sends, and the writer of our answers.
//!
//! In: bytes. Out: slices of those bytes, in the order the caller asks for them. Nothing is copied and nothing is
//! allocated. Only what Kerberos and SPNEGO use is read: one-byte tags, definite and minimal lengths of at most four
//! octets. There is no recursion: the depth of a message is the depth of the code that reads it.

mod writer;

pub(crate) use writer::Writer;

use crate::limits::MAX_REALM_LENGTH;
use crate::time::UnixTime;
use thiserror::Error;

/// Bytes that are not what the protocol says must stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{what} at byte {at}: {problem}")]
pub struct Malformed {
    /// The field, by its name in the specification (`AP-REQ.ticket`).
    pub what: &'static str,
    /// Where the reader stood: an offset from the start of the token, or of the decrypted part that `what` names.
    pub at: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The bytes end before the field does.
    #[error("the bytes end too early")]
    Truncated,
    /// Another field stands here, or the same field a second time.
    #[error("expected tag 0x{expected:02X}, found 0x{found:02X}")]
    UnexpectedTag {
        /// The identifier octet the specification puts here.
        expected: u8,
        /// The identifier octet that is here.
        found: u8,
    },
    /// Indefinite form, a reserved first octet, more than four length octets, or more octets than needed.
    #[error("the length is not in the short, definite form that DER demands")]
    Length,
    /// More bytes follow where the structure must end.
    #[error("{0} bytes too many")]
    TrailingBytes(usize),
    /// A number that is empty, padded, or outside the range of its field.
    #[error("a number out of its range")]
    Number,
    /// A BIT STRING that is empty, longer than 64 bits, or says more unused bits than it has.
    #[error("a malformed bit string")]
    BitString,
    /// A string that is not UTF-8 or holds a NUL.
    #[error("text that is not UTF-8 or holds a NUL")]
    Text,
    /// A time that is not `YYYYMMDDhhmmssZ` or not a date of the calendar.
    #[error("not a KerberosTime (YYYYMMDDhhmmssZ)")]
    Time,
    /// More text than any real name has.
    #[error("longer than {0} bytes")]
    TooLong(usize),
    /// More elements, or deeper nesting, than any real peer sends.
    #[error("more than {0} elements")]
    TooMany(usize),
    /// A value that the protocol fixes has another value.
    #[error("expected the value {expected}, found {found}")]
    Value {
        /// What the specification fixes.
        expected: i64,
        /// What stands there.
        found: i64,
    },
    /// A field whose bytes do not have the one length they may have.
    #[error("{found} bytes where {expected} belong")]
    Size {
        /// The length the field must have.
        expected: usize,
        /// The length it has.
        found: usize,
    },
    /// A field that must not be empty is.
    #[error("empty")]
    Empty,
    /// A message that is lawful somewhere else in the exchange.
    #[error("a message that does not belong here")]
    OutOfPlace,
    /// Bytes that belong to none of the forms that may stand here.
    #[error("none of the forms that may stand here")]
    Unrecognised,
}

/// Reads one level of DER; the contents of a constructed element are a reader of their own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// Where `rest` ends, counted from the token's start: it stays while `rest` gets shorter.
    end: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, end: bytes.len() }
    }

    /// The bytes not read yet.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The error that `problem` is, at this place.
    #[cold]
    pub(crate) const fn error(&self, what: &'static str, problem: Problem) -> Malformed {
        Malformed { what, at: self.end.saturating_sub(self.rest.len()), problem }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next `count` bytes, whatever they are.
    pub(crate) fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], Malformed> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.error(what, Problem::Truncated));
        };
        self.rest = rest;
        Ok(taken)
    }

    /// The contents of the element that comes next, which must carry `tag`.
    #[inline(always)]
    pub(crate) fn element(&mut self, tag: u8, what: &'static str) -> Result<Self, Malformed> {
        // A token has over a hundred elements, most of them short: told apart here, they cost 15 instructions each, not 70.
        if let [found, length @ ..=0x7F, after @ ..] = self.rest {
            if let (true, Some((contents, rest))) = (*found == tag, after.split_at_checked(usize::from(*length))) {
                self.rest = rest;
                return Ok(Self { rest: contents, end: self.end.saturating_sub(rest.len()) });
            }
        }
        self.long_element(tag, what)
    }

    /// As [`Self::element`]. The lengths of what is wrapped around a ticket have one or two octets of their own.
    #[inline(never)]
    fn long_element(&mut self, tag: u8, what: &'static str) -> Result<Self, Malformed> {
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
        Ok(Self { rest: contents, end: self.end.saturating_sub(rest.len()) })
    }

    /// As [`Self::element`], of any length, and what to say of one that is none.
    #[cold]
    fn any_element(&mut self, tag: u8, what: &'static str) -> Result<Self, Malformed> {
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
        Ok(Self { rest: contents, end: self.end.saturating_sub(self.rest.len()) })
    }

    /// As [`Self::element`], or `None` if another tag, or nothing, comes next.
    #[inline(always)]
    pub(crate) fn optional(&mut self, tag: u8, what: &'static str) -> Result<Option<Self>, Malformed> {
        if self.peek() == Some(tag) { self.element(tag, what).map(Some) } else { Ok(None) }
    }

    /// The one element that these bytes are: nothing may follow it.
    #[inline(always)]
    pub(crate) fn only(mut self, tag: u8, what: &'static str) -> Result<Self, Malformed> {
        let contents = self.element(tag, what)?;
        self.end(what)?;
        Ok(contents)
    }

    /// Nothing may be left.
    #[inline(always)]
    pub(crate) fn end(&self, what: &'static str) -> Result<(), Malformed> {
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
        read: impl FnOnce(&mut Self, &'static str) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        let mut contents = self.element(context(number), what)?;
        let value = read(&mut contents, what)?;
        contents.end(what)?;
        Ok(value)
    }

    /// The field `[number]`, an Int32. Nearly all have one octet: seen as a whole, such a field takes a tenth of the
    /// instructions, and a token has twenty.
    #[inline(always)]
    pub(crate) fn int32_field(&mut self, number: u8, what: &'static str) -> Result<i32, Malformed> {
        match self.small_field(number) {
            Some((value, rest)) => {
                self.rest = rest;
                Ok(value.into())
            }
            None => self.any_int32_field(number, what),
        }
    }

    #[inline(never)]
    fn any_int32_field(&mut self, number: u8, what: &'static str) -> Result<i32, Malformed> {
        self.field(number, what, Self::int32)
    }

    /// The field `[number]`, an INTEGER that has just one lawful value.
    #[inline(always)]
    pub(crate) fn constant_field(&mut self, number: u8, expected: i8, what: &'static str) -> Result<(), Malformed> {
        match self.small_field(number) {
            Some((value, rest)) if value == expected => {
                self.rest = rest;
                Ok(())
            }
            _ => self.any_constant_field(number, expected, what),
        }
    }

    #[cold]
    fn any_constant_field(&mut self, number: u8, expected: i8, what: &'static str) -> Result<(), Malformed> {
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
    pub(crate) fn time_field(&mut self, number: u8, what: &'static str) -> Result<UnixTime, Malformed> {
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
    fn any_time_field(&mut self, number: u8, what: &'static str) -> Result<UnixTime, Malformed> {
        self.field(number, what, Self::time)
    }

    /// As [`Self::time_field`], for an OPTIONAL one.
    #[inline(always)]
    pub(crate) fn optional_time_field(
        &mut self,
        number: u8,
        what: &'static str,
    ) -> Result<Option<UnixTime>, Malformed> {
        if self.peek() == Some(context(number)) { self.time_field(number, what).map(Some) } else { Ok(None) }
    }

    /// As [`Self::field`], for an OPTIONAL one.
    #[inline(always)]
    pub(crate) fn optional_field<T>(
        &mut self,
        number: u8,
        what: &'static str,
        read: impl FnOnce(&mut Self, &'static str) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        if self.peek() == Some(context(number)) { self.field(number, what, read).map(Some) } else { Ok(None) }
    }

    /// SEQUENCE or SEQUENCE OF.
    #[inline(always)]
    pub(crate) fn sequence(&mut self, what: &'static str) -> Result<Self, Malformed> {
        self.element(tag::SEQUENCE, what)
    }

    /// Reads each element of a SEQUENCE OF once, so that they can be read again without asking, and counts them.
    pub(crate) fn elements<T>(
        mut self,
        limit: usize,
        what: &'static str,
        mut read: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<usize, Malformed> {
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

    /// OCTET STRING.
    #[inline(always)]
    pub(crate) fn octets(&mut self, what: &'static str) -> Result<&'a [u8], Malformed> {
        Ok(self.element(tag::OCTET_STRING, what)?.rest)
    }

    /// OCTET STRING that holds another message: a reader of it, which goes on counting bytes from the token's start.
    #[inline(always)]
    pub(crate) fn octet_reader(&mut self, what: &'static str) -> Result<Self, Malformed> {
        self.element(tag::OCTET_STRING, what)
    }

    /// INTEGER within 64 bits. Numbers are read wide and checked by their field's range: a cast would let 2³² + 18
    /// pass for 18.
    #[inline]
    pub(crate) fn integer(&mut self, what: &'static str) -> Result<i64, Malformed> {
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
    pub(crate) fn int32(&mut self, what: &'static str) -> Result<i32, Malformed> {
        let start = *self;
        i32::try_from(self.integer(what)?).map_err(|_| start.error(what, Problem::Number))
    }

    /// UInt32, or the negative Int32 with the same 32 bits: read-only domain controllers send such kvnos and old
    /// clients such sequence numbers.
    #[inline]
    pub(crate) fn uint32_or_negative(&mut self, what: &'static str) -> Result<u32, Malformed> {
        let start = *self;
        let value = self.integer(what)?;
        u32::try_from(value)
            .or_else(|_| i32::try_from(value).map(|negative| u32::from_be_bytes(negative.to_be_bytes())))
            .map_err(|_| start.error(what, Problem::Number))
    }

    /// Microseconds (RFC 4120 section 5.2.4): 0 to 999,999.
    #[inline]
    pub(crate) fn microseconds(&mut self, what: &'static str) -> Result<u32, Malformed> {
        let start = *self;
        match u32::try_from(self.integer(what)?) {
            Ok(micros) if micros < 1_000_000 => Ok(micros),
            _ => Err(start.error(what, Problem::Number)),
        }
    }

    /// An INTEGER that has just one lawful value, as a version number or a message type.
    #[inline]
    pub(crate) fn constant(&mut self, expected: i64, what: &'static str) -> Result<(), Malformed> {
        let start = *self;
        match self.integer(what)? {
            value if value == expected => Ok(()),
            found => Err(start.error(what, Problem::Value { expected, found })),
        }
    }

    /// KerberosFlags: the first 32 bits, bit 0 of the RFC in the top bit. Shorter and longer strings are lawful
    /// (RFC 4120 section 5.2.8); an empty one carries no flag that could have been meant.
    #[inline]
    pub(crate) fn flags(&mut self, what: &'static str) -> Result<u32, Malformed> {
        // As everybody writes them: 32 bits, all of them used.
        if let [tag::BIT_STRING, 5, 0, a, b, c, d, ref rest @ ..] = *self.rest {
            self.rest = rest;
            return Ok(u32::from_be_bytes([a, b, c, d]));
        }
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
    pub(crate) fn text(&mut self, what: &'static str) -> Result<&'a str, Malformed> {
        let contents = self.element(tag::GENERAL_STRING, what)?;
        match core::str::from_utf8(contents.rest) {
            Ok(text) if !text.as_bytes().contains(&0) => Ok(text),
            _ => Err(contents.error(what, Problem::Text)),
        }
    }

    /// The bytes of what [`Self::text`] would take.
    #[inline]
    pub(crate) fn text_bytes(&mut self, what: &'static str) -> Result<&'a [u8], Malformed> {
        let contents = self.element(tag::GENERAL_STRING, what)?;
        if is_plain(contents.rest) || is_text(contents.rest) {
            Ok(contents.rest)
        } else {
            Err(contents.error(what, Problem::Text))
        }
    }

    /// Realm: a KerberosString that is as long as a domain name may be, or shorter.
    pub(crate) fn realm(&mut self, what: &'static str) -> Result<&'a str, Malformed> {
        let start = *self;
        match self.text(what)? {
            realm if realm.len() <= MAX_REALM_LENGTH => Ok(realm),
            _ => Err(start.error(what, Problem::TooLong(MAX_REALM_LENGTH))),
        }
    }

    /// The bytes of what [`Self::realm`] would take.
    #[inline]
    pub(crate) fn realm_bytes(&mut self, what: &'static str) -> Result<&'a [u8], Malformed> {
        let start = *self;
        match self.text_bytes(what)? {
            realm if realm.len() <= MAX_REALM_LENGTH => Ok(realm),
            _ => Err(start.error(what, Problem::TooLong(MAX_REALM_LENGTH))),
        }
    }

    /// KerberosTime.
    pub(crate) fn time(&mut self, what: &'static str) -> Result<UnixTime, Malformed> {
        let contents = self.element(tag::GENERALIZED_TIME, what)?;
        UnixTime::from_generalized(contents.rest).ok_or_else(|| contents.error(what, Problem::Time))
    }

    /// The length octets of X.690 section 8.1.3, minimal as section 10.1 demands.
    fn length(&mut self, what: &'static str) -> Result<usize, Malformed> {
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

    fn byte(&mut self, what: &'static str) -> Result<u8, Malformed> {
        match self.take(1, what)? {
            [byte] => Ok(*byte),
            _ => Err(self.error(what, Problem::Truncated)),
        }
    }
}

/// Whether all is ASCII without NUL, as most names are: told eight octets at a time, in a fifth of the instructions that
/// decoding UTF-8 takes. An octet of 1 to 127 has no top bit, and neither has it less one.
#[inline(never)]
fn is_plain(text: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let (words, rest) = text.split_at(text.len() & !7);
    let marks = words.chunks_exact(8).fold(0, |marks, word| {
        let word = word.first_chunk().map_or(0, |word| u64::from_ne_bytes(*word));
        marks | word | word.wrapping_sub(ONES)
    });
    let marks_of_rest = rest.iter().fold(0, |marks, octet| marks | octet | octet.wrapping_sub(1));
    marks & (ONES << 7) == 0 && marks_of_rest & 0x80 == 0
}

/// Whether it is UTF-8 without NUL.
#[cold]
fn is_text(text: &[u8]) -> bool {
    core::str::from_utf8(text).is_ok() && !text.contains(&0)
}

/// Identifier octet of the constructed, context-specific tag `[number]`.
pub(crate) const fn context(number: u8) -> u8 {
    0xA0 | number
}

/// Identifier octet of the constructed tag `[APPLICATION number]`.
pub(crate) const fn application(number: u8) -> u8 {
    0x60 | number
}

/// Universal identifier octets.
pub(crate) mod tag {
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const ENUMERATED: u8 = 0x0A;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const GENERAL_STRING: u8 = 0x1B;
    pub(crate) const SEQUENCE: u8 = 0x30;
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn problem<T: core::fmt::Debug>(result: Result<T, Malformed>) -> Problem {
        result.unwrap_err().problem
    }

    #[test]
    fn lengths_are_definite_and_minimal() {
        for refused in [
            &[0x04, 0x80, 0x00, 0x00][..],            // indefinite
            &[0x04, 0x81, 0x01, 0xAA],                // long form for a short length
            &[0x04, 0x82, 0x00, 0x80],                // leading zero
            &[0x04, 0x85, 0x00, 0x00, 0x00, 0x00, 1], // five octets
            &[0x04, 0x88, 0, 0, 0, 1, 0, 0, 0, 0],    // 2^32 in eight octets
            &[0x04, 0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0], // 2^64
            &[0x04, 0xFF],                            // reserved
        ] {
            assert_eq!(problem(Reader::new(refused).octets("x")), Problem::Length, "{refused:02X?}");
        }
        for truncated in [&[0x04][..], &[0x04, 0x01], &[0x04, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0x00], &[0x04, 0x82, 0x01]]
        {
            assert_eq!(problem(Reader::new(truncated).octets("x")), Problem::Truncated, "{truncated:02X?}");
        }
    }

    #[test]
    fn integers_are_read_wide_and_minimal() {
        for (bytes, value) in [
            (&[0x02, 0x01, 0x00][..], 0),
            (&[0x02, 0x02, 0x00, 0x80], 128),
            (&[0x02, 0x01, 0x80], -128),
            (&[0x02, 0x05, 0x01, 0x00, 0x00, 0x00, 0x12], 0x1_0000_0012),
            (&[0x02, 0x08, 0x80, 0, 0, 0, 0, 0, 0, 0], i64::MIN),
        ] {
            assert_eq!(Reader::new(bytes).integer("x").unwrap(), value);
        }
        for refused in [
            &[0x02, 0x00][..],
            &[0x02, 0x02, 0x00, 0x7F],
            &[0x02, 0x02, 0xFF, 0x80],
            &[0x02, 0x09, 0x01, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(problem(Reader::new(refused).integer("x")), Problem::Number, "{refused:02X?}");
        }
        assert_eq!(problem(Reader::new(&[0x02, 0x05, 1, 0, 0, 0, 0x12]).int32("x")), Problem::Number);
    }

    #[test]
    fn key_versions_may_be_negative_on_the_wire() {
        for (bytes, value) in [
            (&[0x02, 0x05, 0x00, 0xFF, 0xFF, 0xFF, 0xFF][..], u32::MAX),
            (&[0x02, 0x01, 0xFF], u32::MAX),
            (&[0x02, 0x04, 0x80, 0x00, 0x00, 0x00], 0x8000_0000),
        ] {
            assert_eq!(Reader::new(bytes).uint32_or_negative("x").unwrap(), value);
        }
        for refused in [&[0x02, 0x05, 0x01, 0, 0, 0, 0][..], &[0x02, 0x05, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF]] {
            assert_eq!(problem(Reader::new(refused).uint32_or_negative("x")), Problem::Number);
        }
    }

    #[test]
    fn microseconds_stay_below_a_million() {
        assert_eq!(Reader::new(&[0x02, 0x03, 0x0F, 0x42, 0x3F]).microseconds("x").unwrap(), 999_999);
        for refused in [&[0x02, 0x03, 0x0F, 0x42, 0x40][..], &[0x02, 0x01, 0xFF]] {
            assert_eq!(problem(Reader::new(refused).microseconds("x")), Problem::Number);
        }
    }

    #[test]
    fn flags_may_be_shorter_or_longer_than_32_bits() {
        for (bytes, value) in [
            (&[0x03, 0x05, 0x00, 0x40, 0xA1, 0x00, 0x00][..], 0x40A1_0000),
            (&[0x03, 0x02, 0x05, 0x3F], 0x2000_0000), // RFC 4120 section 5.2.8: unused bits are not flags
            (&[0x03, 0x06, 0x07, 1, 2, 3, 4, 0x80], 0x0102_0304),
            (&[0x03, 0x09, 0x00, 1, 2, 3, 4, 5, 6, 7, 8], 0x0102_0304),
        ] {
            assert_eq!(Reader::new(bytes).flags("x").unwrap(), value, "{bytes:02X?}");
        }
        for refused in [
            &[0x03, 0x00][..],
            &[0x03, 0x01, 0x00],
            &[0x03, 0x02, 0x08, 0xFF],
            &[0x03, 10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        ] {
            assert_eq!(problem(Reader::new(refused).flags("x")), Problem::BitString, "{refused:02X?}");
        }
    }

    #[test]
    fn text_is_utf8_without_nul() {
        assert_eq!(Reader::new(&[0x1B, 0x05, 0xC5, 0x82, 0xE6, 0x9D, 0x8E]).text("x").unwrap(), "ł李");
        for refused in [&[0x1B, 0x01, 0xE9][..], &[0x1B, 0x02, 0x41, 0x00], &[0x1B, 0x03, 0xED, 0xA0, 0x80]] {
            assert_eq!(problem(Reader::new(refused).text("x")), Problem::Text);
        }
    }

    #[test]
    fn an_error_names_the_field_and_the_byte() {
        let bytes = [0x30, 0x05, 0xA0, 0x03, 0x02, 0x01, 0x06];
        let error = Reader::new(&bytes)
            .only(tag::SEQUENCE, "S")
            .and_then(|mut fields| fields.field(0, "S.version", |r, what| r.constant(5, what)))
            .unwrap_err();
        assert_eq!(error, Malformed { what: "S.version", at: 4, problem: Problem::Value { expected: 5, found: 6 } });
    }

    /// What a reader says of its next element, and where it stands then.
    type Step<'a> = (Result<(&'a [u8], usize), Malformed>, &'a [u8]);

    fn step<'a>(bytes: &'a [u8], read: impl FnOnce(&mut Reader<'a>) -> Result<Reader<'a>, Malformed>) -> Step<'a> {
        let mut reader = Reader::new(bytes);
        let contents = read(&mut reader).map(|contents| (contents.rest, contents.end));
        (contents, reader.rest)
    }

    /// Where a length takes one more octet, and where the 16 bits of the shorter ways end.
    const TURNS: [usize; 10] = [0, 1, 0x7E, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x1_0000, 0x1_0001];

    #[test]
    fn short_and_long_elements_are_read_alike() {
        for length in TURNS {
            let mut writer = Writer::with_capacity(0);
            writer.octets(&alloc::vec![0xAB; length]);
            let encoded = writer.finish();
            let header = encoded.len().checked_sub(length).unwrap();
            let longer = [&encoded[..], &[0x30, 0x00]].concat();
            let cut = &encoded[..encoded.len().saturating_sub(1)];
            for bytes in [&encoded[..], &longer, cut, &encoded[..header], &encoded[..1]] {
                let slow = step(bytes, |reader| reader.any_element(tag::OCTET_STRING, "x"));
                assert_eq!(step(bytes, |reader| reader.element(tag::OCTET_STRING, "x")), slow, "{length}");
                assert_eq!(step(bytes, |reader| reader.long_element(tag::OCTET_STRING, "x")), slow, "{length}");
            }
            let whole = (Ok((&encoded[header..], encoded.len())), &longer[encoded.len()..]);
            let taken = step(&longer, |reader| reader.element(tag::OCTET_STRING, "x"));
            assert_eq!(taken, whole, "{length}");
            if length > 0 {
                assert_eq!(problem(Reader::new(cut).octets("x")), Problem::Truncated, "{length}");
            }
        }
    }

    /// Every first octet of a length, with every second one, behind the right tag and a wrong one.
    #[test]
    fn every_length_is_read_alike() {
        let mut bytes = alloc::vec![0x5A; 0x208];
        for tag in [tag::OCTET_STRING, tag::SEQUENCE] {
            for (first, second) in (0..=u8::MAX).flat_map(|first| (0..=u8::MAX).map(move |second| (first, second))) {
                bytes.splice(..3, [tag, first, second]);
                let slow = step(&bytes, |reader| reader.any_element(tag::OCTET_STRING, "x"));
                let fast = step(&bytes, |reader| reader.element(tag::OCTET_STRING, "x"));
                assert_eq!(fast, slow, "{:02X?}", &bytes[..3]);
            }
        }
    }

    /// Each field with every octet turned into every other, cut at every length, and with one octet more.
    fn for_each_change(field: &[u8], mut check: impl FnMut(&[u8])) {
        for length in 0..=field.len() {
            check(&field[..length]);
        }
        check(&[field, &[0]].concat());
        let mut changed = field.to_vec();
        for (at, octet) in field.iter().enumerate() {
            for value in 0..=u8::MAX {
                changed[at] = value;
                check(&changed);
            }
            changed[at] = *octet;
        }
    }

    #[test]
    fn fields_seen_as_a_whole_are_read_as_field_by_field() {
        fn same<'a, T: PartialEq + core::fmt::Debug>(
            bytes: &'a [u8],
            fast: impl FnOnce(&mut Reader<'a>) -> Result<T, Malformed>,
            slow: impl FnOnce(&mut Reader<'a>) -> Result<T, Malformed>,
        ) {
            let (mut one, mut other) = (Reader::new(bytes), Reader::new(bytes));
            assert_eq!((fast(&mut one), one.rest), (slow(&mut other), other.rest), "{bytes:02X?}");
        }
        for number in [&[0xA3, 3, 2, 1, 5][..], &[0xA3, 4, 2, 2, 0, 0x80], &[0xA3, 6, 2, 4, 0x7F, 0, 0, 0]] {
            for_each_change(number, |bytes| {
                same(bytes, |r| r.int32_field(3, "x"), |r| r.field(3, "x", Reader::int32));
                same(bytes, |r| r.constant_field(3, 5, "x"), |r| r.field(3, "x", |r, what| r.constant(5, what)));
            });
        }
        for_each_change(b"\xA5\x11\x18\x0F20261121235959Z", |bytes| {
            same(bytes, |r| r.time_field(5, "x"), |r| r.field(5, "x", Reader::time));
            same(bytes, |r| r.optional_time_field(5, "x"), |r| r.optional_field(5, "x", Reader::time));
        });
    }

    /// RFC 4120 section 5.2.8, bit by bit.
    #[test]
    fn flags_are_the_first_32_bits_that_are_used() {
        for (length, unused) in (1..=8_usize).flat_map(|length| (0..=7_usize).map(move |unused| (length, unused))) {
            let header = [usize::from(tag::BIT_STRING), length.saturating_add(1), unused];
            let header = header.map(|octet| u8::try_from(octet).unwrap());
            let octets = [&header[..], &[0xFF; 8][..length]].concat();
            let used = length.saturating_mul(8).saturating_sub(unused);
            let expected = (0..32).fold(0_u32, |flags, bit| (flags << 1) | u32::from(bit < used));
            assert_eq!(Reader::new(&octets).flags("x"), Ok(expected), "{length} octets, {unused} bits unused");
        }
    }

    /// Eight octets at a time and the rest are told as one by one, at every place of the words.
    #[test]
    fn text_is_plain_wherever_its_octets_lie() {
        for length in 0..=17 {
            let mut text = alloc::vec![b'a'; length];
            assert!(is_plain(&text));
            for at in 0..length {
                for octet in 0..=u8::MAX {
                    text[at] = octet;
                    assert_eq!(is_plain(&text), (1..=0x7F).contains(&octet), "octet {octet:02X} at {at} of {length}");
                    let encoded = [&[tag::GENERAL_STRING, u8::try_from(length).unwrap()][..], &text].concat();
                    let text = Reader::new(&encoded).text("x").map(str::as_bytes);
                    assert_eq!(Reader::new(&encoded).text_bytes("x"), text);
                }
                text[at] = b'a';
            }
        }
    }

    #[test]
    fn numbers_end_where_their_field_does() {
        fn at_the_ends<'a, T: PartialEq + core::fmt::Debug>(
            read: impl Fn(&mut Reader<'a>, &'static str) -> Result<T, Malformed>,
            taken: [(&'a [u8], T); 2],
            refused: [&'a [u8]; 2],
        ) {
            for (bytes, value) in taken {
                assert_eq!(read(&mut Reader::new(bytes), "x"), Ok(value));
            }
            for bytes in refused {
                assert_eq!(read(&mut Reader::new(bytes), "x"), Err(Reader::new(bytes).error("x", Problem::Number)));
            }
        }
        at_the_ends(
            Reader::int32,
            [(&[2, 4, 0x7F, 0xFF, 0xFF, 0xFF], i32::MAX), (&[2, 4, 0x80, 0, 0, 0], i32::MIN)],
            [&[2, 5, 0, 0x80, 0, 0, 0], &[2, 5, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF]],
        );
        at_the_ends(
            Reader::uint32_or_negative,
            [(&[2, 5, 0, 0xFF, 0xFF, 0xFF, 0xFF], u32::MAX), (&[2, 4, 0x80, 0, 0, 0], 0x8000_0000)],
            [&[2, 5, 1, 0, 0, 0, 0], &[2, 5, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF]],
        );
        at_the_ends(
            Reader::microseconds,
            [(&[2, 1, 0], 0), (&[2, 3, 0x0F, 0x42, 0x3F], 999_999)],
            [&[2, 1, 0xFF], &[2, 3, 0x0F, 0x42, 0x40]],
        );
    }

    #[test]
    fn elements_are_counted_up_to_the_limit() {
        let nulls = [5, 0, 5, 0, 5, 0];
        let count = |limit| Reader::new(&nulls).elements(limit, "x", |null| null.element(5, "x"));
        assert_eq!(count(3), Ok(3));
        assert_eq!(count(2), Err(Malformed { what: "x", at: 4, problem: Problem::TooMany(2) }));
        assert_eq!(count(0), Err(Malformed { what: "x", at: 0, problem: Problem::TooMany(0) }));
        assert_eq!(Reader::new(&[]).elements(0, "x", |null| null.element(5, "x")), Ok(0));
    }

    #[test]
    fn a_field_holds_one_value() {
        let twice = [0xA0, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x02];
        assert_eq!(problem(Reader::new(&twice).field(0, "x", Reader::integer)), Problem::TrailingBytes(3));
    }
}
