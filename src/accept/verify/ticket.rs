//! The checks of the ticket itself: its flags, its times, its client, its transited realms, its addresses.

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

/// Rejects a ticket that is not yet valid or has expired. The clock skew extends the lifetime at its start and its end
/// (RFC 4120 section 3.2.3). Also rejects a ticket with the flag INVALID, or with a lifetime that the policy does not
/// allow.
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

/// Rejects a ticket whose client has no name or is anonymous (RFC 8062).
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

/// Rejects a client of a realm for which the account's keys may not vouch. Any party that holds a key of the account can
/// write any client into a ticket. For an account of a partner forest, the administrator of that forest is such a party.
fn check_realm(ticket: TicketFacts<'_>, opened_by: &OpenedBy) -> Result<(), Refusal> {
    if opened_by.bounds().vouch_for(ticket.client_realm_bytes()) {
        return Ok(());
    }
    Err(Refusal::UntrustedRealm)
}

/// Rejects a ticket with a transited realm that is not allowed. The KDC may have checked the realms (flag
/// TRANSITED-POLICY-CHECKED, RFC 4120 section 3.2.3). Otherwise each realm must be allowed on the authentication path
/// (section 2.7).
fn check_transited(ticket: TicketFacts<'_>, opened_by: &OpenedBy, policy: &Policy) -> Result<(), Refusal> {
    let checked = ticket.transited().is_empty() || ticket.flags().contains(TicketFlags::TRANSITED_POLICY_CHECKED);
    if checked || policy.transited == TransitedPolicy::TrustKdc {
        return Ok(());
    }
    let may_all_lie_there =
        realms_refused_on_the_way(ticket, opened_by, policy).is_ok_and(|refused| refused.count() == 0);
    if may_all_lie_there { Ok(()) } else { Err(Refusal::Transited) }
}

/// Returns the transited realms that are not allowed on the ticket's authentication path. The client's realm and the account's
/// realm are always allowed.
///
/// The realm of the account is used as the service's realm, because the service's realm in the ticket is not protected. If
/// accounts of several realms share the key, the encoded list is read for each of these realms.
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

/// Rejects a ticket that is bound to addresses, if the client's address is not one of them.
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

/// The realm of anonymous clients (RFC 8062 section 3).
const ANONYMOUS_REALM: &[u8] = b"WELLKNOWN:ANONYMOUS";

/// The name WELLKNOWN/ANONYMOUS. DER allows only this encoding of the two components of the name.
const ANONYMOUS_NAME: &[u8] = b"\x1B\x09WELLKNOWN\x1B\x09ANONYMOUS";
