//! The small error that the readers of a PAC return. [`Fault::within`] makes the full error from a fault and the octets
//! of the PAC.

use super::error::{PacMalformed, PacProblem};
use super::field::Field;
use crate::limits::{MAX_CLAIMS_SIZE, MAX_PAC_BUFFERS, MAX_PAC_SIZE};
use crate::sid::Sid;
use crate::span::size;

/// A field that cannot be read, and the reason.
///
/// Every function of the readers can return a fault. So a fault is only one aligned word: with two words, a request
/// with a PAC would take 3 % more instructions.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub(super) struct Fault {
    kind: Kind,
    field: Field,
    number: U24,
    /// The offset of the fault in the octets that the reader reads.
    at: U24,
}

/// The kind of a fault: a [`PacProblem`] without its payload.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Truncated,
    /// Octets follow the structure. [`Fault::number`] is the number of these octets.
    TrailingBytes,
    TooManyBuffers,
    /// The 32-bit number before the fault is an unknown version.
    Version,
    Alignment,
    Offset,
    Overlap,
    Duplicate,
    Missing,
    /// FlagsLength, which lies before the fault, announces more or fewer octets than are present. The number in the fault
    /// is the number of octets that are present.
    Flags,
    SerializationHeader,
    NullPointer,
    RepeatedReferent,
    Conformance,
    StringLength,
    Text,
    Sid,
    /// The SID before the fault is not the SID of a domain. The number in the fault is the offset of the SID.
    NoDomain,
    NoUser,
    /// The claim type before the fault, of 16 bits, is unknown or differs from its first copy.
    Value,
}

impl Fault {
    /// Makes the fault of a field at the offset `at`.
    #[cold]
    #[inline(never)]
    pub(super) fn new(field: Field, at: usize, kind: Kind) -> Self {
        Self::with(field, at, kind, 0)
    }

    /// Makes a fault with the number that its kind has.
    #[cold]
    #[inline(never)]
    pub(super) fn with(field: Field, at: usize, kind: Kind, number: usize) -> Self {
        Self { kind, field, number: U24::new(number), at: U24::new(at) }
    }

    /// Makes the error that explains the fault. `bytes` are the octets that the reader has read: the PAC, or decompressed
    /// claims.
    #[cold]
    #[inline(never)]
    pub(super) fn within(self, bytes: &[u8]) -> PacMalformed {
        PacMalformed { what: self.field.name(), at: self.at.value(), problem: self.problem(bytes) }
    }

    fn problem(self, bytes: &[u8]) -> PacProblem {
        let number = self.number.value();
        match self.kind {
            Kind::Truncated => PacProblem::Truncated,
            Kind::TrailingBytes => PacProblem::TrailingBytes(number),
            Kind::TooManyBuffers => PacProblem::TooMany(MAX_PAC_BUFFERS),
            Kind::Version => PacProblem::Version(self.number_before(bytes)),
            Kind::Alignment => PacProblem::Alignment,
            Kind::Offset => PacProblem::Offset,
            Kind::Overlap => PacProblem::Overlap,
            Kind::Duplicate => PacProblem::Duplicate,
            Kind::Missing => PacProblem::Missing,
            Kind::Flags => PacProblem::Size { expected: octets_of_flags(self.number_before(bytes)), found: number },
            Kind::SerializationHeader => PacProblem::SerializationHeader,
            Kind::NullPointer => PacProblem::NullPointer,
            Kind::RepeatedReferent => PacProblem::RepeatedReferent,
            Kind::Conformance => PacProblem::Conformance,
            Kind::StringLength => PacProblem::StringLength,
            Kind::Text => PacProblem::Text,
            Kind::Sid => PacProblem::Sid,
            // The reader has checked the length of the SID, so the SID can be read.
            Kind::NoDomain => bytes
                .get(number..self.at.value())
                .and_then(Sid::from_bytes)
                .map_or(PacProblem::Sid, |sid| PacProblem::NoDomain { sid }),
            Kind::NoUser => PacProblem::NoUser,
            Kind::Value => PacProblem::Value(self.number_before(bytes) >> 16),
        }
    }

    /// Reads the 32-bit number that ends at the offset of the fault. Returns zero if `bytes` are too short for the offset.
    fn number_before(self, bytes: &[u8]) -> u32 {
        bytes.get(..self.at.value()).and_then(<[u8]>::last_chunk).map_or(0, |number| u32::from_le_bytes(*number))
    }
}

/// A number of 24 bits, the lowest octet first. Every offset and every length of a PAC or of claims fits in 24 bits.
#[derive(Clone, Copy, Debug)]
struct U24([u8; 3]);

const _: () = assert!(MAX_PAC_SIZE < 1 << 24 && MAX_CLAIMS_SIZE < 1 << 24, "an offset has 24 bits");

impl U24 {
    const fn new(number: usize) -> Self {
        let [low, middle, high, ..] = number.to_le_bytes();
        Self([low, middle, high])
    }

    fn value(self) -> usize {
        let Self([low, middle, high]) = self;
        size(u32::from_le_bytes([low, middle, high, 0]))
    }
}

const _: () = assert!(size_of::<Result<(), Fault>>() == 8, "a fault is one word");

/// Returns the number of octets of `bits` flags, which are written as whole words of 32 bits.
pub(super) fn octets_of_flags(bits: u32) -> usize {
    // The product is less than 2³⁰, so it cannot saturate.
    size(bits.div_ceil(32).saturating_mul(4))
}
