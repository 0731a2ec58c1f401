//! The PACs (MS-PAC) that a KDC of Active Directory puts into tickets.

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

/// A PAC, as plain data.
///
/// By default the PAC is what the realm's KDC would write, with all four signatures. A test can change every field. The
/// PAC is signed when the ticket is encoded, so the signatures stay valid after a change.
///
/// The methods make usual changes and keep the PAC valid. For all other changes, a test sets the fields.
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
    /// LOGON_INFO describes the user and the user's groups.
    pub logon_info: LogonInfoParts,
    /// CLIENT_INFO names the ticket's client and authtime by default.
    pub client_info: ClientInfoParts,
    /// UPN_DNS_INFO is in the extended form by default.
    pub upn_dns_info: UpnDnsInfoParts,
    /// The flags of ATTRIBUTES_INFO ([`PacAttributes`](crate::pac::PacAttributes)).
    pub attributes: u32,
    /// REQUESTOR is the user's SID by default.
    pub requestor: Sid,
    /// DELEGATION_INFO is absent by default.
    pub delegation_info: Option<DelegationInfoParts>,
    /// SERVER_CHECKSUM is made with the ticket's key by default.
    pub server_signature: SignatureParts,
    /// KDC_CHECKSUM is made with the realm's krbtgt key by default.
    pub kdc_signature: SignatureParts,
    /// TICKET_CHECKSUM is made with the realm's krbtgt key by default.
    pub ticket_signature: SignatureParts,
    /// FULL_CHECKSUM is made with the realm's krbtgt key by default.
    pub full_signature: SignatureParts,
    /// Changes to the buffers. The changes are made in the order of the list, before the buffers are signed.
    pub edits: Vec<BufferEdit>,
    /// Octets that replace the encoded PAC.
    pub raw: Option<Vec<u8>>,
}

/// A change to the buffers of a PAC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BufferEdit {
    /// The first buffer of this type gets these octets. A signature that is replaced in this way is not computed again.
    Replace(BufferType, Vec<u8>),
    /// A buffer is added at the end, even if there is already a buffer of its type.
    Add(BufferType, Vec<u8>),
    /// The buffers of a type are removed.
    Remove(BufferType),
}

impl PacParts {
    /// Makes a user's PAC with signatures under `krbtgt_key`.
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

    /// Sets another user in LOGON_INFO, UPN_DNS_INFO and REQUESTOR.
    ///
    /// # Panics
    /// Panics if `sid` has no RID.
    pub fn user(&mut self, sid: Sid) {
        #[expect(clippy::expect_used, reason = "the documentation says that a SID without a RID panics")]
        let (domain, rid) = sid.domain().zip(sid.rid()).expect("a user has a RID");
        self.logon_info.logon_domain_sid = domain;
        self.logon_info.user_id = rid;
        self.requestor = sid;
        if let Some((_, named)) = &mut self.upn_dns_info.extended {
            *named = sid;
        }
    }

    /// Sets another account name (sAMAccountName) in LOGON_INFO and UPN_DNS_INFO.
    pub fn account_name(&mut self, name: &str) {
        self.logon_info.effective_name = name.into();
        if let Some((sam_name, _)) = &mut self.upn_dns_info.extended {
            *sam_name = name.into();
        }
    }

    /// Sets the user's groups in the user's own domain.
    pub fn groups(&mut self, rids: impl IntoIterator<Item = u32>) {
        self.logon_info.groups = rids.into_iter().map(|rid| (rid, MEMBER)).collect();
    }

    /// Adds a group of any domain, or a SID that describes the logon.
    pub fn extra_sid(&mut self, sid: Sid) {
        self.logon_info.user_flags |= UserFlags::EXTRA_SIDS.bits();
        self.logon_info.extra_sids.push((sid, MEMBER));
    }

    /// Sets the user's domain-local groups in the service's domain.
    pub fn resource_groups(&mut self, domain: Sid, rids: impl IntoIterator<Item = u32>) {
        let groups = rids.into_iter().map(|rid| (rid, MEMBER | GroupAttributes::RESOURCE.bits()));
        self.logon_info.user_flags |= UserFlags::RESOURCE_GROUPS.bits();
        self.logon_info.resource_groups = Some((domain, groups.collect()));
    }

    /// Makes the ticket a delegated ticket: `services` requested it for `target` in the user's name (S4U2Proxy).
    pub fn delegated(&mut self, target: &str, services: &[&str]) {
        let transited_services = services.iter().copied().map(String::from).collect();
        self.delegation_info = Some(DelegationInfoParts { proxy_target: target.into(), transited_services });
    }

    /// Sets another key for the three signatures of the KDC.
    pub fn signed_by_kdc(&mut self, krbtgt_key: &Key) {
        for signature in [&mut self.kdc_signature, &mut self.ticket_signature, &mut self.full_signature] {
            signature.key = Some(krbtgt_key.clone());
        }
    }

    /// Adds the change [`BufferEdit::Replace`].
    pub fn replace(&mut self, buffer_type: BufferType, bytes: impl Into<Vec<u8>>) {
        self.edits.push(BufferEdit::Replace(buffer_type, bytes.into()));
    }

    /// Adds the change [`BufferEdit::Add`].
    pub fn add(&mut self, buffer_type: BufferType, bytes: impl Into<Vec<u8>>) {
        self.edits.push(BufferEdit::Add(buffer_type, bytes.into()));
    }

    /// Adds the change [`BufferEdit::Remove`].
    pub fn remove(&mut self, buffer_type: BufferType) {
        self.edits.push(BufferEdit::Remove(buffer_type));
    }

    pub(super) fn encode(&self, ticket: &TicketParts) -> Vec<u8> {
        self.raw.clone().unwrap_or_else(|| self.buffers(ticket).encode())
    }

    /// Returns the buffers after the changes, with their signatures.
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

    /// Signs the buffers in the order of MS-PAC section 2.8.1, because each signature covers the signatures before it.
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

/// The usual attributes of a group: mandatory, enabled by default, enabled.
pub(super) const MEMBER: u32 = 7;

/// The bit of UPN_DNS_INFO.Flags that announces the extended form.
const UPN_EXTENDED: u32 = 2;

/// PAC_ATTRIBUTES_INFO.FlagsLength: the number of defined flags.
const ATTRIBUTE_BITS: u32 = 2;
