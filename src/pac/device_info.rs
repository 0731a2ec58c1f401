//! PAC_DEVICE_INFO (MS-PAC section 2.12): the device that the user signed in from, where the client tells it to the KDC
//! (compound identity).

use super::groups::{Group, RidArray, SidArray};
use super::ndr::{NdrReader, Pointer};
use super::reader::Place;
use crate::error::{PacMalformed, PacProblem};
use crate::sid::Sid;
use core::fmt;

/// The buffer DEVICE_INFO: a computer account, as its domain controller knows it.
#[derive(Clone)]
pub struct DeviceInfo<'a> {
    pac: &'a [u8],
    user_id: u32,
    primary_group_id: u32,
    domain: Sid,
    account_groups: RidArray,
    extra_sids: SidArray,
    domains: Domains<'a>,
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
        let pac = self.pac;
        self.domains.clone().map_while(Result::ok).flat_map(move |(domain, groups)| groups.groups(pac, domain))
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
        let domain = domain_sid(&mut ndr, ACCOUNT_DOMAIN_ID)?;
        let account_groups = RidArray::read(&mut ndr, groups, group_count, ACCOUNT_GROUP_IDS)?;
        let extra_sids = SidArray::read(&mut ndr, sids, sid_count, EXTRA_SIDS)?;
        let domains = Domains::read(&mut ndr, domains, domain_count)?;
        ndr.finish(NAME)?;
        Ok(Self { pac, user_id, primary_group_id, domain, account_groups, extra_sids, domains })
    }
}

impl fmt::Debug for DeviceInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceInfo").field("device_sid", &self.device_sid()).finish_non_exhaustive()
    }
}

/// An array of DOMAIN_GROUP_MEMBERSHIP (MS-PAC section 2.2.3), read at two places: the elements, and what the pointers in
/// them point to.
#[derive(Clone)]
struct Domains<'a> {
    elements: NdrReader<'a>,
    contents: NdrReader<'a>,
    left: usize,
}

impl<'a> Domains<'a> {
    /// Reads all once, so that what follows is reached and they are known to be well.
    fn read(ndr: &mut NdrReader<'a>, pointer: Pointer, count: usize) -> Result<Self, PacMalformed> {
        if pointer.is_present() {
            ndr.elements(count, DOMAIN_GROUP_MEMBERSHIP, DOMAIN_GROUP)?;
        }
        let elements = ndr.clone();
        ndr.skip(count.saturating_mul(DOMAIN_GROUP_MEMBERSHIP), DOMAIN_GROUP)?;
        let domains = Self { elements, contents: ndr.clone(), left: count };
        let mut rest = domains.clone();
        rest.try_for_each(|domain| domain.map(|_| ()))?;
        *ndr = rest.contents;
        Ok(domains)
    }

    fn read_next(&mut self) -> Result<(Sid, RidArray), PacMalformed> {
        self.elements.pointer(DOMAIN_GROUP)?.required(&self.elements, DOMAIN_GROUP)?;
        let count = self.elements.count(DOMAIN_GROUP)?;
        let groups = self.elements.array_pointer(count, DOMAIN_GROUP)?;
        let domain = domain_sid(&mut self.contents, DOMAIN_GROUP)?;
        Ok((domain, RidArray::read(&mut self.contents, groups, count, DOMAIN_GROUP)?))
    }
}

impl Iterator for Domains<'_> {
    type Item = Result<(Sid, RidArray), PacMalformed>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(self.read_next())
    }
}

fn domain_sid(ndr: &mut NdrReader<'_>, what: &'static str) -> Result<Sid, PacMalformed> {
    let place = ndr.domain_sid(what)?;
    Sid::from_bytes(place.of(ndr.pac())).ok_or_else(|| ndr.error(what, PacProblem::Sid))
}

const NAME: &str = "PAC_DEVICE_INFO";
const ACCOUNT_DOMAIN_ID: &str = "PAC_DEVICE_INFO.AccountDomainId";
const ACCOUNT_GROUP_IDS: &str = "PAC_DEVICE_INFO.AccountGroupIds";
const EXTRA_SIDS: &str = "PAC_DEVICE_INFO.ExtraSids";
const DOMAIN_GROUP: &str = "PAC_DEVICE_INFO.DomainGroup";

/// Bytes of a DOMAIN_GROUP_MEMBERSHIP.
const DOMAIN_GROUP_MEMBERSHIP: usize = 12;
