//! PAC_DEVICE_INFO (MS-PAC section 2.12): the device from which the user signed in. The KDC writes this buffer if the client
//! proves the device's identity to the KDC (compound identity).

use super::fault::Fault;
use super::field::Field;
use super::groups::{Group, RidArray, SidArray};
use super::ndr::{NdrReader, Pointer};
use crate::sid::{DomainSid, Sid};
use crate::span::Span;
use core::fmt;

/// The buffer DEVICE_INFO: a computer account and its groups.
#[derive(Clone)]
pub struct DeviceInfo<'a> {
    pac: &'a [u8],
    user_id: u32,
    primary_group_id: u32,
    domain: DomainSid,
    account_groups: RidArray,
    extra_sids: SidArray,
    domains: Domains<'a>,
}

impl<'a> DeviceInfo<'a> {
    /// Returns the SID of the device, from AccountDomainId and UserId.
    #[must_use]
    pub fn device_sid(&self) -> Sid {
        self.domain.account(self.user_id)
    }

    /// Returns the SID of the device's primary group, from AccountDomainId and PrimaryGroupId.
    #[must_use]
    pub fn primary_group_sid(&self) -> Sid {
        self.domain.account(self.primary_group_id)
    }

    /// Returns the device's groups in the device's own domain.
    pub fn account_groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        self.account_groups.groups(self.pac, self.domain)
    }

    /// Returns the device's groups in ExtraSids.
    pub fn extra_sids(&self) -> impl Iterator<Item = Group> + use<'a> {
        self.extra_sids.groups(self.pac)
    }

    /// Returns the device's groups in DomainGroup, which are groups of other domains.
    pub fn domain_groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        let pac = self.pac;
        // `read` has read all domains without an error, so no domain is lost here.
        self.domains.clone().map_while(Result::ok).flat_map(move |(domain, groups)| groups.groups(pac, domain))
    }

    pub(super) fn read(pac: &'a [u8], buffer: Span) -> Result<Self, Fault> {
        let mut ndr = NdrReader::open(pac, buffer, Field::Device)?;
        let (user_id, primary_group_id) = (ndr.u32(Field::Device)?, ndr.u32(Field::Device)?);
        ndr.pointer(Field::DeviceAccountDomainId)?.required(&ndr, Field::DeviceAccountDomainId)?;
        let group_count = ndr.count(Field::DeviceAccountGroupIds)?;
        let groups = ndr.array_pointer(group_count, Field::DeviceAccountGroupIds)?;
        let sid_count = ndr.count(Field::DeviceExtraSids)?;
        let sids = ndr.array_pointer(sid_count, Field::DeviceExtraSids)?;
        let domain_count = ndr.count(Field::DeviceDomainGroup)?;
        let domains = ndr.array_pointer(domain_count, Field::DeviceDomainGroup)?;
        let (_, domain) = ndr.domain_sid(Field::DeviceAccountDomainId)?;
        let account_groups = RidArray::read(&mut ndr, groups, group_count, Field::DeviceAccountGroupIds)?;
        let extra_sids = SidArray::read(&mut ndr, sids, sid_count, Field::DeviceExtraSids)?;
        let domains = Domains::read(&mut ndr, domains, domain_count)?;
        ndr.finish(Field::Device)?;
        Ok(Self { pac, user_id, primary_group_id, domain, account_groups, extra_sids, domains })
    }
}

impl fmt::Debug for DeviceInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceInfo").field("device_sid", &self.device_sid()).finish_non_exhaustive()
    }
}

/// An iterator over an array of DOMAIN_GROUP_MEMBERSHIP (MS-PAC section 2.2.3). One reader reads the elements, and the
/// other reader reads the referents of their pointers.
#[derive(Clone)]
struct Domains<'a> {
    elements: NdrReader<'a>,
    contents: NdrReader<'a>,
    left: usize,
}

impl<'a> Domains<'a> {
    /// Reads all elements once. Afterwards, `ndr` is at the field after the elements, and every element is well formed.
    fn read(ndr: &mut NdrReader<'a>, pointer: Pointer, count: usize) -> Result<Self, Fault> {
        if pointer.is_present() {
            ndr.elements(count, DOMAIN_GROUP_MEMBERSHIP, Field::DeviceDomainGroup)?;
        }
        let elements = ndr.clone();
        ndr.skip(count, DOMAIN_GROUP_MEMBERSHIP, Field::DeviceDomainGroup)?;
        let domains = Self { elements, contents: ndr.clone(), left: count };
        let mut rest = domains.clone();
        rest.try_for_each(|domain| domain.map(|_| ()))?;
        *ndr = rest.contents;
        Ok(domains)
    }

    fn read_next(&mut self) -> Result<(DomainSid, RidArray), Fault> {
        self.elements.pointer(Field::DeviceDomainGroup)?.required(&self.elements, Field::DeviceDomainGroup)?;
        let count = self.elements.count(Field::DeviceDomainGroup)?;
        let groups = self.elements.array_pointer(count, Field::DeviceDomainGroup)?;
        let (_, domain) = self.contents.domain_sid(Field::DeviceDomainGroup)?;
        Ok((domain, RidArray::read(&mut self.contents, groups, count, Field::DeviceDomainGroup)?))
    }
}

impl Iterator for Domains<'_> {
    type Item = Result<(DomainSid, RidArray), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(self.read_next())
    }
}

/// The number of octets of a DOMAIN_GROUP_MEMBERSHIP.
const DOMAIN_GROUP_MEMBERSHIP: usize = 12;
