//! Readers of the values in fields. The values are numbers, flags, texts and times.

use super::Reader;
use crate::time::UnixTime;
use crate::wire::der::{Fault, Field, Kind, tag};

impl<'a> Reader<'a> {
    /// Reads an INTEGER of at most 64 bits. The caller checks the range of the field. A cast to 32 bits would turn
    /// 2³²+18 into 18.
    ///
    /// The number may have more octets than DER allows (X.690 section 8.3.2). The client sspi-rs writes `cusec` in four
    /// octets, and MIT krb5 and Heimdal accept such a number. The padding does not matter when two numbers are
    /// compared, because this crate compares their values.
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

    /// Reads a UInt32, or the negative Int32 with the same 32 bits. Read-only domain controllers send negative kvnos,
    /// and old clients send negative sequence numbers.
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

    /// Reads KerberosFlags. Returns the first 32 bits. Bit 0 of the RFC is the most significant bit. RFC 4120 section
    /// 5.2.8 allows more than 32 bits, and some encoders write fewer than 32 bits.
    pub(crate) fn flags(&mut self, what: Field) -> Result<u32, Fault> {
        let contents = self.element(tag::BIT_STRING, what)?;
        let (unused, bits) = match contents.rest {
            // If an encoder cuts off zero bits, there may be no octet of flags. The missing bits are zero (RFC 4120
            // section 5.2.8).
            [0] => return Ok(0),
            [unused @ 0..=7, bits @ ..] if !bits.is_empty() => (*unused, bits),
            _ => return Err(contents.error(what, Kind::BitString)),
        };
        let first = bits.iter().chain(&[0; 4]).take(4).fold(0_u32, |flags, byte| (flags << 8) | u32::from(*byte));
        // Unused bits are at the end of the last octet. In a string of more than four octets, the unused bits are not
        // among the first 32 bits.
        let kept_unused = if bits.len() <= 4 { u32::from(unused) } else { 0 };
        // The code counts one to four octets, so both shifts stay below 32 bits.
        let last_bit = 32_u32.saturating_sub(u32::try_from(bits.len()).unwrap_or(4).min(4).saturating_mul(8));
        let padding = !(u32::MAX << kept_unused) << last_bit;
        Ok(first & !padding)
    }

    /// Reads a KerberosString. RFC 4120 declares it as GeneralString, but implementations write UTF-8. A NUL is
    /// refused: a program in C that reads the name from a log or a database would end the name at the NUL.
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

/// Returns whether a text is ASCII without NUL. Most names are such a text.
///
/// The function checks eight octets at a time. The length need not be a multiple of eight, so the function first checks
/// the last eight octets. Decoding the text as UTF-8 would take five times as many instructions as this check. An octet
/// is 1 to 127 if the top bit is clear in the octet and in the octet minus one.
pub(super) fn is_plain(text: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // For a zero octet, the subtraction sets the top bit. A borrow changes only the octets above the zero octet, so the
    // mark of the lowest zero octet always stays set.
    let marks_of = |word: u64| word | word.wrapping_sub(ONES);
    let marks = match text.last_chunk() {
        Some(last) => text.chunks_exact(8).fold(marks_of(u64::from_ne_bytes(*last)), |marks, word| {
            // `chunks_exact` returns chunks of eight octets, so `first_chunk` is never `None` and the default is not
            // used.
            marks | word.first_chunk().map_or(0, |word| marks_of(u64::from_ne_bytes(*word)))
        }),
        // A short text is padded at its front with octets of value 1. The check accepts these octets.
        None => marks_of(text.iter().fold(ONES, |word, octet| word << 8 | u64::from(*octet))),
    };
    marks & (ONES << 7) == 0
}

/// Returns whether a text is UTF-8 without NUL.
#[cold]
fn is_text(text: &[u8]) -> bool {
    core::str::from_utf8(text).is_ok() && !text.contains(&0)
}
