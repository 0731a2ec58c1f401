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
        self.in_domain(self.layout.user_id)
    }

    /// The user's domain: LogonDomainId.
    #[must_use]
    pub const fn logon_domain_sid(&self) -> Sid {
        self.layout.domain
    }

    /// LogonDomainId and PrimaryGroupId.
    #[must_use]
    pub fn primary_group_sid(&self) -> Sid {
        self.in_domain(self.layout.primary_group_id)
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
    pub const fn logon_time(&self) -> FileTime {
        let [time, ..] = self.layout.times;
        time
    }

    /// When the logon should end.
    #[must_use]
    pub const fn logoff_time(&self) -> FileTime {
        let [_, time, ..] = self.layout.times;
        time
    }

    /// When the user should be logged off by force.
    #[must_use]
    pub const fn kick_off_time(&self) -> FileTime {
        let [_, _, time, ..] = self.layout.times;
        time
    }

    /// When the password was set.
    #[must_use]
    pub const fn password_last_set(&self) -> FileTime {
        let [.., time, _, _] = self.layout.times;
        time
    }

    /// From when the password can be changed.
    #[must_use]
    pub const fn password_can_change(&self) -> FileTime {
        let [.., time, _] = self.layout.times;
        time
    }

    /// Until when the password must be changed.
    #[must_use]
    pub const fn password_must_change(&self) -> FileTime {
        let [.., time] = self.layout.times;
        time
    }

    /// How often the user has logged on.
    #[must_use]
    pub const fn logon_count(&self) -> u16 {
        self.layout.logon_count
    }

    /// How often a wrong password was given since the right one.
    #[must_use]
    pub const fn bad_password_count(&self) -> u16 {
        self.layout.bad_password_count
    }

    /// UserFlags.
    #[must_use]
    pub const fn user_flags(&self) -> UserFlags {
        self.layout.user_flags
    }

    /// UserAccountControl.
    #[must_use]
    pub const fn account_control(&self) -> AccountControl {
        self.layout.account_control
    }

    /// GroupIds: the groups of the user's domain that the user is in, the primary group as a rule among them.
    #[must_use]
    pub fn groups(&self) -> impl ExactSizeIterator<Item = Group> + use<'a> {
        self.layout.groups.groups(self.pac, self.layout.domain)
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

    /// The domain's SID has room for a RID.
    fn in_domain(&self, rid: u32) -> Sid {
        self.layout.domain.join(rid).unwrap_or(self.layout.domain)
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

/// The numbers of a LOGON_INFO, and where the rest of it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogonInfoLayout {
    times: [FileTime; 6],
    texts: [Place; 8],
    logon_count: u16,
    bad_password_count: u16,
    user_id: u32,
    primary_group_id: u32,
    domain: Sid,
    user_flags: UserFlags,
    account_control: AccountControl,
    groups: RidArray,
    extra_sids: SidArray,
    resource_domain: Option<Place>,
    resource_groups: RidArray,
}

impl LogonInfoLayout {
    pub(super) const fn user(&self) -> (&Sid, u32) {
        (&self.domain, self.user_id)
    }

    pub(super) fn read(pac: &[u8], buffer: Place) -> Result<Self, PacMalformed> {
        let mut ndr = NdrReader::open(pac, buffer, NAME)?;
        let fields = Fields::read(&mut ndr)?;
        let layout = fields.follow(&mut ndr)?;
        ndr.finish(NAME)?;
        Ok(layout)
    }
}

/// The fields of the structure itself, in their order.
struct Fields {
    times: [FileTime; 6],
    user_texts: [UnicodeString; 6],
    logon_count: u16,
    bad_password_count: u16,
    user_id: u32,
    primary_group_id: u32,
    groups: Array,
    user_flags: UserFlags,
    logon_texts: [UnicodeString; 2],
    account_control: AccountControl,
    extra_sids: Array,
    resource_domain: Pointer,
    resource_groups: Array,
}

#[derive(Clone, Copy)]
struct Array {
    count: usize,
    pointer: Pointer,
}

impl Fields {
    /// All are aligned to four bytes, so none has padding before it, and one look at the bytes is enough for all.
    fn read(ndr: &mut NdrReader<'_>) -> Result<Self, PacMalformed> {
        let fixed: &[u8; offset::END] = ndr.fixed(NAME)?;
        let mut string = |what, at| ndr.string_of(bytes_at(fixed, at), what);
        let [effective_name, full_name, script, profile, home, drive, server, domain] = TEXTS;
        let user_texts = [
            string(effective_name, offset::EFFECTIVE_NAME)?,
            string(full_name, offset::FULL_NAME)?,
            string(script, offset::LOGON_SCRIPT)?,
            string(profile, offset::PROFILE_PATH)?,
            string(home, offset::HOME_DIRECTORY)?,
            string(drive, offset::HOME_DIRECTORY_DRIVE)?,
        ];
        let groups = Array::read(ndr, fixed, offset::GROUP_COUNT, GROUP_IDS)?;
        let mut string = |what, at| ndr.string_of(bytes_at(fixed, at), what);
        let logon_texts = [string(server, offset::LOGON_SERVER)?, string(domain, offset::LOGON_DOMAIN_NAME)?];
        ndr.referent(u32_at(fixed, offset::LOGON_DOMAIN_ID), LOGON_DOMAIN_ID)?.required(ndr, LOGON_DOMAIN_ID)?;
        let extra_sids = Array::read(ndr, fixed, offset::SID_COUNT, EXTRA_SIDS)?;
        let resource_domain = u32_at(fixed, offset::RESOURCE_GROUP_DOMAIN_SID);
        let resource_domain = ndr.referent(resource_domain, RESOURCE_GROUP_DOMAIN_SID)?;
        let resource_groups = Array::read(ndr, fixed, offset::RESOURCE_GROUP_COUNT, RESOURCE_GROUP_IDS)?;
        if resource_groups.count > 0 {
            resource_domain.required(ndr, RESOURCE_GROUP_DOMAIN_SID)?;
        }
        Ok(Self {
            times: offset::TIMES.map(|at| FileTime(u64::from_le_bytes(bytes_at(fixed, at)))),
            user_texts,
            logon_count: u16::from_le_bytes(bytes_at(fixed, offset::LOGON_COUNT)),
            bad_password_count: u16::from_le_bytes(bytes_at(fixed, offset::BAD_PASSWORD_COUNT)),
            user_id: user_id(ndr, u32_at(fixed, offset::USER_ID))?,
            primary_group_id: u32_at(fixed, offset::PRIMARY_GROUP_ID),
            groups,
            user_flags: UserFlags(u32_at(fixed, offset::USER_FLAGS)),
            logon_texts,
            account_control: AccountControl(u32_at(fixed, offset::USER_ACCOUNT_CONTROL)),
            extra_sids,
            resource_domain,
            resource_groups,
        })
    }

    /// Reads what the pointers point to, which lies in the order of the pointers.
    fn follow(self, ndr: &mut NdrReader<'_>) -> Result<LogonInfoLayout, PacMalformed> {
        let mut texts = [Place::default(); 8];
        let [user_places @ .., server, domain_name] = &mut texts;
        let [user_names @ .., server_name, domain_name_name] = TEXTS;
        for ((place, string), what) in user_places.iter_mut().zip(self.user_texts).zip(user_names) {
            *place = ndr.text(string, what)?;
        }
        let groups = RidArray::read(ndr, self.groups.pointer, self.groups.count, GROUP_IDS)?;
        let [server_string, domain_string] = self.logon_texts;
        *server = ndr.text(server_string, server_name)?;
        *domain_name = ndr.text(domain_string, domain_name_name)?;
        let (domain, _) = ndr.domain_sid(LOGON_DOMAIN_ID)?;
        let extra_sids = SidArray::read(ndr, self.extra_sids.pointer, self.extra_sids.count, EXTRA_SIDS)?;
        let resource_domain = match self.resource_domain {
            Pointer::Null => None,
            Pointer::Present => Some(ndr.domain_sid(RESOURCE_GROUP_DOMAIN_SID)?.1),
        };
        let resource_groups =
            RidArray::read(ndr, self.resource_groups.pointer, self.resource_groups.count, RESOURCE_GROUP_IDS)?;
        Ok(LogonInfoLayout {
            times: self.times,
            texts,
            logon_count: self.logon_count,
            bad_password_count: self.bad_password_count,
            user_id: self.user_id,
            primary_group_id: self.primary_group_id,
            domain,
            user_flags: self.user_flags,
            account_control: self.account_control,
            groups,
            extra_sids,
            resource_domain,
            resource_groups,
        })
    }
}

impl Array {
    /// A count, and the pointer behind it.
    fn read(
        ndr: &mut NdrReader<'_>,
        fixed: &[u8; offset::END],
        at: usize,
        what: &'static str,
    ) -> Result<Self, PacMalformed> {
        let [c0, c1, c2, c3, pointer @ ..] = bytes_at::<8>(fixed, at);
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
fn user_id(ndr: &NdrReader<'_>, user_id: u32) -> Result<u32, PacMalformed> {
    match user_id {
        0 => Err(ndr.error("KERB_VALIDATION_INFO.UserId", PacProblem::NoUser)),
        user_id => Ok(user_id),
    }
}

const NAME: &str = "KERB_VALIDATION_INFO";

const TEXTS: [&str; 8] = [
    "KERB_VALIDATION_INFO.EffectiveName",
    "KERB_VALIDATION_INFO.FullName",
    "KERB_VALIDATION_INFO.LogonScript",
    "KERB_VALIDATION_INFO.ProfilePath",
    "KERB_VALIDATION_INFO.HomeDirectory",
    "KERB_VALIDATION_INFO.HomeDirectoryDrive",
    "KERB_VALIDATION_INFO.LogonServer",
    "KERB_VALIDATION_INFO.LogonDomainName",
];

const GROUP_IDS: &str = "KERB_VALIDATION_INFO.GroupIds";
const LOGON_DOMAIN_ID: &str = "KERB_VALIDATION_INFO.LogonDomainId";
const EXTRA_SIDS: &str = "KERB_VALIDATION_INFO.ExtraSids";
const RESOURCE_GROUP_DOMAIN_SID: &str = "KERB_VALIDATION_INFO.ResourceGroupDomainSid";
const RESOURCE_GROUP_IDS: &str = "KERB_VALIDATION_INFO.ResourceGroupIds";

/// Where the fields of the structure are, from its beginning.
mod offset {
    /// LogonTime, LogoffTime, KickOffTime, PasswordLastSet, PasswordCanChange, PasswordMustChange.
    pub(super) const TIMES: [usize; 6] = [0, 8, 16, 24, 32, 40];
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
