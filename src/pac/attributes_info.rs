//! PAC_ATTRIBUTES_INFO (MS-PAC section 2.14) and PAC_REQUESTOR (section 2.15): what a TGT's PAC adds.

use super::reader::{Place, Reader};
use crate::error::{PacMalformed, PacProblem};
use crate::sid::Sid;
use crate::wire::der::Tell;

/// How the client came to have a PAC; bits that are not known are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PacAttributes(pub u32);

impl PacAttributes {
    /// The client asked for one.
    pub const WAS_REQUESTED: Self = Self(0x1);
    /// The client said nothing and was given one.
    pub const WAS_GIVEN_IMPLICITLY: Self = Self(0x2);

    /// Whether all bits of `attributes` are set.
    #[must_use]
    pub const fn contains(self, attributes: Self) -> bool {
        self.0 & attributes.0 == attributes.0
    }

    /// Reads the first 32 flags. Their number is given in bits, and they come in whole words.
    pub(super) fn read<D: Tell<PacMalformed>>(pac: &[u8], buffer: Place) -> Result<Self, D::Told> {
        let mut reader = Reader::<D>::new(pac, buffer);
        let bits = reader.u32("PAC_ATTRIBUTES_INFO.FlagsLength")?;
        let expected = usize::try_from(bits.div_ceil(32)).ok().and_then(|words| words.checked_mul(4));
        if bits == 0 || expected != Some(reader.left()) {
            let (expected, found) = (expected.unwrap_or(usize::MAX), reader.left());
            return Err(reader.error("PAC_ATTRIBUTES_INFO.Flags", PacProblem::Size { expected, found }));
        }
        reader.u32("PAC_ATTRIBUTES_INFO.Flags").map(Self)
    }
}

/// Whether the buffer is the SID of who asked for the TGT, and nothing else.
pub(super) fn check_requestor<D: Tell<PacMalformed>>(pac: &[u8], buffer: Place) -> Result<(), D::Told> {
    let malformed = || PacMalformed { what: "PAC_REQUESTOR.UserSid", at: buffer.at(), problem: PacProblem::Sid };
    if Sid::is_packet(buffer.of(pac)) { Ok(()) } else { Err(D::tell(malformed)) }
}
