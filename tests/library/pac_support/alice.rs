//! The PAC of alice, who is in groups of every kind, and the device information of alice's computer.

use super::{server_key, sid};
use kerberos_sso::pac::BufferType;
use kerberos_sso::testing::{LogonInfoParts, NdrBytes, NdrWriter, PacBuffers, TestRealm, UpnDnsInfoParts};
use kerberos_sso::{Sid, UnixTime};

/// Returns the logon information of alice, who is in three groups of her domain, one group of another domain, and two
/// resource groups.
pub fn alice() -> LogonInfoParts {
    LogonInfoParts {
        full_name: "Alice Anderson".into(),
        logon_count: 9,
        bad_password_count: 2,
        user_id: 1103,
        groups: vec![(513, 7), (1104, 7), (1105, 7)],
        user_flags: 0x220,
        logon_domain_sid: sid("S-1-5-21-1-2-3"),
        account_control: 0x210,
        extra_sids: vec![(sid("S-1-18-1"), 7), (sid("S-1-5-21-4-5-6-1200"), 7)],
        resource_groups: Some((sid("S-1-5-21-1-2-3"), vec![(572, 0x2000_0007), (1300, 0x2000_0007)])),
        ..TestRealm::new("CONTOSO.TEST").pac_for("alice").logon_info
    }
}

/// Returns the buffers of a PAC for a ticket of `client` with this authtime. The PAC has the server signature and the
/// KDC signature, but no ticket signature and no full signature.
pub fn pac_of(client: &str, auth_time: i64, logon: &LogonInfoParts) -> PacBuffers {
    let mut token = TestRealm::new("CONTOSO.TEST").ticket_for(client).pac(|pac| {
        pac.user(logon.user_sid());
        pac.account_name(&logon.effective_name);
        pac.logon_info = logon.clone();
        pac.remove(BufferType::TICKET_CHECKSUM);
        pac.remove(BufferType::FULL_CHECKSUM);
    });
    token.ticket.authtime = UnixTime::from_seconds(auth_time).into();
    token.ticket.key = server_key();
    token.ticket.pac_buffers().unwrap()
}

/// Returns UPN_DNS_INFO in its extended form.
pub fn upn_dns_info(account: &str, user: Sid) -> Vec<u8> {
    let upn = format!("{account}@contoso.test");
    let extended = Some((account.into(), user));
    UpnDnsInfoParts { upn, dns_domain_name: "CONTOSO.TEST".into(), flags: 2, extended }.encode()
}

/// Returns the PAC_DEVICE_INFO of alice's computer, which is in groups of its own domain and of two other domains.
pub fn device() -> NdrBytes {
    let mut ndr = NdrWriter::default();
    ndr.pointer("top");
    ndr.u32(1200);
    ndr.u32(515);
    ndr.pointer("AccountDomainId");
    ndr.marked("AccountGroupCount", 2);
    ndr.pointer("AccountGroupIds");
    ndr.marked("SidCount", 1);
    ndr.pointer("ExtraSids");
    ndr.marked("DomainGroupCount", 2);
    ndr.pointer("DomainGroup");
    ndr.sid("AccountDomainId.", sid("S-1-5-21-1-2-3"));
    ndr.rids("AccountGroupIds.", &[(515, 7), (1201, 7)]);
    ndr.sids(["ExtraSids.", "ExtraSids.Sid", "ExtraSids.Sid."], &[(sid("S-1-18-1"), 7)]);
    ndr.marked("DomainGroup.", 2);
    for (domain, groups) in [("FirstDomain", "FirstGroups"), ("SecondDomain", "SecondGroups")] {
        ndr.pointer(domain);
        ndr.marked("GroupCount", 1);
        ndr.pointer(groups);
    }
    ndr.sid("FirstDomain.", sid("S-1-5-21-4-5-6"));
    ndr.rids("FirstGroups.", &[(1300, 7)]);
    ndr.sid("SecondDomain.", sid("S-1-5-21-7-8-9"));
    ndr.rids("SecondGroups.", &[(1400, 7)]);
    ndr.finish()
}
