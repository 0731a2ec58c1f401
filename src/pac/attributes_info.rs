//! PAC_ATTRIBUTES_INFO (MS-PAC section 2.14) and PAC_REQUESTOR (section 2.15): what the PAC of a TGT adds.

use super::fault::{Fault, Kind};
use super::field::Field;
use super::reader::Reader;
use super::span::{Span, size};
use crate::sid::Sid;

/// How the client came to have a PAC; unknown bits are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PacAttributes(pub u32);

impl PacAttributes {
    /// The client asked for a PAC.
    pub const WAS_REQUESTED: Self = Self(0x1);
    /// The client did not say whether it wants a PAC, and the KDC gave it one.
    pub const WAS_GIVEN_IMPLICITLY: Self = Self(0x2);

    /// Returns whether all bits of `attributes` are set.
    #[must_use]
    pub const fn contains(self, attributes: Self) -> bool {
        self.0 & attributes.0 == attributes.0
    }

    /// Reads the first 32 flags. FlagsLength counts bits, and the flags come in whole words.
    pub(super) fn read(pac: &[u8], buffer: Span) -> Result<Self, Fault> {
        let mut reader = Reader::new(pac, buffer);
        let bits = reader.u32(Field::AttributesFlagsLength)?;
        if bits == 0 || Self::octets_of(bits) != reader.left() {
            return Err(reader.fault_with_left(Field::AttributesFlags, Kind::Flags));
        }
        reader.u32(Field::AttributesFlags).map(Self)
    }

    /// Returns how many octets so many flags take.
    pub(super) fn octets_of(bits: u32) -> usize {
        // Less than 2³⁰, so the product cannot saturate.
        size(bits.div_ceil(32).saturating_mul(4))
    }
}

/// Rejects a buffer that is not the SID of the client that asked for the TGT, or is more than that.
pub(super) fn check_requestor(pac: &[u8], buffer: Span) -> Result<(), Fault> {
    if Sid::is_packet(buffer.of(pac)) {
        Ok(())
    } else {
        Err(Fault::new(Field::RequestorUserSid, buffer.start(), Kind::Sid))
    }
}
