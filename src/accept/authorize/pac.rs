//! The checks of a verified PAC. The PAC must belong to this ticket and must not contradict itself. The account's keys must
//! be allowed to vouch for the user's domain. The policy must allow the user.

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

/// Checks that the ticket signature and the full signature are present, if the account has krbtgt keys. A holder of the
/// service's key can move a PAC with a valid KDC signature into a forged ticket. The ticket signature ties the PAC to its
/// ticket (MS-PAC section 2.8.3). The full signature covers the whole PAC (section 2.8.4).
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

/// Rejects a PAC whose client name or authtime differs from the ticket (MS-PAC section 2.7). Without this check, an
/// attacker could move a PAC to another ticket.
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

/// Returns whether `name` is the ticket's client. The KDC writes the name into the PAC as the client spelled the name at
/// sign-in. So the case of letters can differ, and the name is a UPN if the KDC did not canonicalize the name. MIT's KDC
/// writes a backslash before a separator that is part of a component. MIT's KDC appends the realm when a service asks
/// another realm about a user (S4U2Self).
fn names_client(name: WideText<'_>, ticket: TicketFacts<'_>) -> bool {
    let client = ticket.client();
    let mut components = client.raw_components();
    // Most names have one component of ASCII. The comparison of characters below would take ten times as long as this
    // comparison of octets.
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

/// Rejects a PAC that shows S4U2Proxy or S4U2Self, if the policy refuses delegation. The ticket's flags do not show
/// S4U2Proxy or S4U2Self.
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

/// Rejects a PAC whose PAC_REQUESTOR or UPN_DNS_INFO has a SID that is not the user's SID. In CVE-2021-42287, the KDC
/// issued a TGT to one account, and a service ticket with the PAC of another account.
fn check_sids(pac: &VerifiedPac<'_>, logon: &LogonInfo<'_>) -> Result<(), PacRefusal> {
    if pac.requestor_packet().is_some_and(|requestor| !logon.is_user(requestor)) {
        return Err(PacRefusal::Requestor);
    }
    if pac.upn_sid_packet().is_some_and(|upn| !logon.is_user(upn)) {
        return Err(PacRefusal::UpnSid);
    }
    Ok(())
}

/// Rejects a user of a domain for which the account's keys may not vouch. A group of such a domain is refused only if the
/// policy says so, because the user's identity does not depend on groups. A SID that only describes the logon is never
/// refused.
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
