//! Opening the authenticator and holding it against the ticket: who sent the request owns the ticket, and sent it now.

use super::case::Case;
use super::contents::{Span, TicketFacts};
use super::request::Request;
use super::verdict::Verdict;
use crate::crypto::{KeyUsage, mac_of};
use crate::error::{Error, NamePart};
use crate::krb5::{AdType, Authenticator, AuthorizationElement};
use crate::policy::Policy;
use crate::replay::ReplayTag;
use crate::time::UnixTime;

/// Decrypts the authenticator into the buffer; the replay tag comes of the ciphertext that verified. `None` if it does not.
pub(super) fn decrypt(request: &Request<'_>, case: &mut Case) -> Option<(Span, ReplayTag)> {
    let encrypted = request.ap_req.authenticator;
    // The cipher follows the key. A label that says otherwise is not the KDC's doing.
    if encrypted.etype != case.keys.session.etype() {
        return None;
    }
    let (key, usage) = (&case.keys.session, KeyUsage::AP_REQ_AUTHENTICATOR);
    let decrypted = case.buffer.decrypt(encrypted.cipher, |ciphertext, room| key.decrypt(usage, ciphertext, room));
    let mac = mac_of(key.etype(), encrypted.cipher)?;
    Some((decrypted.ok()?, ReplayTag::new(mac, encrypted.cipher)))
}

/// Holds an authenticator against its ticket and `now`.
pub(super) fn check<D: Verdict>(
    authenticator: &Authenticator<'_>,
    ticket: TicketFacts<'_>,
    policy: &Policy,
    now: UnixTime,
) -> Result<(), D::Told> {
    check_client::<D>(authenticator, ticket)?;
    check_skew::<D>(authenticator, policy, now)
}

/// RFC 4120 section 3.2.3: name and realm must be the ticket's. Name types are hints and differ between real clients and
/// KDCs.
fn check_client<D: Verdict>(authenticator: &Authenticator<'_>, ticket: TicketFacts<'_>) -> Result<(), D::Told> {
    if !authenticator.cname.same_components(ticket.client()) {
        return Err(D::tell(|| Error::ClientMismatch(NamePart::Name)));
    }
    if authenticator.crealm != ticket.client_realm_bytes() {
        return Err(D::tell(|| Error::ClientMismatch(NamePart::Realm)));
    }
    Ok(())
}

fn check_skew<D: Verdict>(authenticator: &Authenticator<'_>, policy: &Policy, now: UnixTime) -> Result<(), D::Told> {
    let client = authenticator.ctime;
    if now.seconds_since(client).unsigned_abs() > policy.clock_skew.unsigned_abs() {
        return Err(D::tell(|| Error::ClockSkew { client, server: now, allowed_seconds: policy.clock_skew }));
    }
    Ok(())
}

/// Until when this authenticator must be remembered: for as long as its own time would still be accepted.
pub(super) fn valid_until(client_time: UnixTime, policy: &Policy) -> UnixTime {
    client_time.saturating_add_seconds(policy.clock_skew)
}

/// The tag of the end of the conversation that the authenticator with this tag began.
///
/// It follows from that one alone: the client's last word can be spelled in more than one way (RFC 4757 section 7 leaves
/// the number of a MIC unsigned), and must be taken once.
pub(super) fn end_of(tag: ReplayTag) -> ReplayTag {
    ReplayTag::new(&tag.as_bytes().map(|octet| !octet), &[])
}

/// Whether an element of the authenticator is KERB_AP_OPTIONS with KERB_AP_OPTIONS_CBT (MS-KILE section 2.2.7).
pub(super) fn advertises_bindings(element: AuthorizationElement<'_>) -> bool {
    const KERB_AP_OPTIONS_CBT: u32 = 0x4000;
    element.ad_type == AdType::AP_OPTIONS
        && <[u8; 4]>::try_from(element.data).is_ok_and(|options| u32::from_le_bytes(options) & KERB_AP_OPTIONS_CBT != 0)
}
