//! KERB_VALIDATION_INFO as a domain controller writes it.

use super::ndr::{NdrBytes, NdrWriter, count};
use crate::pac::FileTime;
use crate::sid::Sid;
use alloc::string::String;
use alloc::vec::Vec;

/// The fields of KERB_VALIDATION_INFO (MS-PAC section 2.5), except the fields that Kerberos leaves empty. A group is a RID or
/// a SID, with its attributes ([`GroupAttributes`](crate::pac::GroupAttributes)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogonInfoParts {
    /// The fields `LogonTime`, `LogoffTime`, `KickOffTime`, `PasswordLastSet`, `PasswordCanChange` and `PasswordMustChange`.
    pub times: [FileTime; 6],
    /// `EffectiveName` is the sAMAccountName.
    pub effective_name: String,
    /// The field `FullName`.
    pub full_name: String,
    /// The field `LogonScript`.
    pub logon_script: String,
    /// The field `ProfilePath`.
    pub profile_path: String,
    /// The field `HomeDirectory`.
    pub home_directory: String,
    /// The field `HomeDirectoryDrive`.
    pub home_directory_drive: String,
    /// The field `LogonCount`.
    pub logon_count: u16,
    /// The field `BadPasswordCount`.
    pub bad_password_count: u16,
    /// `UserId` is the user's RID.
    pub user_id: u32,
    /// `PrimaryGroupId` is the RID of the user's primary group.
    pub primary_group_id: u32,
    /// `GroupIds` is the user's groups in the domain.
    pub groups: Vec<(u32, u32)>,
    /// `UserFlags` says which lists are not empty, among other facts ([`UserFlags`](crate::pac::UserFlags)).
    pub user_flags: u32,
    /// The field `LogonServer`.
    pub logon_server: String,
    /// The field `LogonDomainName`.
    pub logon_domain_name: String,
    /// `LogonDomainId` is the SID of the user's domain.
    pub logon_domain_sid: Sid,
    /// `UserAccountControl` is the properties of the account ([`AccountControl`](crate::pac::AccountControl)).
    pub account_control: u32,
    /// `ExtraSids` is the SIDs from outside the domain. If the list is empty, its pointer is null.
    pub extra_sids: Vec<(Sid, u32)>,
    /// The fields `ResourceGroupDomainSid` and `ResourceGroupIds`.
    pub resource_groups: Option<(Sid, Vec<(u32, u32)>)>,
}

impl LogonInfoParts {
    /// Returns the user's SID: LogonDomainId and UserId. If LogonDomainId has no room for another sub-authority, the SID is
    /// LogonDomainId alone.
    #[must_use]
    pub fn user_sid(&self) -> Sid {
        self.logon_domain_sid.join(self.user_id).unwrap_or(self.logon_domain_sid)
    }

    /// Encodes the buffer LOGON_INFO, and marks the offset of each field with the name of the field. A name with a full stop
    /// at its end marks the target of the field's pointer.
    ///
    /// # Panics
    /// Panics if a text has more than 65,535 octets.
    #[must_use]
    pub fn encode(&self) -> NdrBytes {
        let mut ndr = NdrWriter::default();
        ndr.pointer("top");
        for time in self.times {
            ndr.u64(time.0);
        }
        for (field, _, text) in self.user_texts() {
            ndr.string(field, text);
        }
        ndr.u16(self.logon_count);
        ndr.u16(self.bad_password_count);
        ndr.marked("UserId", self.user_id);
        ndr.marked("PrimaryGroupId", self.primary_group_id);
        ndr.marked("GroupCount", count(&self.groups));
        ndr.pointer("GroupIds");
        ndr.marked("UserFlags", self.user_flags);
        ndr.raw(&USER_SESSION_KEY);
        ndr.string("LogonServer", &self.logon_server);
        ndr.string("LogonDomainName", &self.logon_domain_name);
        ndr.pointer("LogonDomainId");
        ndr.raw(&RESERVED_1);
        ndr.marked("UserAccountControl", self.account_control);
        ndr.raw(&SUB_AUTH_STATUS_TO_RESERVED_3);
        self.lists(&mut ndr);
        self.targets(&mut ndr);
        ndr.finish()
    }

    fn lists(&self, ndr: &mut NdrWriter) {
        let resource_groups = count(self.resource_groups.iter().flat_map(|(_, groups)| groups));
        ndr.marked("SidCount", count(&self.extra_sids));
        ndr.optional("ExtraSids", !self.extra_sids.is_empty());
        ndr.optional("ResourceGroupDomainSid", self.resource_groups.is_some());
        ndr.marked("ResourceGroupCount", resource_groups);
        ndr.optional("ResourceGroupIds", resource_groups > 0);
    }

    /// Writes the targets of the pointers, in their order.
    fn targets(&self, ndr: &mut NdrWriter) {
        for (_, target, text) in self.user_texts() {
            ndr.characters(target, text);
        }
        ndr.rids("GroupIds.", &self.groups);
        ndr.characters("LogonServer.", &self.logon_server);
        ndr.characters("LogonDomainName.", &self.logon_domain_name);
        ndr.sid("LogonDomainId.", self.logon_domain_sid);
        if !self.extra_sids.is_empty() {
            ndr.sids(["ExtraSids.", "ExtraSids.Sid", "ExtraSids.Sid."], &self.extra_sids);
        }
        if let Some((domain, groups)) = &self.resource_groups {
            ndr.sid("ResourceGroupDomainSid.", *domain);
            if !groups.is_empty() {
                ndr.rids("ResourceGroupIds.", groups);
            }
        }
    }

    /// For each text of the user, returns the name of the field, the name of its target, and the text.
    fn user_texts(&self) -> [(&'static str, &'static str, &str); 6] {
        [
            ("EffectiveName", "EffectiveName.", &self.effective_name),
            ("FullName", "FullName.", &self.full_name),
            ("LogonScript", "LogonScript.", &self.logon_script),
            ("ProfilePath", "ProfilePath.", &self.profile_path),
            ("HomeDirectory", "HomeDirectory.", &self.home_directory),
            ("HomeDirectoryDrive", "HomeDirectoryDrive.", &self.home_directory_drive),
        ]
    }
}

/// The field UserSessionKey, which only NTLM uses.
const USER_SESSION_KEY: [u8; 16] = [0; 16];
const RESERVED_1: [u8; 8] = [0; 8];
const SUB_AUTH_STATUS_TO_RESERVED_3: [u8; 28] = [0; 28];
