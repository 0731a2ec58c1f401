//! PAC_DEVICE_INFO (MS-PAC section 2.12): the device that the user signed in from, where the client tells it to the KDC
//! (compound identity).

use super::groups::{Group, RidArray, SidArray};
use super::ndr::{NdrReader, Pointer, u32_at};
use super::reader::Place;
use crate::error::PacMalformed;
use crate::sid::Sid;

/// The buffer DEVICE_INFO: a computer account, as its domain controller knows it.
#[derive(Clone, Copy, Debug)]
pub struct DeviceInfo<'a> {
    pac: &'a [u8],
    user_id: u32,
    primary_group_id: u32,
    domain: Sid,
    account_groups: RidArray,
    extra_sids: SidArray,
    /// A DOMAIN_GROUP_MEMBERSHIP each.
    memberships: Place,
    /// What those point to.
    domains: Place,
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
    pub fn domain_groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        let (pac, mut ndr) = (self.pac, NdrReader::resume(self.pac, self.domains));
        let memberships = self.memberships.of(pac).chunks_exact(DOMAIN_GROUP_MEMBERSHIP);
        memberships
            .map_while(move |membership| read_domain(&mut ndr, membership).ok())
            .flat_map(move |(domain, groups)| groups.groups(pac, domain))
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
        let memberships =
            if domains.is_present() { read_memberships(&mut ndr, domain_count)? } else { Place::default() };
        let start = ndr.at();
        for membership in memberships.of(pac).chunks_exact(DOMAIN_GROUP_MEMBERSHIP) {
            read_domain(&mut ndr, membership)?;
        }
        let domains = Place::new(start, ndr.at().saturating_sub(start));
        ndr.finish(NAME)?;
        Ok(Self { pac, user_id, primary_group_id, domain, account_groups, extra_sids, memberships, domains })
    }
}

/// DOMAIN_GROUP_MEMBERSHIP (MS-PAC section 2.2.3): all elements, before what the pointers in each point to.
fn read_memberships(ndr: &mut NdrReader<'_>, count: usize) -> Result<Place, PacMalformed> {
    ndr.elements(count, DOMAIN_GROUP_MEMBERSHIP, DOMAIN_GROUP)?;
    let start = ndr.at();
    for _ in 0..count {
        ndr.pointer(DOMAIN_GROUP)?.required(ndr, DOMAIN_GROUP)?;
        let group_count = ndr.count(DOMAIN_GROUP)?;
        ndr.array_pointer(group_count, DOMAIN_GROUP)?;
    }
    Ok(Place::new(start, ndr.at().saturating_sub(start)))
}

/// What an element that was read before points to.
fn read_domain(ndr: &mut NdrReader<'_>, membership: &[u8]) -> Result<(Sid, RidArray), PacMalformed> {
    let (domain, _) = ndr.domain_sid(DOMAIN_GROUP)?;
    let count = usize::try_from(u32_at(membership, 4)).unwrap_or(usize::MAX);
    let pointer = Pointer::of_checked(u32_at(membership, 8));
    Ok((domain, RidArray::read(ndr, pointer, count, DOMAIN_GROUP)?))
}

const NAME: &str = "PAC_DEVICE_INFO";
const ACCOUNT_DOMAIN_ID: &str = "PAC_DEVICE_INFO.AccountDomainId";
const ACCOUNT_GROUP_IDS: &str = "PAC_DEVICE_INFO.AccountGroupIds";
const EXTRA_SIDS: &str = "PAC_DEVICE_INFO.ExtraSids";
const DOMAIN_GROUP: &str = "PAC_DEVICE_INFO.DomainGroup";

/// Bytes of a DOMAIN_GROUP_MEMBERSHIP.
const DOMAIN_GROUP_MEMBERSHIP: usize = 12;
