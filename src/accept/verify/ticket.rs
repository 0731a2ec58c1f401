//! The checks of the ticket itself: its flags, its times, the client that it names, the realms that it crossed.

use crate::accept::arrival::Arrival;
use crate::accept::facts::{OpenedBy, TicketFacts};
use crate::accept::refusal::Refusal;
use crate::error::{AddressCause, DelegationKind, NameCause, TransitedFault, TransitedRealms};
use crate::policy::{AddressPolicy, DelegationPolicy, Policy, TransitedPolicy};
use crate::time::UnixTime;
use crate::wire::krb5::TicketFlags;

pub(crate) fn check(
    ticket: TicketFacts<'_>,
    opened_by: &OpenedBy,
    policy: &Policy,
    arrival: &Arrival<'_>,
    now: UnixTime,
) -> Result<(), Refusal> {
    check_times(ticket, policy, now)?;
    check_name(ticket)?;
    check_realm(ticket, opened_by)?;
    check_transited(ticket, opened_by, policy)?;
    check_addresses(ticket, policy, arrival)?;
    check_delegation(ticket, policy)
}

/// Rejects a ticket outside its time, one clock skew wider at both ends (RFC 4120 section 3.2.3), or of a lifetime that the
/// policy does not allow.
fn check_times(ticket: TicketFacts<'_>, policy: &Policy, now: UnixTime) -> Result<(), Refusal> {
    if ticket.flags().contains(TicketFlags::INVALID) {
        return Err(Refusal::TicketInvalid);
    }
    let (start, end) = (ticket.start_time(), ticket.end_time());
    if start.seconds_since(now) > policy.clock_skew {
        return Err(Refusal::TicketNotYetValid);
    }
    if now.seconds_since(end) > policy.clock_skew {
        return Err(Refusal::TicketExpired);
    }
    if !(0..=policy.ticket_lifetime_limit()).contains(&end.seconds_since(start)) {
        return Err(Refusal::TicketLifetime);
    }
    Ok(())
}

/// Rejects a ticket of a client without a name, or of an anonymous one (RFC 8062).
fn check_name(ticket: TicketFacts<'_>) -> Result<(), Refusal> {
    let (client, realm) = (ticket.client(), ticket.client_realm_bytes());
    let components = client.encoded_components();
    let cause = if components.is_empty() || client.raw_components().any(<[u8]>::is_empty) || realm.is_empty() {
        NameCause::Empty
    } else if ticket.flags().contains(TicketFlags::ANONYMOUS)
        || realm == ANONYMOUS_REALM
        || components == ANONYMOUS_NAME
    {
        NameCause::Anonymous
    } else {
        return Ok(());
    };
    Err(Refusal::Name(cause))
}

/// Rejects a client of a realm for which the account may not vouch. Anyone who holds a key of the account can write any
/// client into a ticket: a partner forest's administrator, too.
fn check_realm(ticket: TicketFacts<'_>, opened_by: &OpenedBy) -> Result<(), Refusal> {
    if opened_by.bounds().vouch_for(ticket.client_realm_bytes()) {
        return Ok(());
    }
    Err(Refusal::UntrustedRealm)
}

/// Rejects a ticket that crossed other realms, unless the KDC checked them (RFC 4120 section 3.2.3), or each of them may lie
/// on the way (section 2.7).
fn check_transited(ticket: TicketFacts<'_>, opened_by: &OpenedBy, policy: &Policy) -> Result<(), Refusal> {
    let checked = ticket.transited().is_empty() || ticket.flags().contains(TicketFlags::TRANSITED_POLICY_CHECKED);
    if checked || policy.transited == TransitedPolicy::TrustKdc {
        return Ok(());
    }
    let may_all_lie_there =
        realms_refused_on_the_way(ticket, opened_by, policy).is_ok_and(|refused| refused.count() == 0);
    if may_all_lie_there { Ok(()) } else { Err(Refusal::Transited) }
}

/// Returns the realms that a ticket crossed and that may not lie on its way. The client's realm, and the account's, may lie
/// there, too.
///
/// The account's realm counts as the service's. The ticket has that name, too, but unprotected. Where accounts of several
/// realms share the key, the list is read for each of these realms.
#[cold]
pub(crate) fn realms_refused_on_the_way(
    ticket: TicketFacts<'_>,
    opened_by: &OpenedBy,
    policy: &Policy,
) -> Result<TransitedRealms, TransitedFault> {
    let (client, bounds) = (ticket.client_realm_bytes(), opened_by.bounds());
    let mut refused = TransitedRealms::NONE;
    for server in bounds.realms() {
        let mut visit = |realm: &[u8]| {
            if !(realm == client || policy.lists_transited(realm) || bounds.let_transit(realm)) {
                refused.add(realm);
            }
        };
        ticket.transited_encoding().each_realm(client, server.as_bytes(), &mut visit)?;
        if refused.count() > 0 {
            break;
        }
    }
    Ok(refused)
}

/// Rejects a ticket that is bound to other addresses than the client's.
fn check_addresses(ticket: TicketFacts<'_>, policy: &Policy, arrival: &Arrival<'_>) -> Result<(), Refusal> {
    let addresses = ticket.addresses();
    if policy.addresses == AddressPolicy::Ignore || addresses.is_empty() {
        return Ok(());
    }
    match arrival.client_address {
        Some(address) if addresses.contains(address) => Ok(()),
        _ if !addresses.name_an_ip_address() => Err(Refusal::Address(AddressCause::NoIpAddress)),
        Some(_) => Err(Refusal::Address(AddressCause::NotListed)),
        None => Err(Refusal::Address(AddressCause::Unknown)),
    }
}

/// Rejects a forwarded or proxy ticket, if the policy refuses delegation.
fn check_delegation(ticket: TicketFacts<'_>, policy: &Policy) -> Result<(), Refusal> {
    if policy.delegation == DelegationPolicy::Allow {
        return Ok(());
    }
    if ticket.flags().contains(TicketFlags::FORWARDED) {
        return Err(Refusal::Delegation(DelegationKind::Forwarded));
    }
    if ticket.flags().contains(TicketFlags::PROXY) {
        return Err(Refusal::Delegation(DelegationKind::Proxy));
    }
    Ok(())
}

/// RFC 8062 section 3.
const ANONYMOUS_REALM: &[u8] = b"WELLKNOWN:ANONYMOUS";

/// WELLKNOWN/ANONYMOUS, as the one encoding that DER has of two components.
const ANONYMOUS_NAME: &[u8] = b"\x1B\x09WELLKNOWN\x1B\x09ANONYMOUS";
