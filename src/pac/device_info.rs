//! PAC_DEVICE_INFO (MS-PAC section 2.12): the device that the user signed in from, where the client tells it to the KDC
//! (compound identity).

use super::groups::{Group, RidArray, SidArray};
use super::ndr::NdrReader;
use super::reader::Place;
use crate::error::PacMalformed;
use crate::sid::Sid;
use alloc::vec::Vec;

/// The buffer DEVICE_INFO: a computer account, as its domain controller knows it.
#[derive(Clone, Debug)]
pub struct DeviceInfo<'a> {
    pac: &'a [u8],
    user_id: u32,
    primary_group_id: u32,
    domain: Sid,
    account_groups: RidArray,
    extra_sids: SidArray,
    domain_groups: Vec<(Sid, RidArray)>,
}

impl<'a> DeviceInfo<'a> {
    /// The device: AccountDomainId and UserId.
    #[must_use]
    pub fn device_sid(&self) -> Sid {
        self.domain.join(self.user_id).unwrap_or(self.domain)
    }

    /// AccountDomainId and PrimaryGroupId.
    #[must_use]
    pub fn primary_group_sid(&self) -> Sid {
        self.domain.join(self.primary_group_id).unwrap_or(self.domain)
    }

    /// The groups of the device's domain that it is in.
    pub fn account_groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        self.account_groups.groups(self.pac, self.domain)
    }

    /// Groups by SID.
    pub fn extra_sids(&self) -> impl Iterator<Item = Group> + use<'a> {
        self.extra_sids.groups(self.pac)
    }

    /// Groups of other domains.
    pub fn domain_groups(&self) -> impl Iterator<Item = Group> {
        self.domain_groups.iter().flat_map(|(domain, groups)| groups.groups(self.pac, *domain))
    }

    pub(super) fn read(pac: &'a [u8], buffer: Place) -> Result<Self, PacMalformed> {
        let mut ndr = NdrReader::open(pac, buffer, NAME)?;
        let (user_id, primary_group_id) = (ndr.u32(NAME)?, ndr.u32(NAME)?);
        ndr.pointer(ACCOUNT_DOMAIN_ID)?.required(&ndr, ACCOUNT_DOMAIN_ID)?;
        let group_count = ndr.count(ACCOUNT_GROUP_IDS)?;
        let groups = ndr.array_pointer(group_count, ACCOUNT_GROUP_IDS)?;
        let sid_count = ndr.count(EXTRA_SIDS)?;
        let sids = ndr.array_pointer(sid_count, EXTRA_SIDS)?;
        let domain_count = ndr.count(DOMAIN_GROUP)?;
        let domains = ndr.array_pointer(domain_count, DOMAIN_GROUP)?;
        let (domain, _) = ndr.domain_sid(ACCOUNT_DOMAIN_ID)?;
        let account_groups = RidArray::read(&mut ndr, groups, group_count, ACCOUNT_GROUP_IDS)?;
        let extra_sids = SidArray::read(&mut ndr, sids, sid_count, EXTRA_SIDS)?;
        let domain_groups = if domains.is_present() { read_domains(&mut ndr, domain_count)? } else { Vec::new() };
        ndr.finish(NAME)?;
        Ok(Self { pac, user_id, primary_group_id, domain, account_groups, extra_sids, domain_groups })
    }
}

/// DOMAIN_GROUP_MEMBERSHIP (MS-PAC section 2.2.3): all elements, then what the pointers in each point to.
fn read_domains(ndr: &mut NdrReader<'_>, count: usize) -> Result<Vec<(Sid, RidArray)>, PacMalformed> {
    ndr.elements(count, DOMAIN_GROUP_MEMBERSHIP, DOMAIN_GROUP)?;
    let mut elements = Vec::new();
    for _ in 0..count {
        ndr.pointer(DOMAIN_GROUP)?.required(ndr, DOMAIN_GROUP)?;
        let group_count = ndr.count(DOMAIN_GROUP)?;
        elements.push((group_count, ndr.array_pointer(group_count, DOMAIN_GROUP)?));
    }
    let read = |(group_count, groups)| {
        let (domain, _) = ndr.domain_sid(DOMAIN_GROUP)?;
        Ok((domain, RidArray::read(ndr, groups, group_count, DOMAIN_GROUP)?))
    };
    elements.into_iter().map(read).collect()
}

const NAME: &str = "PAC_DEVICE_INFO";
const ACCOUNT_DOMAIN_ID: &str = "PAC_DEVICE_INFO.AccountDomainId";
const ACCOUNT_GROUP_IDS: &str = "PAC_DEVICE_INFO.AccountGroupIds";
const EXTRA_SIDS: &str = "PAC_DEVICE_INFO.ExtraSids";
const DOMAIN_GROUP: &str = "PAC_DEVICE_INFO.DomainGroup";

/// Bytes of a DOMAIN_GROUP_MEMBERSHIP.
const DOMAIN_GROUP_MEMBERSHIP: usize = 12;
