//! What a verified PAC must satisfy: it belongs to this ticket, it does not contradict itself, the account may vouch for
//! what it says, and the policy admits such a user.

use super::refusal::PacRefusal;
use crate::accept::facts::TicketFacts;
use crate::error::{AccountCause, DelegationKind};
use crate::keys::TicketBounds;
use crate::pac::{
    AccountControl, AccountKind, BufferType, Group, LogonInfo, SignatureState, UserFlags, VerifiedPac, WideText,
};
use crate::policy::{AccountPolicy, DelegationPolicy, ForeignSidPolicy, KdcSignaturePolicy, PacPolicy, Policy};
use crate::sid::Sid;
use crate::time::UnixTime;
use crate::wire::krb5::PrincipalName;

pub(crate) fn check(
    pac: &VerifiedPac<'_>,
    ticket: TicketFacts<'_>,
    bounds: TicketBounds<'_>,
    pac_policy: PacPolicy,
    policy: &Policy,
) -> Result<(), PacRefusal> {
    check_kdc_signatures(pac, bounds, policy)?;
    check_client(pac, ticket)?;
    let logon = pac.logon_info();
    check_delegation(pac, logon.as_ref(), policy)?;
    let Some(logon) = logon else {
        return if pac_policy == PacPolicy::Require { Err(PacRefusal::NoLogonInfo) } else { Ok(()) };
    };
    check_sids(pac, &logon)?;
    check_domains(&logon, ticket.client_realm_bytes(), bounds, policy)?;
    check_account(&logon, policy)
}

/// A PAC whose KDC signatures hold can still be moved into a ticket that the service's own key has made. The ticket signature
/// ties it to its ticket (MS-PAC section 2.8.3), and the full signature covers what the others leave out (section 2.8.4).
fn check_kdc_signatures(pac: &VerifiedPac<'_>, bounds: TicketBounds<'_>, policy: &Policy) -> Result<(), PacRefusal> {
    if !bounds.have_krbtgt_keys() || policy.kdc_signatures == KdcSignaturePolicy::AllowAbsent {
        return Ok(());
    }
    let signatures = pac.kdc_signatures();
    let demanded = [(signatures.ticket, BufferType::TICKET_CHECKSUM), (signatures.full, BufferType::FULL_CHECKSUM)];
    match demanded.into_iter().find(|(state, _)| *state != SignatureState::Valid) {
        Some((_, buffer_type)) => Err(PacRefusal::NoKdcSignature(buffer_type)),
        None => Ok(()),
    }
}

/// MS-PAC section 2.7: name and authtime are the ticket's. Otherwise a client could move a PAC to another ticket.
fn check_client(pac: &VerifiedPac<'_>, ticket: TicketFacts<'_>) -> Result<(), PacRefusal> {
    let client = pac.client_info();
    if !names_client(client.name, ticket) {
        return Err(PacRefusal::ClientName);
    }
    if client.client_id.instant().map(UnixTime::seconds) != Some(ticket.auth_time().seconds()) {
        return Err(PacRefusal::AuthTime);
    }
    Ok(())
}

/// Returns whether `name` is the ticket's client. The KDC writes it as the client spelled it when it signed in: in any case,
/// and as a UPN if the KDC did not make it canonical. MIT's KDC writes a backslash before a separator that is part of the
/// name. It appends the realm when one service asks another realm about a user (S4U2Self).
fn names_client(name: WideText<'_>, ticket: TicketFacts<'_>) -> bool {
    let client = ticket.client();
    let mut components = client.raw_components();
    // Most names have one component. Compared character by character, such a name takes ten times as long.
    if let (Some(only), None) = (components.next(), components.next()) {
        if name.is_ascii(only) {
            return true;
        }
    }
    let in_realm = || core::iter::once('@').chain(ticket.client_realm().chars());
    name.eq_ignore_ascii_case(joined(client))
        || name.eq_ignore_ascii_case(joined(client).chain(in_realm()))
        || name.eq_ignore_ascii_case(client.quoted())
        || name.eq_ignore_ascii_case(client.quoted().chain(in_realm()))
}

fn joined(name: PrincipalName<'_>) -> impl Iterator<Item = char> {
    name.components().flat_map(|component| core::iter::once('/').chain(component.chars())).skip(1)
}

/// S4U2Proxy and S4U2Self leave the ticket's flags as they are; they show in the PAC.
fn check_delegation(pac: &VerifiedPac<'_>, logon: Option<&LogonInfo<'_>>, policy: &Policy) -> Result<(), PacRefusal> {
    if policy.delegation != DelegationPolicy::Refuse {
        return Ok(());
    }
    if pac.has_delegation_info() {
        return Err(PacRefusal::Delegation(DelegationKind::ConstrainedDelegation));
    }
    if logon.is_some_and(|logon| logon.has_extra_sid(&Sid::SERVICE_ASSERTED_PACKET)) {
        return Err(PacRefusal::Delegation(DelegationKind::ServiceAsserted));
    }
    Ok(())
}

/// All SIDs of the user are one. In CVE-2021-42287 the KDC found another account than the one that it gave the TGT to.
fn check_sids(pac: &VerifiedPac<'_>, logon: &LogonInfo<'_>) -> Result<(), PacRefusal> {
    if pac.requestor_packet().is_some_and(|requestor| !logon.is_user(requestor)) {
        return Err(PacRefusal::Requestor);
    }
    if pac.upn_sid_packet().is_some_and(|upn| !logon.is_user(upn)) {
        return Err(PacRefusal::UpnSid);
    }
    Ok(())
}

/// The user must be of a domain that the account may vouch for. Groups that grant the user nothing are refused by policy only:
/// the user's identity does not depend on them. SIDs that only describe the logon are never a reason to refuse.
fn check_domains(
    logon: &LogonInfo<'_>,
    realm: &[u8],
    bounds: TicketBounds<'_>,
    policy: &Policy,
) -> Result<(), PacRefusal> {
    if !bounds.vouch_for_domain_of(realm, &logon.logon_domain_sid()) {
        return Err(PacRefusal::UserDomain);
    }
    if policy.foreign_sids == ForeignSidPolicy::Separate {
        return Ok(());
    }
    let is_foreign = |group: &Group| !group.sid.is_of_logon() && bounds.is_foreign(realm, &group.sid);
    if let Some(index) = logon.extra_sids().position(|extra| is_foreign(&extra)) {
        return Err(PacRefusal::ExtraSid(index));
    }
    match logon.resource_group_domain_sid() {
        Some(domain) if !bounds.vouch_for_domain(&domain) => return Err(PacRefusal::ResourceGroupDomain),
        _ => {}
    }
    match logon.resource_groups().position(|group| is_foreign(&group)) {
        Some(index) => Err(PacRefusal::ResourceGroup(index)),
        None => Ok(()),
    }
}

fn check_account(logon: &LogonInfo<'_>, policy: &Policy) -> Result<(), PacRefusal> {
    if policy.accounts == AccountPolicy::Any {
        return Ok(());
    }
    let cause = match AccountKind::of(logon) {
        AccountKind::Computer | AccountKind::DomainController | AccountKind::Trust => AccountCause::Computer,
        AccountKind::System => AccountCause::System,
        _ if logon.account_control().contains(AccountControl::DISABLED) => AccountCause::Disabled,
        _ if logon.user_flags().contains(UserFlags::GUEST) => AccountCause::Guest,
        _ => return Ok(()),
    };
    Err(PacRefusal::Account(cause))
}
