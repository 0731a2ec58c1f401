//! What the ticket itself must satisfy: its flags, its times, whom it names, how it came here.

use super::bindings::Connection;
use super::contents::{OpenedBy, TicketFacts};
use super::verdict::Verdict;
use crate::error::{AddressCause, DelegationKind, Error, Excerpt, NameCause};
use crate::krb5::TicketFlags;
use crate::policy::{AddressPolicy, DelegationPolicy, Policy, TransitedPolicy};
use crate::time::UnixTime;

pub(super) fn check<D: Verdict>(
    ticket: TicketFacts<'_>,
    opened_by: &OpenedBy,
    policy: &Policy,
    connection: &Connection<'_>,
    now: UnixTime,
) -> Result<(), D::Told> {
    check_times::<D>(ticket, policy, now)?;
    check_name::<D>(ticket)?;
    check_realm::<D>(ticket, opened_by)?;
    check_transited::<D>(ticket, policy)?;
    check_addresses::<D>(ticket, policy, connection)?;
    check_delegation::<D>(ticket, policy)
}

/// RFC 4120 section 3.2.3: valid from start to end, a clock skew wider at both.
fn check_times<D: Verdict>(ticket: TicketFacts<'_>, policy: &Policy, now: UnixTime) -> Result<(), D::Told> {
    if ticket.flags().contains(TicketFlags::INVALID) {
        return Err(D::tell(|| Error::TicketInvalid));
    }
    let (start, end) = (ticket.start_time(), ticket.end_time());
    if start.seconds_since(now) > policy.clock_skew {
        return Err(D::tell(|| Error::TicketNotYetValid { start, now }));
    }
    if now.seconds_since(end) > policy.clock_skew {
        return Err(D::tell(|| Error::TicketExpired { end, now }));
    }
    let seconds = end.seconds_since(start);
    let limit_seconds = policy.max_ticket_lifetime.map_or(i64::MAX, |limit| limit.saturating_add(policy.clock_skew));
    if !(0..=limit_seconds).contains(&seconds) {
        return Err(D::tell(|| Error::TicketLifetime { seconds, limit_seconds }));
    }
    Ok(())
}

fn check_name<D: Verdict>(ticket: TicketFacts<'_>) -> Result<(), D::Told> {
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
    Err(D::tell(|| Error::NameRefused { name: client.excerpt(), cause }))
}

/// Whoever holds a key of an account can write any client into a ticket for it: a partner forest's administrator too.
fn check_realm<D: Verdict>(ticket: TicketFacts<'_>, opened_by: &OpenedBy) -> Result<(), D::Told> {
    if opened_by.account.vouches_for(ticket.client_realm_bytes()) {
        return Ok(());
    }
    Err(D::tell(|| Error::UntrustedRealm {
        realm: Excerpt::new(ticket.client_realm()),
        account: Excerpt::new(opened_by.account.name()),
    }))
}

/// RFC 4120 section 3.2.3: an unchecked path must be checked here or refused. Refused: see `TransitedEncoding`.
fn check_transited<D: Verdict>(ticket: TicketFacts<'_>, policy: &Policy) -> Result<(), D::Told> {
    let checked = ticket.transited().is_empty() || ticket.flags().contains(TicketFlags::TRANSITED_POLICY_CHECKED);
    if checked || policy.transited == TransitedPolicy::TrustKdc { Ok(()) } else { Err(D::tell(|| Error::Transited)) }
}

fn check_addresses<D: Verdict>(
    ticket: TicketFacts<'_>,
    policy: &Policy,
    connection: &Connection<'_>,
) -> Result<(), D::Told> {
    let addresses = ticket.addresses();
    if policy.addresses == AddressPolicy::Ignore || addresses.is_empty() {
        return Ok(());
    }
    match connection.client_address {
        Some(address) if addresses.contains(address) => Ok(()),
        Some(_) => Err(D::tell(|| Error::AddressMismatch(AddressCause::NotListed))),
        None => Err(D::tell(|| Error::AddressMismatch(AddressCause::Unknown))),
    }
}

fn check_delegation<D: Verdict>(ticket: TicketFacts<'_>, policy: &Policy) -> Result<(), D::Told> {
    if policy.delegation == DelegationPolicy::Allow {
        return Ok(());
    }
    [(TicketFlags::FORWARDED, DelegationKind::Forwarded), (TicketFlags::PROXY, DelegationKind::Proxy)]
        .into_iter()
        .find(|(flag, _)| ticket.flags().contains(*flag))
        .map_or(Ok(()), |(_, kind)| Err(D::tell(|| Error::Delegation(kind))))
}

/// RFC 8062 section 3.
const ANONYMOUS_REALM: &[u8] = b"WELLKNOWN:ANONYMOUS";

/// WELLKNOWN/ANONYMOUS, as the one encoding that DER has of two components.
const ANONYMOUS_NAME: &[u8] = b"\x1B\x09WELLKNOWN\x1B\x09ANONYMOUS";
