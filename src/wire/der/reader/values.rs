//! The values that fields hold: numbers, flags, texts, times.

use super::Reader;
use crate::time::UnixTime;
use crate::wire::der::{Fault, Field, Kind, tag};

impl<'a> Reader<'a> {
    /// Reads an INTEGER of at most 64 bits. Numbers are read wide, and the range of their field is checked: a cast
    /// would accept 2³² + 18 as 18.
    ///
    /// The number may have more octets than DER allows (X.690 section 8.3.2). The client of sspi-rs writes `cusec` in four, and
    /// MIT krb5 and Heimdal take that. Numbers are compared as numbers, so the octets before them hide nothing.
    pub(crate) fn integer(&mut self, what: Field) -> Result<i64, Fault> {
        let contents = self.element(tag::INTEGER, what)?;
        let bytes = contents.rest;
        if bytes.is_empty() || bytes.len() > size_of::<i64>() {
            return Err(contents.error(what, Kind::Number));
        }
        let sign = if bytes.first().is_some_and(|first| first & 0x80 != 0) { -1 } else { 0 };
        Ok(bytes.iter().fold(sign, |value, byte| (value << 8) | i64::from(*byte)))
    }

    /// Reads an Int32 (RFC 4120 section 5.2.4).
    pub(crate) fn int32(&mut self, what: Field) -> Result<i32, Fault> {
        let start = *self;
        i32::try_from(self.integer(what)?).map_err(|_| start.error(what, Kind::Number))
    }

    /// Reads a UInt32, or the negative Int32 with the same 32 bits. Read-only domain controllers send such kvnos, and
    /// old clients send such sequence numbers.
    pub(crate) fn uint32_or_negative(&mut self, what: Field) -> Result<u32, Fault> {
        let start = *self;
        let value = self.integer(what)?;
        u32::try_from(value)
            .or_else(|_| i32::try_from(value).map(|negative| u32::from_be_bytes(negative.to_be_bytes())))
            .map_err(|_| start.error(what, Kind::Number))
    }

    /// Reads Microseconds (RFC 4120 section 5.2.4): 0 to 999,999.
    pub(crate) fn microseconds(&mut self, what: Field) -> Result<u32, Fault> {
        let start = *self;
        match u32::try_from(self.integer(what)?) {
            Ok(micros) if micros < 1_000_000 => Ok(micros),
            _ => Err(start.error(what, Kind::Number)),
        }
    }

    /// Reads an INTEGER that has only one valid value, such as a version number or a message type.
    pub(crate) fn constant(&mut self, expected: u8, what: Field) -> Result<(), Fault> {
        let start = *self;
        match self.integer(what)? {
            value if value == i64::from(expected) => Ok(()),
            _ => Err(start.error_with(what, Kind::Value, expected.into())),
        }
    }

    /// Reads KerberosFlags: the first 32 bits, with bit 0 of the RFC in the top bit. RFC 4120 section 5.2.8 sets no upper bound
    /// to the bits, and some encoders write fewer.
    pub(crate) fn flags(&mut self, what: Field) -> Result<u32, Fault> {
        let contents = self.element(tag::BIT_STRING, what)?;
        let (unused, bits) = match contents.rest {
            // Encoders that cut zero bits leave none. RFC 4120 section 5.2.8: the missing ones are zero.
            [0] => return Ok(0),
            [unused @ 0..=7, bits @ ..] if !bits.is_empty() => (*unused, bits),
            _ => return Err(contents.error(what, Kind::BitString)),
        };
        let first = bits.iter().chain(&[0; 4]).take(4).fold(0_u32, |flags, byte| (flags << 8) | u32::from(*byte));
        // Unused bits lie at the end of the last octet; in a string of over 32 bits, beyond what is kept.
        let kept_unused = if bits.len() <= 4 { u32::from(unused) } else { 0 };
        // There is an octet, and no more than four are counted, so nothing here is out of range.
        let last_bit = 32_u32.saturating_sub(u32::try_from(bits.len()).unwrap_or(4).min(4).saturating_mul(8));
        let padding = !(u32::MAX << kept_unused) << last_bit;
        Ok(first & !padding)
    }

    /// Reads a KerberosString: declared as GeneralString, in practice UTF-8. A NUL is refused: it would end the name
    /// early for any reader in C of a log or a database.
    pub(crate) fn text(&mut self, what: Field) -> Result<&'a str, Fault> {
        let contents = self.element(tag::GENERAL_STRING, what)?;
        contents.check_text(what)?;
        core::str::from_utf8(contents.rest).map_err(|_| contents.error(what, Kind::Text))
    }

    /// Reads the octets of a text that [`Self::text`] would accept.
    pub(crate) fn text_bytes(&mut self, what: Field) -> Result<&'a [u8], Fault> {
        let contents = self.element(tag::GENERAL_STRING, what)?;
        contents.check_text(what)?;
        Ok(contents.rest)
    }

    pub(super) fn check_text(&self, what: Field) -> Result<(), Fault> {
        if is_plain(self.rest) || is_text(self.rest) { Ok(()) } else { Err(self.error(what, Kind::Text)) }
    }

    /// Reads a KerberosTime.
    pub(crate) fn time(&mut self, what: Field) -> Result<UnixTime, Fault> {
        let contents = self.element(tag::GENERALIZED_TIME, what)?;
        UnixTime::from_generalized(contents.rest).ok_or_else(|| contents.error(what, Kind::Time))
    }
}

/// Returns whether a text is ASCII without NUL, as most names are.
///
/// It looks at eight octets at a time. The last eight are looked at once more if the length is no multiple of eight.
/// That takes a fifth of the instructions of decoding UTF-8. An octet of 1 to 127 has no top bit, nor has that octet
/// less one.
pub(super) fn is_plain(text: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // Zero less one has its top bit set. A borrow can only set more marks in the octets after it: it hides none.
    let marks_of = |word: u64| word | word.wrapping_sub(ONES);
    let marks = match text.last_chunk() {
        Some(last) => text.chunks_exact(8).fold(marks_of(u64::from_ne_bytes(*last)), |marks, word| {
            // `chunks_exact` gives eight octets, so every word has its own marks.
            marks | word.first_chunk().map_or(0, |word| marks_of(u64::from_ne_bytes(*word)))
        }),
        // Ones fill the word before a short text, and ones are accepted.
        None => marks_of(text.iter().fold(ONES, |word, octet| word << 8 | u64::from(*octet))),
    };
    marks & (ONES << 7) == 0
}

/// Returns whether a text is UTF-8 without NUL.
#[cold]
fn is_text(text: &[u8]) -> bool {
    core::str::from_utf8(text).is_ok() && !text.contains(&0)
}
