//! DER (X.690), as far as Kerberos and SPNEGO use it: a reader that borrows, a writer, and what can be wrong.

mod fault;
mod field;
mod reader;
mod writer;

pub(crate) use fault::{Fault, Kind};
pub(crate) use field::{Field, field};
pub(crate) use reader::Reader;
pub(crate) use writer::Writer;

use thiserror::Error;

/// Reads `message` from its start, where the places in errors begin to count.
pub(crate) fn read<'a, T>(
    message: &'a [u8],
    read: impl FnOnce(Reader<'a>) -> Result<T, Fault>,
) -> Result<T, Malformed> {
    match read(Reader::new(message)) {
        Ok(value) => Ok(value),
        Err(fault) => Err(fault.within(message)),
    }
}

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
