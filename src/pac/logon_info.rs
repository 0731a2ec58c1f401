//! KERB_VALIDATION_INFO (MS-PAC section 2.5): the user and the user's groups.
//!
//! Input: the buffer LOGON_INFO of a PAC whose signature was verified. Output: a [`LogonInfo`], which decodes its texts and
//! groups when the caller asks for them. The reader checks all lengths, texts and SIDs once, before the caller can ask
//! for a value.
//!
//! The reader ignores the fields that only NTLM uses (the session key, the failed logons). These fields are empty in Kerberos.

use super::fault::{Fault, Kind};
use super::field::Field;
use super::file_time::FileTime;
use super::groups::{Group, RidArray, SidArray};
use super::ndr::{NdrReader, Pointer, UnicodeString};
use super::reader::{bytes_at, u32_at};
use crate::flags::flags;
use crate::sid::{DomainSid, Sid};
use crate::span::{Span, size};
use crate::wide_text::WideText;
use core::fmt;

/// The buffer LOGON_INFO: what the domain controller states about the account.
#[derive(Clone, Copy)]
pub struct LogonInfo<'a> {
    pac: &'a [u8],
    layout: LogonInfoLayout,
    /// The structure itself, without the referents of its pointers.
    fields: &'a [u8; offset::END],
    domain: DomainSid,
}

impl<'a> LogonInfo<'a> {
    /// Makes a view of the LOGON_INFO that has this layout. Returns `None` only if the layout was read from another PAC.
    pub(super) fn new(pac: &'a [u8], layout: &LogonInfoLayout) -> Option<Self> {
        let fields = layout.fields.of(pac).try_into().ok()?;
        let domain = DomainSid::from_packet(layout.domain.of(pac))?;
        Some(Self { pac, layout: *layout, fields, domain })
    }

    /// Returns the user's SID, from LogonDomainId and UserId.
    #[must_use]
    pub fn user_sid(&self) -> Sid {
        self.domain.account(self.user_id())
    }

    /// Returns the SID of the user's domain: LogonDomainId.
    #[must_use]
    pub fn logon_domain_sid(&self) -> Sid {
        self.domain.sid()
    }

    /// Returns the SID of the primary group, from LogonDomainId and PrimaryGroupId.
    #[must_use]
    pub fn primary_group_sid(&self) -> Sid {
        self.domain.account(self.number(offset::PRIMARY_GROUP_ID))
    }

    /// Returns the account's name (sAMAccountName).
    #[must_use]
    pub fn effective_name(&self) -> WideText<'a> {
        let [text, ..] = self.layout.user_texts;
        self.text(text)
    }

    /// Returns the user's display name. The name is often empty.
    #[must_use]
    pub fn full_name(&self) -> WideText<'a> {
        let [_, text, ..] = self.layout.user_texts;
        self.text(text)
    }

    /// Returns the path of the logon script.
    #[must_use]
    pub fn logon_script(&self) -> WideText<'a> {
        let [_, _, text, ..] = self.layout.user_texts;
        self.text(text)
    }

    /// Returns the path of the profile.
    #[must_use]
    pub fn profile_path(&self) -> WideText<'a> {
        let [_, _, _, text, ..] = self.layout.user_texts;
        self.text(text)
    }

    /// Returns the home directory.
    #[must_use]
    pub fn home_directory(&self) -> WideText<'a> {
        let [_, _, _, _, text, ..] = self.layout.user_texts;
        self.text(text)
    }

    /// Returns the drive letter under which the home directory is connected.
    #[must_use]
    pub fn home_directory_drive(&self) -> WideText<'a> {
        let [.., text] = self.layout.user_texts;
        self.text(text)
    }

    /// Returns the NetBIOS name of the domain controller that authenticated the user.
    #[must_use]
    pub fn logon_server(&self) -> WideText<'a> {
        let [text, _] = self.layout.logon_texts;
        self.text(text)
    }

    /// Returns the NetBIOS name of the user's domain.
    #[must_use]
    pub fn logon_domain_name(&self) -> WideText<'a> {
        let [_, text] = self.layout.logon_texts;
        self.text(text)
    }

    /// Returns the time of the user's previous logon.
    #[must_use]
    pub fn logon_time(&self) -> FileTime {
        self.time(offset::LOGON_TIME)
    }

    /// Returns the time at which the user's logon should end.
    #[must_use]
    pub fn logoff_time(&self) -> FileTime {
        self.time(offset::LOGOFF_TIME)
    }

    /// Returns the time at which the server should log the user off by force.
    #[must_use]
    pub fn kick_off_time(&self) -> FileTime {
        self.time(offset::KICK_OFF_TIME)
    }

    /// Returns the time at which the password was set.
    #[must_use]
    pub fn password_last_set(&self) -> FileTime {
        self.time(offset::PASSWORD_LAST_SET)
    }

    /// Returns the time from which the user can change the password.
    #[must_use]
    pub fn password_can_change(&self) -> FileTime {
        self.time(offset::PASSWORD_CAN_CHANGE)
    }

    /// Returns the time by which the user must change the password.
    #[must_use]
    pub fn password_must_change(&self) -> FileTime {
        self.time(offset::PASSWORD_MUST_CHANGE)
    }

    /// Returns the number of logons of the user.
    #[must_use]
    pub fn logon_count(&self) -> u16 {
        u16::from_le_bytes(self.field(offset::LOGON_COUNT))
    }

    /// Returns the number of wrong passwords since the last correct password.
    #[must_use]
    pub fn bad_password_count(&self) -> u16 {
        u16::from_le_bytes(self.field(offset::BAD_PASSWORD_COUNT))
    }

    /// Returns UserFlags.
    #[must_use]
    pub fn user_flags(&self) -> UserFlags {
        UserFlags::from_bits(self.number(offset::USER_FLAGS))
    }

    /// Returns UserAccountControl.
    #[must_use]
    pub fn account_control(&self) -> AccountControl {
        AccountControl::from_bits(self.number(offset::USER_ACCOUNT_CONTROL))
    }

    /// Returns GroupIds: the user's groups in the user's domain. The primary group is usually one of these groups.
    #[must_use]
    pub fn groups(&self) -> impl ExactSizeIterator<Item = Group> + use<'a> {
        self.layout.groups.groups(self.pac, self.domain)
    }

    /// Returns ExtraSids: groups of other domains, former SIDs of groups (SID history), and SIDs that describe the logon. The
    /// function returns the SIDs even if the flag [`UserFlags::EXTRA_SIDS`] is not set.
    pub fn extra_sids(&self) -> impl Iterator<Item = Group> + use<'a> {
        self.layout.extra_sids.groups(self.pac)
    }

    /// Returns ResourceGroupDomainSid: the SID of the service's domain. Returns `None` if the user is in no domain-local group
    /// of that domain.
    #[must_use]
    pub fn resource_group_domain_sid(&self) -> Option<Sid> {
        self.resource_domain().map(DomainSid::sid)
    }

    /// Returns ResourceGroupIds: the user's domain-local groups in the service's domain.
    pub fn resource_groups(&self) -> impl Iterator<Item = Group> + use<'a> {
        let (pac, groups) = (self.pac, self.layout.resource_groups);
        self.resource_domain().into_iter().flat_map(move |domain| groups.groups(pac, domain))
    }

    /// Returns UserId, the RID of the user.
    pub(crate) fn user_id(&self) -> u32 {
        self.number(offset::USER_ID)
    }

    /// Returns whether `packet` is the packet form of the user's SID.
    pub(crate) fn is_user(&self, packet: &[u8]) -> bool {
        DomainSid::split_account(packet) == Some((self.domain, self.user_id()))
    }

    /// Returns whether `packet` is the packet form of an extra SID.
    pub(crate) fn has_extra_sid(&self, packet: &[u8]) -> bool {
        self.layout.extra_sids.packets(self.pac).any(|extra| extra == packet)
    }

    /// Returns the field at `offset` of the structure.
    fn field<const N: usize>(&self, offset: usize) -> [u8; N] {
        bytes_at(self.fields, offset)
    }

    fn number(&self, offset: usize) -> u32 {
        u32::from_le_bytes(self.field(offset))
    }

    fn time(&self, offset: usize) -> FileTime {
        FileTime(u64::from_le_bytes(self.field(offset)))
    }

    fn resource_domain(&self) -> Option<DomainSid> {
        DomainSid::from_packet(self.layout.resource_domain?.of(self.pac))
    }

    fn text(&self, text: Span) -> WideText<'a> {
        WideText::of_checked(text.of(self.pac))
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

flags! {
    /// UserFlags (MS-PAC section 2.5): flags that describe the logon, and flags that say which lists are not empty.
    pub struct UserFlags(u32) {
        /// The user logged on as a guest.
        const GUEST = 0x1;
        /// ExtraSids is not empty.
        const EXTRA_SIDS = 0x20;
        /// ResourceGroupIds is not empty.
        const RESOURCE_GROUPS = 0x200;
    }
}

flags! {
    /// UserAccountControl in a PAC, with the bits of MS-SAMR section 2.2.1.12. The attribute userAccountControl in the
    /// directory has other bits.
    pub struct AccountControl(u32) {
        /// The account is disabled.
        const DISABLED = 0x1;
        /// The account belongs to a user.
        const NORMAL = 0x10;
        /// The account represents a trust with another domain.
        const INTERDOMAIN_TRUST = 0x40;
        /// The account belongs to a computer, or is a managed service account.
        const WORKSTATION_TRUST = 0x80;
        /// The account belongs to a domain controller.
        const SERVER_TRUST = 0x100;
    }
}

/// The positions of the parts of a LOGON_INFO in the PAC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogonInfoLayout {
    /// The structure itself, without the referents of its pointers.
    fields: Span,
    user_texts: [Span; 6],
    logon_texts: [Span; 2],
    domain: Span,
    groups: RidArray,
    extra_sids: SidArray,
    resource_domain: Option<Span>,
    resource_groups: RidArray,
}

impl LogonInfoLayout {
    /// Returns the packet form of the domain's SID, and the RID of the user in that domain.
    pub(super) fn user<'a>(&self, pac: &'a [u8]) -> (&'a [u8], u32) {
        (self.domain.of(pac), u32_at(self.fields.of(pac), offset::USER_ID))
    }

    pub(super) fn read(pac: &[u8], buffer: Span) -> Result<Self, Fault> {
        let mut ndr = NdrReader::open(pac, buffer, Field::Logon)?;
        // All fields are aligned to four octets and have no padding between them, so they are read as one array.
        let start = ndr.at();
        let fields = ndr.fixed(Field::Logon)?;
        let pointers = Pointers::read(&mut ndr, fields)?;
        let layout = pointers.follow(&mut ndr, Span::new(start, fields.len()))?;
        ndr.finish(Field::Logon)?;
        Ok(layout)
    }
}

/// The pointers in the structure, with the counts and lengths of their referents.
struct Pointers {
    user_texts: [UnicodeString; 6],
    groups: Array,
    logon_texts: [UnicodeString; 2],
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
    /// Reads the pointers in their order in the structure. Their referents have the same order.
    fn read(ndr: &mut NdrReader<'_>, fields: &[u8; offset::END]) -> Result<Self, Fault> {
        let string = |ndr: &mut NdrReader<'_>, at, field| ndr.string_of(bytes_at(fields, at), field);
        let user_texts = [
            string(ndr, offset::EFFECTIVE_NAME, Field::LogonEffectiveName)?,
            string(ndr, offset::FULL_NAME, Field::LogonFullName)?,
            string(ndr, offset::LOGON_SCRIPT, Field::LogonScript)?,
            string(ndr, offset::PROFILE_PATH, Field::LogonProfilePath)?,
            string(ndr, offset::HOME_DIRECTORY, Field::LogonHomeDirectory)?,
            string(ndr, offset::HOME_DIRECTORY_DRIVE, Field::LogonHomeDirectoryDrive)?,
        ];
        let groups = Array::read(ndr, fields, offset::GROUP_COUNT, Field::LogonGroupIds)?;
        let logon_texts = [
            string(ndr, offset::LOGON_SERVER, Field::LogonServer)?,
            string(ndr, offset::LOGON_DOMAIN_NAME, Field::LogonDomainName)?,
        ];
        ndr.referent(u32_at(fields, offset::LOGON_DOMAIN_ID), Field::LogonDomainId)?
            .required(ndr, Field::LogonDomainId)?;
        let extra_sids = Array::read(ndr, fields, offset::SID_COUNT, Field::LogonExtraSids)?;
        let resource_domain = u32_at(fields, offset::RESOURCE_GROUP_DOMAIN_SID);
        let resource_domain = ndr.referent(resource_domain, Field::LogonResourceGroupDomainSid)?;
        let resource_groups = Array::read(ndr, fields, offset::RESOURCE_GROUP_COUNT, Field::LogonResourceGroupIds)?;
        if resource_groups.count > 0 {
            resource_domain.required(ndr, Field::LogonResourceGroupDomainSid)?;
        }
        check_user_id(ndr, u32_at(fields, offset::USER_ID))?;
        Ok(Self { user_texts, groups, logon_texts, extra_sids, resource_domain, resource_groups })
    }

    /// Reads the referents of the pointers. `fields` is the span of the structure.
    fn follow(&self, ndr: &mut NdrReader<'_>, fields: Span) -> Result<LogonInfoLayout, Fault> {
        let [name, full_name, script, profile, home, drive] = self.user_texts;
        let user_texts = [
            ndr.text(name, Field::LogonEffectiveName)?,
            ndr.text(full_name, Field::LogonFullName)?,
            ndr.text(script, Field::LogonScript)?,
            ndr.text(profile, Field::LogonProfilePath)?,
            ndr.text(home, Field::LogonHomeDirectory)?,
            ndr.text(drive, Field::LogonHomeDirectoryDrive)?,
        ];
        let groups = RidArray::read(ndr, self.groups.pointer, self.groups.count, Field::LogonGroupIds)?;
        let [server, domain_name] = self.logon_texts;
        let logon_texts = [ndr.text(server, Field::LogonServer)?, ndr.text(domain_name, Field::LogonDomainName)?];
        let (domain, _) = ndr.domain_sid(Field::LogonDomainId)?;
        let extra_sids = SidArray::read(ndr, self.extra_sids.pointer, self.extra_sids.count, Field::LogonExtraSids)?;
        let resource_domain = match self.resource_domain {
            Pointer::Null => None,
            Pointer::Present => Some(ndr.domain_sid(Field::LogonResourceGroupDomainSid)?.0),
        };
        let Array { count, pointer } = self.resource_groups;
        let resource_groups = RidArray::read(ndr, pointer, count, Field::LogonResourceGroupIds)?;
        Ok(LogonInfoLayout {
            fields,
            user_texts,
            logon_texts,
            domain,
            groups,
            extra_sids,
            resource_domain,
            resource_groups,
        })
    }
}

impl Array {
    /// Reads a count and the pointer after it.
    #[inline(always)]
    fn read(ndr: &mut NdrReader<'_>, fields: &[u8; offset::END], at: usize, field: Field) -> Result<Self, Fault> {
        let [c0, c1, c2, c3, pointer @ ..] = bytes_at::<8>(fields, at);
        let count = size(u32::from_le_bytes([c0, c1, c2, c3]));
        let pointer = ndr.referent(u32::from_le_bytes(pointer), field)?;
        if count > 0 {
            pointer.required(ndr, field)?;
        }
        Ok(Self { count, pointer })
    }
}

/// Rejects a UserId of zero. By MS-PAC section 2.5, the user's SID is then the first SID of ExtraSids, and the account is from
/// outside of the domain. No KDC of a forest writes such a UserId for its own users. With such a UserId, the library
/// could not check which domain may vouch for the user.
fn check_user_id(ndr: &NdrReader<'_>, user_id: u32) -> Result<(), Fault> {
    if user_id == 0 { Err(ndr.fault(Field::LogonUserId, Kind::NoUser)) } else { Ok(()) }
}

/// The offsets of the fields from the beginning of the structure.
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
    /// The offset of GroupCount. GroupIds follows GroupCount.
    pub(super) const GROUP_COUNT: usize = 108;
    pub(super) const USER_FLAGS: usize = 116;
    /// The offset of LogonServer, after UserSessionKey.
    pub(super) const LOGON_SERVER: usize = 136;
    pub(super) const LOGON_DOMAIN_NAME: usize = 144;
    pub(super) const LOGON_DOMAIN_ID: usize = 152;
    /// The offset of UserAccountControl, after Reserved1.
    pub(super) const USER_ACCOUNT_CONTROL: usize = 164;
    /// The offset of SidCount, after SubAuthStatus, LastSuccessfulILogon, LastFailedILogon, FailedILogonCount and Reserved3.
    /// ExtraSids follows SidCount.
    pub(super) const SID_COUNT: usize = 196;
    pub(super) const RESOURCE_GROUP_DOMAIN_SID: usize = 204;
    /// The offset of ResourceGroupCount. ResourceGroupIds follows ResourceGroupCount.
    pub(super) const RESOURCE_GROUP_COUNT: usize = 208;
    pub(super) const END: usize = 216;
}
