//! What a verified PAC must satisfy: it belongs to this ticket, it does not contradict itself, the account may vouch for
//! what it says, and the policy lets such a user in.

use crate::accept::facts::TicketFacts;
use crate::error::{AccountCause, BoundedText, DelegationKind, DomainClaim, Error, MissingPac, PacMismatch};
use crate::identity::AccountKind;
use crate::keys::Account;
use crate::pac::{AccountControl, LogonInfo, UserFlags, VerifiedPac, WideText};
use crate::policy::{AccountPolicy, DelegationPolicy, ForeignSidPolicy, PacPolicy, Policy};
use crate::sid::Sid;
use crate::time::UnixTime;
use crate::wire::krb5::PrincipalName;

pub(crate) fn check(
    pac: &VerifiedPac<'_>,
    ticket: TicketFacts<'_>,
    account: &Account,
    pac_policy: PacPolicy,
    policy: &Policy,
) -> Result<(), Error> {
    check_client(pac, ticket)?;
    let logon = pac.logon_info();
    check_delegation(pac, logon.as_ref(), policy)?;
    let Some(logon) = logon else {
        return if pac_policy == PacPolicy::Require { Err(Error::PacMissing(MissingPac::LogonInfo)) } else { Ok(()) };
    };
    check_sids(pac, &logon)?;
    check_domains(&logon, ticket.client_realm_bytes(), account, policy)?;
    check_account(&logon, policy)
}

/// MS-PAC section 2.7: name and authtime are the ticket's. Else a PAC could be moved to another ticket.
fn check_client(pac: &VerifiedPac<'_>, ticket: TicketFacts<'_>) -> Result<(), Error> {
    let client = pac.client_info();
    if !names_client(client.name, ticket) {
        let (pac, ticket) = (BoundedText::spelled(client.name.chars()), ticket.client().bounded());
        return Err(Error::PacMismatch(PacMismatch::ClientName { pac, ticket }));
    }
    let time = client.client_id.instant();
    if time.map(UnixTime::seconds) != Some(ticket.auth_time().seconds()) {
        return Err(Error::PacMismatch(PacMismatch::AuthTime { pac: time, ticket: ticket.auth_time() }));
    }
    Ok(())
}

/// Whether `name` is the ticket's client. The KDC writes it as the client spelled it when it signed in: in whatever case,
/// as a UPN if it is not made canonical; MIT's KDC with a backslash before what else would divide it, and with its realm
/// when one service asks another realm about a user (S4U2Self).
fn names_client(name: WideText<'_>, ticket: TicketFacts<'_>) -> bool {
    let client = ticket.client();
    let mut components = client.raw_components();
    // A name of one word, as most are: compared character by character it takes ten times as long.
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

/// S4U2Proxy and S4U2Self leave the ticket's flags as they are, and their marks in the PAC.
fn check_delegation(pac: &VerifiedPac<'_>, logon: Option<&LogonInfo<'_>>, policy: &Policy) -> Result<(), Error> {
    if policy.delegation == DelegationPolicy::Allow {
        return Ok(());
    }
    if pac.has_delegation_info() {
        return Err(Error::Delegation(DelegationKind::ConstrainedDelegation));
    }
    if logon.is_some_and(|logon| logon.has_extra_sid(&Sid::SERVICE_ASSERTED_PACKET)) {
        return Err(Error::Delegation(DelegationKind::ServiceAsserted));
    }
    Ok(())
}

/// CVE-2021-42287 was a KDC that found another account than the one the TGT was given to.
fn check_sids(pac: &VerifiedPac<'_>, logon: &LogonInfo<'_>) -> Result<(), Error> {
    let stranger = |packet: Option<&[u8]>| {
        packet.filter(|packet| !logon.is_user(packet)).map(|packet| Sid::from_bytes(packet).unwrap_or(Sid::NOBODY))
    };
    if let Some(requestor) = stranger(pac.requestor_packet()) {
        return Err(Error::PacMismatch(PacMismatch::Requestor { requestor, user: logon.user_sid() }));
    }
    if let Some(upn) = stranger(pac.upn_sid_packet()) {
        return Err(Error::PacMismatch(PacMismatch::UpnSid { upn, user: logon.user_sid() }));
    }
    Ok(())
}

/// The user must be of a domain that the account may vouch for. Groups of others are refused by policy only: the user's
/// identity does not depend on them.
fn check_domains(logon: &LogonInfo<'_>, realm: &[u8], account: &Account, policy: &Policy) -> Result<(), Error> {
    let untrusted = |claim, sid| Err(Error::UntrustedDomain { claim, sid, account: BoundedText::new(account.name()) });
    if !account.vouches_for_domain_of(realm, &logon.logon_domain_sid()) {
        return untrusted(DomainClaim::User, logon.user_sid());
    }
    if policy.foreign_sids == ForeignSidPolicy::Separate {
        return Ok(());
    }
    if let Some(foreign) = logon.extra_sids().find(|extra| account.is_foreign(&extra.sid)) {
        return untrusted(DomainClaim::ExtraSid, foreign.sid);
    }
    match logon.resource_group_domain_sid() {
        Some(domain) if !account.vouches_for_domain(&domain) => untrusted(DomainClaim::ResourceGroup, domain),
        _ => Ok(()),
    }
}

fn check_account(logon: &LogonInfo<'_>, policy: &Policy) -> Result<(), Error> {
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
    let name = BoundedText::spelled(logon.effective_name().chars());
    Err(Error::AccountRefused { name, sid: logon.user_sid(), cause })
}
