//! What the ticket itself must satisfy: its flags, its times, whom it names, how it came here.

use super::bindings::Connection;
use crate::accept::contents::{OpenedBy, TicketFacts};
use crate::accept::refusal::Refusal;
use crate::error::{AddressCause, DelegationKind, NameCause};
use crate::policy::{AddressPolicy, DelegationPolicy, Policy, TransitedPolicy};
use crate::time::UnixTime;
use crate::wire::krb5::TicketFlags;

pub(crate) fn check(
    ticket: TicketFacts<'_>,
    opened_by: &OpenedBy,
    policy: &Policy,
    connection: &Connection<'_>,
    now: UnixTime,
) -> Result<(), Refusal> {
    check_times(ticket, policy, now)?;
    check_name(ticket)?;
    check_realm(ticket, opened_by)?;
    check_transited(ticket, policy)?;
    check_addresses(ticket, policy, connection)?;
    check_delegation(ticket, policy)
}

/// RFC 4120 section 3.2.3: valid from start to end, a clock skew wider at both.
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

/// Whoever holds a key of an account can write any client into a ticket for it: a partner forest's administrator too.
fn check_realm(ticket: TicketFacts<'_>, opened_by: &OpenedBy) -> Result<(), Refusal> {
    if opened_by.account.vouches_for(ticket.client_realm_bytes()) {
        return Ok(());
    }
    Err(Refusal::UntrustedRealm)
}

/// RFC 4120 section 3.2.3: an unchecked path must be checked here or refused. Refused: see `TransitedEncoding`.
fn check_transited(ticket: TicketFacts<'_>, policy: &Policy) -> Result<(), Refusal> {
    let checked = ticket.transited().is_empty() || ticket.flags().contains(TicketFlags::TRANSITED_POLICY_CHECKED);
    if checked || policy.transited == TransitedPolicy::TrustKdc { Ok(()) } else { Err(Refusal::Transited) }
}

fn check_addresses(ticket: TicketFacts<'_>, policy: &Policy, connection: &Connection<'_>) -> Result<(), Refusal> {
    let addresses = ticket.addresses();
    if policy.addresses == AddressPolicy::Ignore || addresses.is_empty() {
        return Ok(());
    }
    match connection.client_address {
        Some(address) if addresses.contains(address) => Ok(()),
        Some(_) => Err(Refusal::Address(AddressCause::NotListed)),
        None => Err(Refusal::Address(AddressCause::Unknown)),
    }
}

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
