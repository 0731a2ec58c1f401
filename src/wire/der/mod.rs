//! The part of DER (X.690) that Kerberos and SPNEGO use: a reader that borrows, a writer, and the errors of the reader.

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

/// Reads `message` with `read`. Offsets in errors count from the start of `message`.
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
    /// The field's name in the specification, such as `AP-REQ.ticket`.
    pub what: &'static str,
    /// The offset of the fault, in octets from the start of the token, or from the start of the decrypted part that
    /// `what` names.
    pub at: usize,
    /// The reason why the field cannot be read.
    pub problem: Problem,
}

/// The reason why a field cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The octets end before the end of the field.
    #[error("the octets end before the end of the field")]
    Truncated,
    /// At this place, the message has another field, or has the same field a second time.
    #[error("expected tag 0x{expected:02X}, found 0x{found:02X}")]
    UnexpectedTag {
        /// The identifier octet that the specification demands.
        expected: u8,
        /// The identifier octet that was found.
        found: u8,
    },
    /// The length is not valid in DER. The length has the indefinite form, begins with a reserved octet, has more than
    /// four octets, or is not as short as possible.
    #[error("the length is not in the shortest definite form, which DER demands")]
    Length,
    /// Octets follow where the structure must end.
    #[error("{0} octets follow where the structure must end")]
    TrailingBytes(usize),
    /// The number is empty, has more than eight octets, or is outside the range of its field.
    #[error("the number is empty or outside the range of its field")]
    Number,
    /// The BIT STRING is empty, or announces more unused bits than it can have.
    #[error("the bit string is malformed")]
    BitString,
    /// The string is not UTF-8 or holds a NUL.
    #[error("the text is not UTF-8 or holds a NUL")]
    Text,
    /// The time does not have the form `YYYYMMDDhhmmssZ`, or is not a date of the calendar.
    #[error("the time is not a KerberosTime (YYYYMMDDhhmmssZ)")]
    Time,
    /// The text is longer than any real name. The number is the greatest accepted length, in octets.
    #[error("the text is longer than {0} octets")]
    TooLong(usize),
    /// The message has more elements, or levels of nesting, than any real peer sends. The number is the greatest
    /// accepted count.
    #[error("there are more than {0} elements or levels of nesting")]
    TooMany(usize),
    /// The field does not have the only value that the specification allows.
    #[error("expected the value {expected}, found {found}")]
    Value {
        /// The value that the specification demands.
        expected: i64,
        /// The value of the field.
        found: i64,
    },
    /// The field does not have the only length that the specification allows.
    #[error("expected {expected} octets, found {found}")]
    Size {
        /// The length that the specification demands, in octets.
        expected: usize,
        /// The length of the field, in octets.
        found: usize,
    },
    /// The field is empty, but must not be empty.
    #[error("the field is empty")]
    Empty,
    /// The message is valid, but not at this point of the exchange.
    #[error("the message does not belong to this point of the exchange")]
    OutOfPlace,
    /// The octets have none of the forms that the specification allows here.
    #[error("the octets have none of the forms that are allowed here")]
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

/// The identifier octets of universal types.
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
