//! The stages of the PAC, by which Active Directory describes the user: its buffers, its signatures, and the policy's checks.

use super::check::{Check, Stage};
use crate::explain::Node;
use kerberos_sso::pac::{BufferType, LogonInfo, Pac, SignatureState, VerifiedPac};
use kerberos_sso::{
    Error,
    error::{DelegationKind, MissingPac, PacMismatch, PacSignature},
    stages::AuthorizedRequest,
    ticket::{AdType, AuthorizationData, TicketFacts},
};

/// The PAC in the ticket.
pub(super) enum FoundPac {
    Absent,
    /// The ticket has a PAC that cannot be read, or more than one PAC.
    Unreadable,
    /// The types of the PAC's buffers.
    Read(Vec<BufferType>),
}

impl FoundPac {
    pub(super) fn of(ticket: TicketFacts<'_>) -> Self {
        let mut found = Vec::new();
        find(ticket.authorization_data(), kerberos_sso::limits::MAX_AUTH_DATA_DEPTH, &mut found);
        match found.as_slice() {
            [] => Self::Absent,
            [pac] => Pac::read(pac).map_or(Self::Unreadable, |pac| Self::Read(pac.buffer_types().collect())),
            _ => Self::Unreadable,
        }
    }

    fn facts(&self) -> Vec<Node> {
        match self {
            Self::Absent => vec![Node::fact("The ticket has no PAC", "the user is identified by name")],
            Self::Unreadable => Vec::new(),
            Self::Read(buffers) => buffers.iter().map(|buffer| Node::fact("Buffer", buffer)).collect(),
        }
    }
}

fn find<'a>(data: AuthorizationData<'a>, depth: usize, found: &mut Vec<&'a [u8]>) {
    for element in data.iter() {
        match (element.contained(), depth.checked_sub(1)) {
            (Some(contained), Some(depth)) => find(contained, depth, found),
            _ if element.ad_type == AdType::WIN2K_PAC => found.push(element.data),
            _ => {}
        }
    }
}

pub(super) fn stages(found: &FoundPac, authorized: Option<&AuthorizedRequest>) -> Vec<Stage> {
    let pac = authorized.and_then(AuthorizedRequest::pac);
    let mut facts = found.facts();
    let mut checks = vec![Check::new("The ticket has a PAC if the policy demands it", "", |error| {
        matches!(error, Error::PacMissing(MissingPac::Pac))
    })];
    let mut of_user = Vec::new();
    match found {
        FoundPac::Absent => {}
        _ if authorized.is_some() && pac.is_none() => facts.push(Node::fact("Not checked", "ignored by the policy")),
        _ => {
            checks.extend(signature_checks(found, pac.as_ref()));
            of_user = user_checks(pac.as_ref());
        }
    }
    let user = Stage::new(USER, pac.as_ref().map(user_facts).unwrap_or_default(), of_user);
    vec![Stage::new(PAC, facts, checks), user]
}

fn signature_checks(found: &FoundPac, pac: Option<&VerifiedPac<'_>>) -> Vec<Check> {
    // A malformed PAC fails either at the table of buffers, or at the contents after the signatures.
    let table: fn(&Error) -> bool = match found {
        FoundPac::Unreadable => |error| matches!(error, Error::PacMalformed(_)),
        _ => |_| false,
    };
    let signatures = pac.map(VerifiedPac::kdc_signatures);
    let kdc = kdc_check("Signature of the KDC's key", signatures.map(|all| all.kdc), |error| {
        is_signature(error, BufferType::KDC_CHECKSUM)
    });
    let full = kdc_check("Signature of the whole PAC", signatures.map(|all| all.full), |error| {
        is_signature(error, BufferType::FULL_CHECKSUM)
    });
    let ticket = kdc_check("Signature of the ticket", signatures.map(|all| all.ticket), |error| {
        is_signature(error, BufferType::TICKET_CHECKSUM)
    });
    vec![
        Check::new("Table of buffers", "", table),
        Check::new("Signature of the service's key", "", |error| is_signature(error, BufferType::SERVER_CHECKSUM)),
        kdc,
        full,
        ticket,
        Check::new("Contents", "", |error| matches!(error, Error::PacMalformed(_))),
        Check::new("The PAC belongs to this ticket", client(pac), |error| {
            matches!(error, Error::PacMismatch(PacMismatch::ClientName { .. } | PacMismatch::AuthTime { .. }))
        }),
    ]
}

fn is_signature(error: &Error, wanted: BufferType) -> bool {
    match error {
        Error::PacSignature(PacSignature { buffer_type, .. }) => *buffer_type == wanted,
        // The signature's length does not match the signature's type.
        Error::PacMalformed(malformed) => wanted.to_string().split(' ').next() == Some(malformed.what),
        _ => false,
    }
}

/// Returns the check of a signature that needs a key of the KDC. `state` is `None` until every part of the PAC was
/// accepted.
fn kdc_check(title: &'static str, state: Option<SignatureState>, fails_with: fn(&Error) -> bool) -> Check {
    match state {
        Some(SignatureState::Valid) => Check::new(title, "", fails_with),
        Some(SignatureState::Absent) => Check::new(title, "the PAC has none", fails_with).skipped(),
        _ => Check::new(title, "not checked: this needs a key of krbtgt", fails_with).skipped(),
    }
}

fn client(pac: Option<&VerifiedPac<'_>>) -> String {
    pac.map(|pac| pac.client_info().name.to_string()).unwrap_or_default()
}

fn user_checks(pac: Option<&VerifiedPac<'_>>) -> Vec<Check> {
    let logon = pac.and_then(VerifiedPac::logon_info);
    let sid = logon.as_ref().map(|logon| logon.user_sid().to_string()).unwrap_or_default();
    let domain = logon.as_ref().map(|logon| logon.logon_domain_sid().to_string()).unwrap_or_default();
    vec![
        Check::new("Delegation", "", |error| {
            matches!(error, Error::Delegation(DelegationKind::ConstrainedDelegation | DelegationKind::ServiceAsserted))
        }),
        Check::new("The user has a SID if the policy demands it", &sid, |error| matches!(error, Error::PacMissing(_))),
        Check::new("All SIDs of the user are equal", "", |error| matches!(error, Error::PacMismatch(_))),
        Check::new("Domain is allowed for the account", domain, |error| matches!(error, Error::UntrustedDomain { .. })),
        Check::new("Kind of account", "", |error| matches!(error, Error::AccountRefused { .. })),
    ]
}

fn user_facts(pac: &VerifiedPac<'_>) -> Vec<Node> {
    let upn = match pac.upn_dns_info() {
        Ok(info) => info.map(|info| Node::fact("UPN", info.upn)),
        Err(fault) => Some(Node::fact("UPN", format!("cannot be read: {fault}"))),
    };
    pac.logon_info().as_ref().map(logon_facts).unwrap_or_default().into_iter().chain(upn).collect()
}

fn logon_facts(logon: &LogonInfo<'_>) -> Vec<Node> {
    let groups = logon.groups().len();
    let (extra, resource) = (logon.extra_sids().count(), logon.resource_groups().count());
    vec![
        Node::fact("Account", format!("{}\\{}", logon.logon_domain_name(), logon.effective_name())),
        Node::fact("Groups", format!("{groups} of the domain, {extra} extra SIDs, {resource} resource groups")),
    ]
}

pub(super) const PAC: &str = "PAC";
pub(super) const USER: &str = "User, and the policy";
