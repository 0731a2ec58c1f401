//! The checks of the authenticator: the client that sent the request owns the ticket, and sent it now.

use crate::accept::buffer::{Buffer, KeyField};
use crate::accept::facts::TicketFacts;
use crate::accept::refusal::Refusal;
use crate::accept::request::Request;
use crate::crypto::{KeyUsage, mac_of};
use crate::error::NamePart;
use crate::policy::Policy;
use crate::replay::ReplayTag;
use crate::span::Span;
use crate::time::UnixTime;
use crate::wire::krb5::{AdType, Authenticator, AuthorizationElement};

/// Decrypts the authenticator into the buffer. The replay tag follows from the ciphertext that verified. Returns `None` if
/// it does not verify.
pub(crate) fn decrypt(request: &Request<'_>, key: KeyField, buffer: &mut Buffer) -> Option<(Span, ReplayTag)> {
    let encrypted = request.ap_req.authenticator;
    // The type of the ciphertext is the type of the key. No KDC and no client labels it otherwise.
    if encrypted.etype != key.etype() {
        return None;
    }
    let decrypted = buffer.decrypt_under(key, KeyUsage::AP_REQ_AUTHENTICATOR, encrypted.cipher);
    let mac = mac_of(key.etype(), encrypted.cipher)?;
    Some((decrypted.ok()?, ReplayTag::new(mac, encrypted.cipher)))
}

/// Compares an authenticator with its ticket and with `now`.
pub(crate) fn check(
    authenticator: &Authenticator<'_>,
    ticket: TicketFacts<'_>,
    policy: &Policy,
    now: UnixTime,
) -> Result<(), Refusal> {
    check_client(authenticator, ticket)?;
    check_skew(authenticator, policy, now)
}

/// Rejects an authenticator of another client than the ticket's (RFC 4120 section 3.2.3). Name types are hints, and differ
/// between real clients and KDCs.
fn check_client(authenticator: &Authenticator<'_>, ticket: TicketFacts<'_>) -> Result<(), Refusal> {
    if !authenticator.cname.same_components(ticket.client()) {
        return Err(Refusal::ClientMismatch(NamePart::Name));
    }
    if authenticator.crealm != ticket.client_realm_bytes() {
        return Err(Refusal::ClientMismatch(NamePart::Realm));
    }
    Ok(())
}

/// Rejects a client whose clock is too far from `now` (RFC 4120 section 3.2.3).
fn check_skew(authenticator: &Authenticator<'_>, policy: &Policy, now: UnixTime) -> Result<(), Refusal> {
    let client = authenticator.ctime;
    if now.seconds_since(client).unsigned_abs() > policy.clock_skew.unsigned_abs() {
        return Err(Refusal::ClockSkew(client.seconds()));
    }
    Ok(())
}

/// Returns how long the replay cache must remember an authenticator: as long as its own time is accepted.
pub(crate) fn valid_until(client_time: UnixTime, policy: &Policy) -> UnixTime {
    client_time.saturating_add_seconds(policy.clock_skew)
}

/// Returns the replay tag for the end of the negotiation that the authenticator with this tag began.
///
/// It follows from that tag alone. The client's final token has more than one encoding (RFC 4757 section 7 leaves the
/// number of a MIC unsigned), and must be accepted once.
pub(crate) fn tag_of_end(tag: ReplayTag) -> ReplayTag {
    ReplayTag::new(&tag.as_bytes().map(|octet| !octet), &[])
}

/// Returns whether an element of the authenticator is KERB_AP_OPTIONS with KERB_AP_OPTIONS_CBT (MS-KILE section 2.2.7).
///
/// Options of another length than four octets cannot be read, so they may have the flag: the client of sspi-rs writes two
/// octets, `40 00`, and means it. Such options excuse no missing bindings. MIT krb5 and Heimdal refuse the whole request.
pub(crate) fn advertises_bindings(element: AuthorizationElement<'_>) -> bool {
    const KERB_AP_OPTIONS_CBT: u32 = 0x4000;
    element.ad_type == AdType::AP_OPTIONS
        && <[u8; 4]>::try_from(element.data)
            .map_or(true, |options| u32::from_le_bytes(options) & KERB_AP_OPTIONS_CBT != 0)
}
