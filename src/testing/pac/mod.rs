//! PACs (MS-PAC): what a KDC of Active Directory puts into a ticket.

mod buffers;
mod client_info;
mod delegation_info;
mod logon_info;
mod ndr;
mod signature;
mod upn_dns_info;

pub use buffers::PacBuffers;
pub use client_info::ClientInfoParts;
pub use delegation_info::DelegationInfoParts;
pub use logon_info::LogonInfoParts;
pub use ndr::{NdrBytes, NdrWriter};
pub use signature::SignatureParts;
pub use upn_dns_info::UpnDnsInfoParts;

use super::TicketParts;
use crate::crypto::Key;
use crate::pac::{BufferType, GroupAttributes, UserFlags};
use crate::sid::Sid;
use alloc::string::String;
use alloc::vec::Vec;
use signature::signature;

/// A PAC. It begins as the realm's KDC writes it, with all four signatures; every field can be changed, and it is signed
/// when the ticket is encoded, so that what was changed is the one thing that is wrong.
///
/// The methods are for what is usual and keep it valid; the fields are for everything else.
///
/// ```
/// use kerberos_sso::testing::TestRealm;
/// use kerberos_sso::{Policy, Validator, replay::NoReplayCache};
///
/// let realm = TestRealm::new("CONTOSO.TEST").of_active_directory();
/// let validator = Validator::new(realm.key_set(), Policy::default(), NoReplayCache);
/// let check = |token: Vec<u8>| validator.validate_ticket(&token, TestRealm::NOW);
///
/// let accepted = check(realm.ticket_for("alice").pac(|pac| pac.groups([513, 1104])).mint())?;
/// assert_eq!(accepted.identity().sid(), Some(realm.user_sid("alice")));
///
/// let other = realm.user_sid("administrator");
/// let error = check(realm.ticket_for("alice").pac(|pac| pac.requestor = other).mint()).unwrap_err();
/// assert_eq!(error.code(), "pac-mismatch");
/// # Ok::<(), kerberos_sso::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PacParts {
    /// LOGON_INFO.
    pub logon_info: LogonInfoParts,
    /// CLIENT_INFO: the ticket's client and authtime.
    pub client_info: ClientInfoParts,
    /// UPN_DNS_INFO, in the extended form.
    pub upn_dns_info: UpnDnsInfoParts,
    /// The flags of ATTRIBUTES_INFO ([`PacAttributes`](crate::pac::PacAttributes)).
    pub attributes: u32,
    /// REQUESTOR: the user.
    pub requestor: Sid,
    /// DELEGATION_INFO: none.
    pub delegation_info: Option<DelegationInfoParts>,
    /// SERVER_CHECKSUM.
    pub server_signature: SignatureParts,
    /// KDC_CHECKSUM, under the realm's krbtgt key.
    pub kdc_signature: SignatureParts,
    /// TICKET_CHECKSUM, under that key too.
    pub ticket_signature: SignatureParts,
    /// FULL_CHECKSUM, under that key too.
    pub full_signature: SignatureParts,
    /// What is done to the buffers before they are signed, in this order.
    pub edits: Vec<BufferEdit>,
    /// Takes the place of the encoded PAC.
    pub raw: Option<Vec<u8>>,
}

/// What is done to the buffers of a PAC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BufferEdit {
    /// Other bytes in the first buffer of a type. A signature stays as it is here.
    Replace(BufferType, Vec<u8>),
    /// One more at the end, be there one of its type or not.
    Add(BufferType, Vec<u8>),
    /// None of a type.
    Remove(BufferType),
}

impl PacParts {
    /// A user's PAC with signatures under `krbtgt_key`.
    pub(super) fn new(logon_info: LogonInfoParts, realm: &str, krbtgt_key: &Key) -> Self {
        let (user, name) = (logon_info.user_sid(), logon_info.effective_name.clone());
        let upn_dns_info = UpnDnsInfoParts {
            upn: [&name, "@", &realm.to_lowercase()].concat(),
            dns_domain_name: realm.into(),
            flags: UPN_EXTENDED,
            extended: Some((name, user)),
        };
        Self {
            logon_info,
            client_info: ClientInfoParts::default(),
            upn_dns_info,
            attributes: 1,
            requestor: user,
            delegation_info: None,
            server_signature: SignatureParts::default(),
            kdc_signature: SignatureParts::of(krbtgt_key.clone()),
            ticket_signature: SignatureParts::of(krbtgt_key.clone()),
            full_signature: SignatureParts::of(krbtgt_key.clone()),
            edits: Vec::new(),
            raw: None,
        }
    }

    /// Of another user: in LOGON_INFO, UPN_DNS_INFO and REQUESTOR.
    ///
    /// # Panics
    /// If `sid` has no RID.
    pub fn user(&mut self, sid: Sid) {
        #[expect(clippy::expect_used, reason = "documented: a test that needs less is wrong")]
        let (domain, rid) = sid.domain().zip(sid.rid()).expect("a user has a RID");
        self.logon_info.logon_domain_sid = domain;
        self.logon_info.user_id = rid;
        self.requestor = sid;
        if let Some((_, named)) = &mut self.upn_dns_info.extended {
            *named = sid;
        }
    }

    /// Another account name (sAMAccountName): in LOGON_INFO and UPN_DNS_INFO.
    pub fn account_name(&mut self, name: &str) {
        self.logon_info.effective_name = name.into();
        if let Some((sam_name, _)) = &mut self.upn_dns_info.extended {
            *sam_name = name.into();
        }
    }

    /// In these groups of the user's domain, and no others of it.
    pub fn groups(&mut self, rids: impl IntoIterator<Item = u32>) {
        self.logon_info.groups = rids.into_iter().map(|rid| (rid, MEMBER)).collect();
    }

    /// In one more group of whatever domain, or with one more SID that says something about the logon.
    pub fn extra_sid(&mut self, sid: Sid) {
        self.logon_info.user_flags |= UserFlags::EXTRA_SIDS.0;
        self.logon_info.extra_sids.push((sid, MEMBER));
    }

    /// In these domain-local groups of the service's domain.
    pub fn resource_groups(&mut self, domain: Sid, rids: impl IntoIterator<Item = u32>) {
        let groups = rids.into_iter().map(|rid| (rid, MEMBER | GroupAttributes::RESOURCE.0));
        self.logon_info.user_flags |= UserFlags::RESOURCE_GROUPS.0;
        self.logon_info.resource_groups = Some((domain, groups.collect()));
    }

    /// Passed on by `services` to `target` (S4U2Proxy).
    pub fn delegated(&mut self, target: &str, services: &[&str]) {
        let transited_services = services.iter().copied().map(String::from).collect();
        self.delegation_info = Some(DelegationInfoParts { proxy_target: target.into(), transited_services });
    }

    /// Another key of the KDC: in the three signatures that are its own.
    pub fn signed_by_kdc(&mut self, krbtgt_key: &Key) {
        for signature in [&mut self.kdc_signature, &mut self.ticket_signature, &mut self.full_signature] {
            signature.key = Some(krbtgt_key.clone());
        }
    }

    /// [`BufferEdit::Replace`].
    pub fn replace(&mut self, buffer_type: BufferType, bytes: impl Into<Vec<u8>>) {
        self.edits.push(BufferEdit::Replace(buffer_type, bytes.into()));
    }

    /// [`BufferEdit::Add`].
    pub fn add(&mut self, buffer_type: BufferType, bytes: impl Into<Vec<u8>>) {
        self.edits.push(BufferEdit::Add(buffer_type, bytes.into()));
    }

    /// [`BufferEdit::Remove`].
    pub fn remove(&mut self, buffer_type: BufferType) {
        self.edits.push(BufferEdit::Remove(buffer_type));
    }

    pub(super) fn encode(&self, ticket: &TicketParts) -> Vec<u8> {
        self.raw.clone().unwrap_or_else(|| self.buffers(ticket).encode())
    }

    /// The buffers, edited and signed.
    pub(super) fn buffers(&self, ticket: &TicketParts) -> PacBuffers {
        let mut buffers = self.unsigned(ticket);
        self.edits.iter().for_each(|edit| edit.apply(&mut buffers));
        self.sign(&mut buffers, ticket);
        buffers
    }

    fn unsigned(&self, ticket: &TicketParts) -> PacBuffers {
        let delegation_info =
            self.delegation_info.iter().map(|info| (BufferType::DELEGATION_INFO, info.encode().bytes));
        let mut buffers: Vec<_> = [
            (BufferType::LOGON_INFO, self.logon_info.encode().bytes),
            (BufferType::CLIENT_INFO, self.client_info.encode(ticket)),
            (BufferType::UPN_DNS_INFO, self.upn_dns_info.encode()),
            (BufferType::ATTRIBUTES_INFO, [ATTRIBUTE_BITS, self.attributes].map(u32::to_le_bytes).concat()),
            (BufferType::REQUESTOR, self.requestor.to_bytes()),
        ]
        .into();
        buffers.extend(delegation_info);
        buffers.extend(self.signatures().map(|(buffer_type, signature)| (buffer_type, signature.unsigned(ticket))));
        PacBuffers(buffers)
    }

    /// In the order of MS-PAC section 2.8.1: each covers those before it.
    fn sign(&self, buffers: &mut PacBuffers, ticket: &TicketParts) {
        self.fill(
            buffers,
            BufferType::TICKET_CHECKSUM,
            self.ticket_signature.signing_key(ticket),
            &ticket.without_pac(),
        );
        let message = buffers.full_message();
        self.fill(buffers, BufferType::FULL_CHECKSUM, self.full_signature.signing_key(ticket), &message);
        let message = buffers.server_message();
        self.fill(buffers, BufferType::SERVER_CHECKSUM, self.server_signature.signing_key(ticket), &message);
        let message = buffers.kdc_message();
        self.fill(buffers, BufferType::KDC_CHECKSUM, self.kdc_signature.signing_key(ticket), &message);
    }

    fn fill(&self, buffers: &mut PacBuffers, buffer_type: BufferType, key: &Key, message: &[u8]) {
        let replaces = |edit: &BufferEdit| matches!(edit, BufferEdit::Replace(replaced, _) if *replaced == buffer_type);
        if !self.edits.iter().any(replaces) {
            buffers.fill(buffer_type, signature(key, message).as_ref());
        }
    }

    fn signatures(&self) -> [(BufferType, &SignatureParts); 4] {
        [
            (BufferType::SERVER_CHECKSUM, &self.server_signature),
            (BufferType::KDC_CHECKSUM, &self.kdc_signature),
            (BufferType::TICKET_CHECKSUM, &self.ticket_signature),
            (BufferType::FULL_CHECKSUM, &self.full_signature),
        ]
    }
}

impl BufferEdit {
    fn apply(&self, buffers: &mut PacBuffers) {
        match self {
            Self::Replace(buffer_type, bytes) => {
                buffers.get_mut(*buffer_type).into_iter().for_each(|buffer| buffer.clone_from(bytes));
            }
            Self::Add(buffer_type, bytes) => buffers.0.push((*buffer_type, bytes.clone())),
            Self::Remove(buffer_type) => buffers.0.retain(|(found, _)| found != buffer_type),
        }
    }
}

/// Mandatory, enabled by default, enabled: what groups are as a rule.
pub(super) const MEMBER: u32 = 7;

/// UPN_DNS_INFO.Flags: the extended form.
const UPN_EXTENDED: u32 = 2;

/// PAC_ATTRIBUTES_INFO.FlagsLength: flags that are defined.
const ATTRIBUTE_BITS: u32 = 2;
