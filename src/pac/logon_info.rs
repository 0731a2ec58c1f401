//! KERB_VALIDATION_INFO (MS-PAC section 2.5): who the user is, and in which groups.
//!
//! In: the buffer LOGON_INFO of a PAC whose signature was verified. Out: [`LogonInfo`], whose texts and groups are
//! decoded when they are asked for; all of it has been measured, and every text and SID looked at, once.
//!
//! Not looked at: what NTLM uses (the session key, the failed logons), which Kerberos leaves empty.

use super::file_time::FileTime;
use super::groups::{Group, RidArray, SidArray};
use super::ndr::{NdrReader, Pointer, UnicodeString};
use super::reader::{Place, bytes_at, u32_at};
use super::wide_text::WideText;
use crate::error::{PacMalformed, PacProblem};
use crate::sid::Sid;
use crate::wire::der::Tell;
use core::fmt;

/// The buffer LOGON_INFO: the account, as its domain controller knows it.
#[derive(Clone, Copy)]
pub struct LogonInfo<'a> {
    pac: &'a [u8],
    layout: LogonInfoLayout,
}

impl<'a> LogonInfo<'a> {
    pub(super) const fn new(pac: &'a [u8], layout: &LogonInfoLayout) -> Self {
        Self { pac, layout: *layout }
    }

    /// The user: LogonDomainId and UserId.
    #[must_use]
    pub fn user_sid(&self) -> Sid {
        self.in_domain(self.user_id())
    }

    /// The user's domain: LogonDomainId.
    #[must_use]
    pub fn logon_domain_sid(&self) -> Sid {
        self.layout.domain_sid(self.pac)
    }

    /// LogonDomainId and PrimaryGroupId.
    #[must_use]
    pub fn primary_group_sid(&self) -> Sid {
        self.in_domain(self.number(offset::PRIMARY_GROUP_ID))
    }

    /// The account's name (sAMAccountName).
    #[must_use]
    pub fn effective_name(&self) -> WideText<'a> {
        self.text(0)
    }

    /// The user's display name; often empty.
    #[must_use]
    pub fn full_name(&self) -> WideText<'a> {
        self.text(1)
    }

    /// The path of the logon script.
    #[must_use]
    pub fn logon_script(&self) -> WideText<'a> {
        self.text(2)
    }

    /// The path of the profile.
    #[must_use]
    pub fn profile_path(&self) -> WideText<'a> {
        self.text(3)
    }

    /// The home directory.
    #[must_use]
    pub fn home_directory(&self) -> WideText<'a> {
        self.text(4)
    }

    /// The drive letter that the home directory gets.
    #[must_use]
    pub fn home_directory_drive(&self) -> WideText<'a> {
        self.text(5)
    }

    /// The NetBIOS name of the domain controller that authenticated the user.
    #[must_use]
    pub fn logon_server(&self) -> WideText<'a> {
        self.text(6)
    }

    /// The NetBIOS name of the user's domain.
    #[must_use]
    pub fn logon_domain_name(&self) -> WideText<'a> {
        self.text(7)
    }

    /// When the user last logged on, before now.
    #[must_use]
    pub fn logon_time(&self) -> FileTime {
        self.time(offset::LOGON_TIME)
    }

    /// When the logon should end.
    #[must_use]
    pub fn logoff_time(&self) -> FileTime {
        self.time(offset::LOGOFF_TIME)
    }

    /// When the user should be logged off by force.
    #[must_use]
    pub fn kick_off_time(&self) -> FileTime {
        self.time(offset::KICK_OFF_TIME)
    }

    /// When the password was set.
    #[must_use]
    pub fn password_last_set(&self) -> FileTime {
        self.time(offset::PASSWORD_LAST_SET)
    }

    /// From when the password can be changed.
    #[must_use]
    pub fn password_can_change(&self) -> FileTime {
        self.time(offset::PASSWORD_CAN_CHANGE)
    }

    /// Until when the password must be changed.
    #[must_use]
    pub fn password_must_change(&self) -> FileTime {
        self.time(offset::PASSWORD_MUST_CHANGE)
    }

    /// How often the user has logged on.
    #[must_use]
    pub fn logon_count(&self) -> u16 {
        u16::from_le_bytes(self.field(offset::LOGON_COUNT))
    }

    /// How often a wrong password was given since the right one.
    #[must_use]
    pub fn bad_password_count(&self) -> u16 {
        u16::from_le_bytes(self.field(offset::BAD_PASSWORD_COUNT))
    }

    /// UserFlags.
    #[must_use]
    pub fn user_flags(&self) -> UserFlags {
        UserFlags(self.number(offset::USER_FLAGS))
    }

    /// UserAccountControl.
    #[must_use]
    pub fn account_control(&self) -> AccountControl {
        AccountControl(self.number(offset::USER_ACCOUNT_CONTROL))
    }

    /// GroupIds: the groups of the user's domain that the user is in, the primary group as a rule among them.
    #[must_use]
    pub fn groups(&self) -> impl ExactSizeIterator<Item = Group> + use<'a> {
        self.layout.groups.groups(self.pac, self.logon_domain_sid())
    }

    /// ExtraSids: groups of other domains, groups by their former SIDs, and SIDs that say something about the logon. The
    /// flag [`UserFlags::EXTRA_SIDS`] says that there are some; the list says it too, and is what is given here.
    pub fn extra_sids(&self) -> impl Iterator<Item = Group> + use<'a> {
        self.layout.extra_sids.groups(self.pac)
    }

    /// ResourceGroupDomainSid: the service's domain, if the user is in groups that are local to it.
    #[must_use]
    pub fn resource_group_domain_sid(&self) -> Option<Sid> {
        Sid::from_bytes(self.layout.resource_domain?.of(self.pac))
    }

    /// ResourceGroupIds: the domain-local groups of the service's domain that the user is in.
    pub fn resource_groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        let (pac, groups) = (self.pac, self.layout.resource_groups);
        self.resource_group_domain_sid().into_iter().flat_map(move |domain| groups.groups(pac, domain))
    }

    /// UserId.
    pub(crate) fn user_id(&self) -> u32 {
        self.layout.user_id(self.pac)
    }

    /// Whether the packet form `sid` is the user's.
    pub(crate) fn is_user(&self, sid: &[u8]) -> bool {
        let domain = self.layout.domain.of(self.pac);
        // Of a user it is that of the domain, with one more number, and the count says so.
        match (sid, domain) {
            ([1, 5, sid @ ..], [1, 4, domain @ ..]) => sid
                .split_last_chunk()
                .is_some_and(|(of_domain, rid)| of_domain == domain && *rid == self.user_id().to_le_bytes()),
            _ => false,
        }
    }

    /// Whether the packet form `sid` is among the extra SIDs.
    pub(crate) fn has_extra_sid(&self, sid: &[u8]) -> bool {
        self.layout.extra_sids.packets(self.pac).any(|extra| extra == sid)
    }

    /// The domain's SID has room for a RID.
    fn in_domain(&self, rid: u32) -> Sid {
        let domain = self.logon_domain_sid();
        domain.join(rid).unwrap_or(domain)
    }

    /// The field of the structure itself at `offset`.
    fn field<const N: usize>(&self, offset: usize) -> [u8; N] {
        bytes_at(self.layout.fields.of(self.pac), offset)
    }

    fn number(&self, offset: usize) -> u32 {
        u32::from_le_bytes(self.field(offset))
    }

    fn time(&self, offset: usize) -> FileTime {
        FileTime(u64::from_le_bytes(self.field(offset)))
    }

    fn text(&self, index: usize) -> WideText<'a> {
        WideText::of_checked(self.layout.texts.get(index).copied().unwrap_or_default().of(self.pac))
    }
}

impl fmt::Debug for LogonInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogonInfo")
            .field("user_sid", &self.user_sid())
            .field("effective_name", &self.effective_name())
            .finish_non_exhaustive()
    }
}

/// UserFlags (MS-PAC section 2.5): how the user logged on, and which lists are filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserFlags(pub u32);

impl UserFlags {
    /// The user is a guest.
    pub const GUEST: Self = Self(0x1);
    /// ExtraSids is filled.
    pub const EXTRA_SIDS: Self = Self(0x20);
    /// ResourceGroupIds is filled.
    pub const RESOURCE_GROUPS: Self = Self(0x200);

    /// Whether all bits of `flags` are set.
    #[must_use]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

/// UserAccountControl as a PAC has it: the bits of MS-SAMR section 2.2.1.12, which are not those of the attribute
/// userAccountControl in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccountControl(pub u32);

impl AccountControl {
    /// The account is disabled.
    pub const DISABLED: Self = Self(0x1);
    /// A user.
    pub const NORMAL: Self = Self(0x10);
    /// A trust with another domain.
    pub const INTERDOMAIN_TRUST: Self = Self(0x40);
    /// A computer, or a managed service account.
    pub const WORKSTATION_TRUST: Self = Self(0x80);
    /// A domain controller.
    pub const SERVER_TRUST: Self = Self(0x100);

    /// Whether all bits of `bits` are set.
    #[must_use]
    pub const fn contains(self, bits: Self) -> bool {
        self.0 & bits.0 == bits.0
    }
}

/// Where everything is in a LOGON_INFO.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogonInfoLayout {
    /// The structure itself, without what its pointers point to.
    fields: Place,
    texts: [Place; 8],
    domain: Place,
    groups: RidArray,
    extra_sids: SidArray,
    resource_domain: Option<Place>,
    resource_groups: RidArray,
}

impl LogonInfoLayout {
    /// The packet form of the domain's SID, and the user in that domain.
    pub(super) fn user<'a>(&self, pac: &'a [u8]) -> (&'a [u8], u32) {
        (self.domain.of(pac), self.user_id(pac))
    }

    pub(super) fn read<D: Tell<PacMalformed>>(pac: &[u8], buffer: Place) -> Result<Self, D::Told> {
        let mut ndr = NdrReader::<D>::open(pac, buffer, NAME)?;
        // All are aligned to four bytes, so none has padding before it, and one look at the bytes is enough for all.
        let start = ndr.at();
        let fields = ndr.fixed(NAME)?;
        let pointers = Pointers::read(&mut ndr, fields)?;
        let layout = pointers.follow(&mut ndr, Place::new(start, fields.len()))?;
        ndr.finish(NAME)?;
        Ok(layout)
    }

    fn user_id(&self, pac: &[u8]) -> u32 {
        u32_at(self.fields.of(pac), offset::USER_ID)
    }

    /// It was found to be a domain's.
    fn domain_sid(&self, pac: &[u8]) -> Sid {
        Sid::from_bytes(self.domain.of(pac)).unwrap_or(Sid::NOBODY)
    }
}

/// The pointers in the structure, and what they point to by their counts and lengths.
struct Pointers {
    texts: [UnicodeString; 8],
    groups: Array,
    extra_sids: Array,
    resource_domain: Pointer,
    resource_groups: Array,
}

#[derive(Clone, Copy)]
struct Array {
    count: usize,
    pointer: Pointer,
}

impl Pointers {
    /// In their order, by which what they point to is ordered too.
    fn read<D: Tell<PacMalformed>>(ndr: &mut NdrReader<'_, D>, fields: &[u8; offset::END]) -> Result<Self, D::Told> {
        let mut texts = [UnicodeString::NULL; 8];
        let (user, logon) = texts.split_at_mut(USER_TEXTS.len());
        for (text, (what, at)) in user.iter_mut().zip(USER_TEXTS) {
            *text = ndr.string_of(bytes_at(fields, at), what)?;
        }
        let groups = Array::read(ndr, fields, offset::GROUP_COUNT, GROUP_IDS)?;
        for (text, (what, at)) in logon.iter_mut().zip(LOGON_TEXTS) {
            *text = ndr.string_of(bytes_at(fields, at), what)?;
        }
        ndr.referent(u32_at(fields, offset::LOGON_DOMAIN_ID), LOGON_DOMAIN_ID)?.required(ndr, LOGON_DOMAIN_ID)?;
        let extra_sids = Array::read(ndr, fields, offset::SID_COUNT, EXTRA_SIDS)?;
        let resource_domain = u32_at(fields, offset::RESOURCE_GROUP_DOMAIN_SID);
        let resource_domain = ndr.referent(resource_domain, RESOURCE_GROUP_DOMAIN_SID)?;
        let resource_groups = Array::read(ndr, fields, offset::RESOURCE_GROUP_COUNT, RESOURCE_GROUP_IDS)?;
        if resource_groups.count > 0 {
            resource_domain.required(ndr, RESOURCE_GROUP_DOMAIN_SID)?;
        }
        check_user_id(ndr, u32_at(fields, offset::USER_ID))?;
        Ok(Self { texts, groups, extra_sids, resource_domain, resource_groups })
    }

    /// Reads what the pointers of the structure `fields` point to.
    fn follow<D: Tell<PacMalformed>>(
        &self,
        ndr: &mut NdrReader<'_, D>,
        fields: Place,
    ) -> Result<LogonInfoLayout, D::Told> {
        let mut texts = [Place::default(); 8];
        let (user, logon) = texts.split_at_mut(USER_TEXTS.len());
        let mut strings = self.texts.iter();
        for ((place, string), (what, _)) in user.iter_mut().zip(&mut strings).zip(USER_TEXTS) {
            *place = ndr.text(*string, what)?;
        }
        let groups = RidArray::read(ndr, self.groups.pointer, self.groups.count, GROUP_IDS)?;
        for ((place, string), (what, _)) in logon.iter_mut().zip(strings).zip(LOGON_TEXTS) {
            *place = ndr.text(*string, what)?;
        }
        let domain = ndr.domain_sid(LOGON_DOMAIN_ID)?;
        let extra_sids = SidArray::read(ndr, self.extra_sids.pointer, self.extra_sids.count, EXTRA_SIDS)?;
        let resource_domain = match self.resource_domain {
            Pointer::Null => None,
            Pointer::Present => Some(ndr.domain_sid(RESOURCE_GROUP_DOMAIN_SID)?),
        };
        let Array { count, pointer } = self.resource_groups;
        let resource_groups = RidArray::read(ndr, pointer, count, RESOURCE_GROUP_IDS)?;
        Ok(LogonInfoLayout { fields, texts, domain, groups, extra_sids, resource_domain, resource_groups })
    }
}

impl Array {
    /// A count, and the pointer behind it.
    fn read<D: Tell<PacMalformed>>(
        ndr: &mut NdrReader<'_, D>,
        fields: &[u8; offset::END],
        at: usize,
        what: &'static str,
    ) -> Result<Self, D::Told> {
        let [c0, c1, c2, c3, pointer @ ..] = bytes_at::<8>(fields, at);
        let count = usize::try_from(u32::from_le_bytes([c0, c1, c2, c3])).unwrap_or(usize::MAX);
        let pointer = ndr.referent(u32::from_le_bytes(pointer), what)?;
        if count > 0 {
            pointer.required(ndr, what)?;
        }
        Ok(Self { count, pointer })
    }
}

/// MS-PAC has a UserId of zero say that the first of the extra SIDs is the user's: an account from outside the domain.
/// No KDC of a forest writes it about its own users, and what it says no SID of a domain could be held against.
fn check_user_id<D: Tell<PacMalformed>>(ndr: &NdrReader<'_, D>, user_id: u32) -> Result<(), D::Told> {
    if user_id == 0 { Err(ndr.error("KERB_VALIDATION_INFO.UserId", PacProblem::NoUser)) } else { Ok(()) }
}

const NAME: &str = "KERB_VALIDATION_INFO";

/// Those before GroupIds, with their places in the structure.
const USER_TEXTS: [(&str, usize); 6] = [
    ("KERB_VALIDATION_INFO.EffectiveName", offset::EFFECTIVE_NAME),
    ("KERB_VALIDATION_INFO.FullName", offset::FULL_NAME),
    ("KERB_VALIDATION_INFO.LogonScript", offset::LOGON_SCRIPT),
    ("KERB_VALIDATION_INFO.ProfilePath", offset::PROFILE_PATH),
    ("KERB_VALIDATION_INFO.HomeDirectory", offset::HOME_DIRECTORY),
    ("KERB_VALIDATION_INFO.HomeDirectoryDrive", offset::HOME_DIRECTORY_DRIVE),
];

/// Those behind it.
const LOGON_TEXTS: [(&str, usize); 2] = [
    ("KERB_VALIDATION_INFO.LogonServer", offset::LOGON_SERVER),
    ("KERB_VALIDATION_INFO.LogonDomainName", offset::LOGON_DOMAIN_NAME),
];

const GROUP_IDS: &str = "KERB_VALIDATION_INFO.GroupIds";
const LOGON_DOMAIN_ID: &str = "KERB_VALIDATION_INFO.LogonDomainId";
const EXTRA_SIDS: &str = "KERB_VALIDATION_INFO.ExtraSids";
const RESOURCE_GROUP_DOMAIN_SID: &str = "KERB_VALIDATION_INFO.ResourceGroupDomainSid";
const RESOURCE_GROUP_IDS: &str = "KERB_VALIDATION_INFO.ResourceGroupIds";

/// Where the fields of the structure are, from its beginning.
mod offset {
    pub(super) const LOGON_TIME: usize = 0;
    pub(super) const LOGOFF_TIME: usize = 8;
    pub(super) const KICK_OFF_TIME: usize = 16;
    pub(super) const PASSWORD_LAST_SET: usize = 24;
    pub(super) const PASSWORD_CAN_CHANGE: usize = 32;
    pub(super) const PASSWORD_MUST_CHANGE: usize = 40;
    pub(super) const EFFECTIVE_NAME: usize = 48;
    pub(super) const FULL_NAME: usize = 56;
    pub(super) const LOGON_SCRIPT: usize = 64;
    pub(super) const PROFILE_PATH: usize = 72;
    pub(super) const HOME_DIRECTORY: usize = 80;
    pub(super) const HOME_DIRECTORY_DRIVE: usize = 88;
    pub(super) const LOGON_COUNT: usize = 96;
    pub(super) const BAD_PASSWORD_COUNT: usize = 98;
    pub(super) const USER_ID: usize = 100;
    pub(super) const PRIMARY_GROUP_ID: usize = 104;
    /// And GroupIds.
    pub(super) const GROUP_COUNT: usize = 108;
    pub(super) const USER_FLAGS: usize = 116;
    /// Behind UserSessionKey.
    pub(super) const LOGON_SERVER: usize = 136;
    pub(super) const LOGON_DOMAIN_NAME: usize = 144;
    pub(super) const LOGON_DOMAIN_ID: usize = 152;
    /// Behind Reserved1.
    pub(super) const USER_ACCOUNT_CONTROL: usize = 164;
    /// Behind SubAuthStatus, LastSuccessfulILogon, LastFailedILogon, FailedILogonCount and Reserved3; and ExtraSids.
    pub(super) const SID_COUNT: usize = 196;
    pub(super) const RESOURCE_GROUP_DOMAIN_SID: usize = 204;
    /// And ResourceGroupIds.
    pub(super) const RESOURCE_GROUP_COUNT: usize = 208;
    pub(super) const END: usize = 216;
}
