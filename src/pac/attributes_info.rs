//! PAC_ATTRIBUTES_INFO (MS-PAC section 2.14) and PAC_REQUESTOR (section 2.15): two buffers that describe the request for the
//! TGT.

use super::fault::{Fault, Kind, octets_of_flags};
use super::field::Field;
use super::reader::Reader;
use crate::flags::flags;
use crate::sid::Sid;
use crate::span::Span;

flags! {
    /// The reason why the KDC added a PAC. Unknown bits are kept.
    pub struct PacAttributes(u32) {
        /// The client asked for a PAC.
        const WAS_REQUESTED = 0x1;
        /// The client did not say whether it wants a PAC, and the KDC gave it one.
        const WAS_GIVEN_IMPLICITLY = 0x2;
    }
}

impl PacAttributes {
    /// Reads the first 32 flags. FlagsLength is a number of bits, and the flags are whole words of 32 bits.
    pub(super) fn read(pac: &[u8], buffer: Span) -> Result<Self, Fault> {
        let mut reader = Reader::new(pac, buffer);
        let bits = reader.u32(Field::AttributesFlagsLength)?;
        if bits == 0 || octets_of_flags(bits) != reader.left() {
            return Err(reader.fault_with_left(Field::AttributesFlags, Kind::Flags));
        }
        reader.u32(Field::AttributesFlags).map(Self::from_bits)
    }
}

/// Rejects a PAC_REQUESTOR buffer that is not exactly one SID.
pub(super) fn check_requestor(pac: &[u8], buffer: Span) -> Result<(), Fault> {
    if Sid::is_packet(buffer.of(pac)) {
        Ok(())
    } else {
        Err(Fault::new(Field::RequestorUserSid, buffer.start(), Kind::Sid))
    }
}
