//! DER (X.690), as far as Kerberos and SPNEGO use it: a reader that borrows, a writer, and the errors of the reader.

mod fault;
mod field;
mod length;
mod reader;
mod writer;

pub(crate) use fault::{Fault, Kind};
pub(crate) use field::{Field, field};
pub(crate) use length::LengthOctets;
pub(crate) use reader::Reader;
pub(crate) use writer::Writer;

use thiserror::Error;

/// Reads `message` from its start. The offsets in errors count from there.
pub(crate) fn read<'a, T>(
    message: &'a [u8],
    read: impl FnOnce(Reader<'a>) -> Result<T, Fault>,
) -> Result<T, Malformed> {
    match read(Reader::new(message)) {
        Ok(value) => Ok(value),
        Err(fault) => Err(fault.within(message)),
    }
}

/// A message that does not have the form that its specification demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{what} at octet {at}: {problem}")]
#[non_exhaustive]
pub struct Malformed {
    /// This is the field, by its name in the specification (`AP-REQ.ticket`).
    pub what: &'static str,
    /// This is where the reader stood: an offset from the start of the token, or of the decrypted part that `what`
    /// names.
    pub at: usize,
    /// This is what is wrong there.
    pub problem: Problem,
}

/// The reason why a field cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The octets end before the field does.
    #[error("the octets end too early")]
    Truncated,
    /// Another field is here, or the same field a second time.
    #[error("expected tag 0x{expected:02X}, found 0x{found:02X}")]
    UnexpectedTag {
        /// The specification demands this identifier octet here.
        expected: u8,
        /// This identifier octet is here.
        found: u8,
    },
    /// The length is of indefinite form, begins with a reserved octet, has more than four length octets, or has more
    /// octets than it needs.
    #[error("the length is not in the short, definite form that DER demands")]
    Length,
    /// More octets follow where the structure must end.
    #[error("{0} octets too many")]
    TrailingBytes(usize),
    /// The number is empty, has more than eight octets, or is outside the range of its field.
    #[error("a number out of its range")]
    Number,
    /// The BIT STRING is empty, or claims more unused bits than it has.
    #[error("a malformed bit string")]
    BitString,
    /// The string is not UTF-8 or holds a NUL.
    #[error("text that is not UTF-8 or holds a NUL")]
    Text,
    /// The time is not `YYYYMMDDhhmmssZ`, or is no date of the calendar.
    #[error("not a KerberosTime (YYYYMMDDhhmmssZ)")]
    Time,
    /// The text is longer than any real name.
    #[error("longer than {0} octets")]
    TooLong(usize),
    /// There are more elements, or levels of nesting, than any real peer sends.
    #[error("more than {0} elements")]
    TooMany(usize),
    /// The specification fixes a value, and the field has another one.
    #[error("expected the value {expected}, found {found}")]
    Value {
        /// The specification demands this value.
        expected: i64,
        /// The field has this value.
        found: i64,
    },
    /// The field does not have the one length that it may have.
    #[error("{found} octets where {expected} belong")]
    Size {
        /// The field must have this length.
        expected: usize,
        /// The field has this length.
        found: usize,
    },
    /// The field is empty, and must not be.
    #[error("empty")]
    Empty,
    /// The message is valid, but at another point of the exchange.
    #[error("a message that does not belong here")]
    OutOfPlace,
    /// The octets are none of the forms that are allowed here.
    #[error("none of the forms that are allowed here")]
    Unrecognised,
}

/// Returns the identifier octet of the constructed, context-specific tag `[number]`.
pub(crate) const fn context(number: u8) -> u8 {
    0xA0 | number
}

/// Returns the identifier octet of the constructed tag `[APPLICATION number]`.
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
