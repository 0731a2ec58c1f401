//! Opening the authenticator and holding it against the ticket: who sent the request owns the ticket, and sent it now.

use crate::accept::contents::{Buffer, Span, TicketFacts};
use crate::accept::refusal::Refusal;
use crate::accept::request::Request;
use crate::crypto::{Key, KeyUsage, mac_of};
use crate::error::NamePart;
use crate::policy::Policy;
use crate::replay::ReplayTag;
use crate::time::UnixTime;
use crate::wire::krb5::{AdType, Authenticator, AuthorizationElement};

/// Decrypts the authenticator into the buffer; the replay tag comes of the ciphertext that verified. `None` if it does not.
pub(crate) fn decrypt(request: &Request<'_>, key: &Key, buffer: &mut Buffer) -> Option<(Span, ReplayTag)> {
    let encrypted = request.ap_req.authenticator;
    // The cipher follows the key. A label that says otherwise is not the KDC's doing.
    if encrypted.etype != key.etype() {
        return None;
    }
    let usage = KeyUsage::AP_REQ_AUTHENTICATOR;
    let decrypted = buffer.decrypt(encrypted.cipher, |ciphertext, room| key.decrypt(usage, ciphertext, room));
    let mac = mac_of(key.etype(), encrypted.cipher)?;
    Some((decrypted.ok()?, ReplayTag::new(mac, encrypted.cipher)))
}

/// Holds an authenticator against its ticket and `now`.
pub(crate) fn check(
    authenticator: &Authenticator<'_>,
    ticket: TicketFacts<'_>,
    policy: &Policy,
    now: UnixTime,
) -> Result<(), Refusal> {
    check_client(authenticator, ticket)?;
    check_skew(authenticator, policy, now)
}

/// RFC 4120 section 3.2.3: name and realm must be the ticket's. Name types are hints and differ between real clients and
/// KDCs.
fn check_client(authenticator: &Authenticator<'_>, ticket: TicketFacts<'_>) -> Result<(), Refusal> {
    if !authenticator.cname.same_components(ticket.client()) {
        return Err(Refusal::ClientMismatch(NamePart::Name));
    }
    if authenticator.crealm != ticket.client_realm_bytes() {
        return Err(Refusal::ClientMismatch(NamePart::Realm));
    }
    Ok(())
}

fn check_skew(authenticator: &Authenticator<'_>, policy: &Policy, now: UnixTime) -> Result<(), Refusal> {
    let client = authenticator.ctime;
    if now.seconds_since(client).unsigned_abs() > policy.clock_skew.unsigned_abs() {
        return Err(Refusal::ClockSkew(client.seconds()));
    }
    Ok(())
}

/// Until when this authenticator must be remembered: for as long as its own time would still be accepted.
pub(crate) fn valid_until(client_time: UnixTime, policy: &Policy) -> UnixTime {
    client_time.saturating_add_seconds(policy.clock_skew)
}

/// The tag of the end of the conversation that the authenticator with this tag began.
///
/// It follows from that one alone: the client's last word can be spelled in more than one way (RFC 4757 section 7 leaves
/// the number of a MIC unsigned), and must be taken once.
pub(crate) fn end_of(tag: ReplayTag) -> ReplayTag {
    ReplayTag::new(&tag.as_bytes().map(|octet| !octet), &[])
}

/// Whether an element of the authenticator is KERB_AP_OPTIONS with KERB_AP_OPTIONS_CBT (MS-KILE section 2.2.7).
pub(crate) fn advertises_bindings(element: AuthorizationElement<'_>) -> bool {
    const KERB_AP_OPTIONS_CBT: u32 = 0x4000;
    element.ad_type == AdType::AP_OPTIONS
        && <[u8; 4]>::try_from(element.data).is_ok_and(|options| u32::from_le_bytes(options) & KERB_AP_OPTIONS_CBT != 0)
}
