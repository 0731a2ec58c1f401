//! Groups as a PAC lists them (MS-PAC section 2.2): by RID in a domain, or by SID; each with attributes.
//!
//! In: arrays that were measured when their structure was read. Out: one group after the other, decoded when asked for.

use super::ndr::{NdrReader, Pointer};
use super::reader::{Place, u32_at};
use crate::error::PacMalformed;
use crate::sid::Sid;
use crate::wire::der::Tell;

/// A group that the user is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Group {
    /// The group.
    pub sid: Sid,
    /// How the user is in it.
    pub attributes: GroupAttributes,
}

impl Group {
    /// Whether the membership gives what the group is given: it is enabled, and not for denying only.
    #[must_use]
    pub fn grants(&self) -> bool {
        self.attributes.contains(GroupAttributes::ENABLED)
            && !self.attributes.contains(GroupAttributes::USE_FOR_DENY_ONLY)
    }
}

/// How a user is in a group (MS-PAC section 2.2.1); bits that are not known are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GroupAttributes(pub u32);

impl GroupAttributes {
    /// The membership cannot be switched off.
    pub const MANDATORY: Self = Self(0x1);
    /// It is on unless switched off.
    pub const ENABLED_BY_DEFAULT: Self = Self(0x2);
    /// It counts.
    pub const ENABLED: Self = Self(0x4);
    /// The group may own things.
    pub const OWNER: Self = Self(0x8);
    /// It counts where access is denied, and nowhere else.
    pub const USE_FOR_DENY_ONLY: Self = Self(0x10);
    /// A domain-local group of the service's domain.
    pub const RESOURCE: Self = Self(0x2000_0000);

    /// Whether all bits of `attributes` are set.
    #[must_use]
    pub const fn contains(self, attributes: Self) -> bool {
        self.0 & attributes.0 == attributes.0
    }
}

/// Where a PGROUP_MEMBERSHIP's elements are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RidArray(Place);

impl RidArray {
    /// Reads what a pointer to `count` elements points to. The elements have one size, so none is looked at.
    pub(super) fn read<D: Tell<PacMalformed>>(
        ndr: &mut NdrReader<'_, D>,
        pointer: Pointer,
        count: usize,
        what: &'static str,
    ) -> Result<Self, D::Told> {
        match pointer {
            Pointer::Null => Ok(Self::default()),
            Pointer::Present => ndr.array(count, 8, 4, what).map(Self),
        }
    }

    /// The groups of `domain`, whose SID has room for a RID.
    pub(super) fn groups(self, pac: &[u8], domain: Sid) -> impl ExactSizeIterator<Item = Group> {
        let elements = self.0.of(pac).chunks_exact(8);
        elements.map(move |element| Group {
            sid: domain.join(u32_at(element, 0)).unwrap_or(domain),
            attributes: GroupAttributes(u32_at(element, 4)),
        })
    }
}

/// Where the parts of a PKERB_SID_AND_ATTRIBUTES are: elements of one size, then the SIDs that they point to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SidArray {
    elements: Place,
    sids: Place,
}

impl SidArray {
    /// Reads what a pointer to `count` elements points to: every SID once, since what follows lies behind the last.
    pub(super) fn read<D: Tell<PacMalformed>>(
        ndr: &mut NdrReader<'_, D>,
        pointer: Pointer,
        count: usize,
        what: &'static str,
    ) -> Result<Self, D::Told> {
        if pointer == Pointer::Null {
            return Ok(Self::default());
        }
        let elements = ndr.array(count, 8, 4, what)?;
        for element in elements.of(ndr.pac()).chunks_exact(8) {
            ndr.referent(u32_at(element, 0), what)?.required(ndr, what)?;
        }
        let start = ndr.at();
        for _ in 0..count {
            ndr.sid(what)?;
        }
        Ok(Self { elements, sids: Place::new(start, ndr.at().saturating_sub(start)) })
    }

    pub(super) fn groups(self, pac: &[u8]) -> impl Iterator<Item = Group> {
        let elements = self.elements.of(pac).chunks_exact(8);
        elements.zip(self.packets(pac)).map_while(|(element, packet)| {
            Some(Group { sid: Sid::from_bytes(packet)?, attributes: GroupAttributes(u32_at(element, 4)) })
        })
    }

    /// The SIDs, in their packet form.
    pub(super) fn packets(self, pac: &[u8]) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.sids.of(pac);
        core::iter::from_fn(move || {
            // The conformance before each SID is its count, which the SID repeats.
            let packet = rest.get(4..)?;
            let (packet, after) = packet.split_at_checked(Sid::length(*packet.first_chunk()?)?)?;
            rest = after;
            Some(packet)
        })
    }
}
