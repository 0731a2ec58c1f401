//! Writes KERB_VALIDATION_INFO.

use super::ndr::{Encoded, Writer, count};
use super::{file_time, sid};
use kerberos_sso::Sid;

#[derive(Clone, Debug)]
pub struct LogonInfo {
    pub effective_name: String,
    pub full_name: String,
    pub user_id: u32,
    pub groups: Vec<(u32, u32)>,
    pub user_flags: u32,
    pub domain: Sid,
    pub account_control: u32,
    pub extra_sids: Vec<(Sid, u32)>,
    pub resource_groups: Option<(Sid, Vec<(u32, u32)>)>,
}

impl LogonInfo {
    /// Alice, in three groups of her domain, one of another domain, and two of the service's.
    pub fn alice() -> Self {
        Self {
            effective_name: "alice".into(),
            full_name: "Alice Anderson".into(),
            user_id: 1103,
            groups: vec![(513, 7), (1104, 7), (1105, 7)],
            user_flags: 0x220,
            domain: sid("S-1-5-21-1-2-3"),
            account_control: 0x210,
            extra_sids: vec![(sid("S-1-18-1"), 7), (sid("S-1-5-21-4-5-6-1200"), 7)],
            resource_groups: Some((sid("S-1-5-21-1-2-3"), vec![(572, 0x2000_0007), (1300, 0x2000_0007)])),
        }
    }

    pub fn user_sid(&self) -> Sid {
        self.domain.join(self.user_id).unwrap()
    }

    pub fn encode(&self) -> Encoded {
        let mut ndr = Writer::default();
        ndr.pointer("top");
        for time in [1, 0, 0, 2, 3, 0] {
            ndr.u64(if time == 0 { 0x7FFF_FFFF_FFFF_FFFF } else { file_time(time) });
        }
        ndr.string("EffectiveName", &self.effective_name);
        ndr.string("FullName", &self.full_name);
        for empty in ["LogonScript", "ProfilePath", "HomeDirectory", "HomeDirectoryDrive"] {
            ndr.string(empty, "");
        }
        ndr.u16(9);
        ndr.u16(0);
        ndr.marked("UserId", self.user_id);
        ndr.u32(513);
        ndr.marked("GroupCount", count(&self.groups));
        ndr.pointer("GroupIds");
        ndr.u32(self.user_flags);
        ndr.bytes.extend([0; 16]);
        ndr.string("LogonServer", "DC1");
        ndr.string("LogonDomainName", "CONTOSO");
        ndr.pointer("LogonDomainId");
        ndr.u64(0);
        ndr.u32(self.account_control);
        ndr.bytes.extend([0; 28]);
        ndr.marked("SidCount", count(&self.extra_sids));
        ndr.optional("ExtraSids", !self.extra_sids.is_empty());
        ndr.optional("ResourceGroupDomainSid", self.resource_groups.is_some());
        let resource_groups = self.resource_groups.iter().flat_map(|(_, groups)| groups).count();
        ndr.marked("ResourceGroupCount", u32::try_from(resource_groups).unwrap());
        ndr.optional("ResourceGroupIds", resource_groups > 0);
        self.follow(&mut ndr);
        ndr.finish()
    }

    fn follow(&self, ndr: &mut Writer) {
        ndr.characters("EffectiveName.", &self.effective_name);
        ndr.characters("FullName.", &self.full_name);
        for _ in 0..4 {
            ndr.characters("empty", "");
        }
        ndr.rids("GroupIds.", &self.groups);
        ndr.characters("LogonServer.", "DC1");
        ndr.characters("LogonDomainName.", "CONTOSO");
        ndr.sid("LogonDomainId.", self.domain);
        if !self.extra_sids.is_empty() {
            ndr.marked("ExtraSids.", count(&self.extra_sids));
            for (_, attributes) in &self.extra_sids {
                ndr.pointer("ExtraSids.Sid");
                ndr.u32(*attributes);
            }
            for (sid, _) in &self.extra_sids {
                ndr.sid("ExtraSids.Sid.", *sid);
            }
        }
        if let Some((domain, groups)) = &self.resource_groups {
            ndr.sid("ResourceGroupDomainSid.", *domain);
            if !groups.is_empty() {
                ndr.rids("ResourceGroupIds.", groups);
            }
        }
    }
}
