//! The groups in a PAC (MS-PAC section 2.2). A PAC names a group by its RID in a domain or by its SID, and adds attributes.
//!
//! Input: arrays whose lengths were checked when their structure was read. Output: an iterator that decodes the groups one by
//! one.

use super::fault::Fault;
use super::field::Field;
use super::ndr::{NdrReader, Pointer};
use super::reader::u32_at;
use crate::flags::flags;
use crate::sid::{DomainSid, Sid};
use crate::span::Span;

/// A group of which the user is a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Group {
    /// The SID of the group.
    pub sid: Sid,
    /// The attributes of the user's membership.
    pub attributes: GroupAttributes,
}

impl Group {
    /// Returns whether the user has the rights of the group. The membership must be enabled, and must not have the attribute
    /// [`USE_FOR_DENY_ONLY`](GroupAttributes::USE_FOR_DENY_ONLY).
    #[must_use]
    pub fn grants(&self) -> bool {
        self.attributes.contains(GroupAttributes::ENABLED)
            && !self.attributes.contains(GroupAttributes::USE_FOR_DENY_ONLY)
    }
}

flags! {
    /// The attributes of a user's membership in a group (MS-PAC section 2.2.1). Unknown bits are kept.
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    pub struct GroupAttributes(u32) {
        /// The membership cannot be disabled.
        const MANDATORY = 0x1;
        /// The membership is enabled by default.
        const ENABLED_BY_DEFAULT = 0x2;
        /// The membership is enabled.
        const ENABLED = 0x4;
        /// The group may be the owner of objects.
        const OWNER = 0x8;
        /// The membership can only deny access: it never grants access.
        const USE_FOR_DENY_ONLY = 0x10;
        /// The group is local to the service's domain.
        const RESOURCE = 0x2000_0000;
    }
}

/// The span of the elements of a PGROUP_MEMBERSHIP.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RidArray(Span);

impl RidArray {
    /// Reads the array of `count` elements that `pointer` announces. All elements have the same size, so this function does
    /// not decode them.
    #[inline(always)]
    pub(super) fn read(ndr: &mut NdrReader<'_>, pointer: Pointer, count: usize, field: Field) -> Result<Self, Fault> {
        match pointer {
            Pointer::Null => Ok(Self::default()),
            Pointer::Present => ndr.array(count, ELEMENT, 4, field).map(Self),
        }
    }

    /// Returns the groups with these RIDs in `domain`.
    pub(super) fn groups(self, pac: &[u8], domain: DomainSid) -> impl ExactSizeIterator<Item = Group> {
        let elements = self.0.of(pac).chunks_exact(ELEMENT);
        elements.map(move |element| Group {
            sid: domain.account(u32_at(element, 0)),
            attributes: GroupAttributes::from_bits(u32_at(element, 4)),
        })
    }
}

/// The spans of a PKERB_SID_AND_ATTRIBUTES: the elements, which have a fixed size, and the SIDs to which the elements point.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SidArray {
    elements: Span,
    sids: Span,
}

impl SidArray {
    /// Reads the array of `count` elements that `pointer` announces. The function reads the length of every SID, because the
    /// next field lies after the last SID.
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
            // The count of the sub-authorities precedes each SID, and the SID repeats this count.
            let packet = rest.get(4..)?;
            let (packet, after) = packet.split_at_checked(Sid::length(*packet.first_chunk()?)?)?;
            rest = after;
            Some(packet)
        })
    }
}

/// The number of octets of an element: a RID or a pointer to a SID, and the attributes.
const ELEMENT: usize = 8;
