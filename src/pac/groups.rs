//! Groups as a PAC lists them (MS-PAC section 2.2): by RID in a domain, or by SID; each with attributes.
//!
//! In: arrays that were measured when their structure was read. Out: one group after the other, decoded when asked for.

use super::fault::Fault;
use super::field::Field;
use super::ndr::{NdrReader, Pointer};
use super::reader::u32_at;
use crate::flags::flags;
use crate::sid::{DomainSid, Sid};
use crate::span::Span;

/// A group that the user is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Group {
    /// The SID of the group.
    pub sid: Sid,
    /// How the user is in it.
    pub attributes: GroupAttributes,
}

impl Group {
    /// Returns whether the user has the rights of the group: the membership is enabled, and not for denying only.
    #[must_use]
    pub fn grants(&self) -> bool {
        self.attributes.contains(GroupAttributes::ENABLED)
            && !self.attributes.contains(GroupAttributes::USE_FOR_DENY_ONLY)
    }
}

flags! {
    /// How a user is in a group (MS-PAC section 2.2.1); unknown bits are kept.
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    pub struct GroupAttributes(u32) {
        /// The membership cannot be disabled.
        const MANDATORY = 0x1;
        /// The membership is enabled unless it was disabled.
        const ENABLED_BY_DEFAULT = 0x2;
        /// The membership is enabled: it counts.
        const ENABLED = 0x4;
        /// The group may own objects.
        const OWNER = 0x8;
        /// The membership counts where access is denied, and nowhere else.
        const USE_FOR_DENY_ONLY = 0x10;
        /// The group is local to the service's domain.
        const RESOURCE = 0x2000_0000;
    }
}

/// Where the elements of a PGROUP_MEMBERSHIP are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RidArray(Span);

impl RidArray {
    /// Reads what a pointer to `count` elements points to. The elements have one size, so none is looked at.
    #[inline(always)]
    pub(super) fn read(ndr: &mut NdrReader<'_>, pointer: Pointer, count: usize, field: Field) -> Result<Self, Fault> {
        match pointer {
            Pointer::Null => Ok(Self::default()),
            Pointer::Present => ndr.array(count, ELEMENT, 4, field).map(Self),
        }
    }

    /// Returns the groups, which are those of `domain`.
    pub(super) fn groups(self, pac: &[u8], domain: DomainSid) -> impl ExactSizeIterator<Item = Group> {
        let elements = self.0.of(pac).chunks_exact(ELEMENT);
        elements.map(move |element| Group {
            sid: domain.account(u32_at(element, 0)),
            attributes: GroupAttributes::from_bits(u32_at(element, 4)),
        })
    }
}

/// Where the parts of a PKERB_SID_AND_ATTRIBUTES are: elements of one size, then the SIDs that they point to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SidArray {
    elements: Span,
    sids: Span,
}

impl SidArray {
    /// Reads what a pointer to `count` elements points to. Every SID is measured, since the next field lies behind the
    /// last.
    #[inline(always)]
    pub(super) fn read(ndr: &mut NdrReader<'_>, pointer: Pointer, count: usize, field: Field) -> Result<Self, Fault> {
        if pointer == Pointer::Null {
            return Ok(Self::default());
        }
        let elements = ndr.array(count, ELEMENT, 4, field)?;
        for element in elements.of(ndr.pac()).chunks_exact(ELEMENT) {
            ndr.referent(u32_at(element, 0), field)?.required(ndr, field)?;
        }
        let start = ndr.at();
        for _ in 0..count {
            ndr.sid(field)?;
        }
        Ok(Self { elements, sids: Span::between(start, ndr.at()) })
    }

    pub(super) fn groups(self, pac: &[u8]) -> impl Iterator<Item = Group> {
        let elements = self.elements.of(pac).chunks_exact(ELEMENT);
        elements.zip(self.packets(pac)).map_while(|(element, packet)| {
            Some(Group { sid: Sid::from_bytes(packet)?, attributes: GroupAttributes::from_bits(u32_at(element, 4)) })
        })
    }

    /// Returns the SIDs, in their packet form.
    pub(super) fn packets(self, pac: &[u8]) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.sids.of(pac);
        core::iter::from_fn(move || {
            // Before each SID stands its count, which the SID repeats.
            let packet = rest.get(4..)?;
            let (packet, after) = packet.split_at_checked(Sid::length(*packet.first_chunk()?)?)?;
            rest = after;
            Some(packet)
        })
    }
}

/// Octets of an element: a RID or a pointer to a SID, and attributes.
const ELEMENT: usize = 8;
