//! The checks of the authenticator: the sender of the request is the client of the ticket, and sent the request now.

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

/// Decrypts the authenticator into the buffer. Returns the span of the plaintext, and the replay tag, which is made from
/// the verified ciphertext. Returns `None` if the ciphertext does not verify.
pub(crate) fn decrypt(request: &Request<'_>, key: KeyField, buffer: &mut Buffer) -> Option<(Span, ReplayTag)> {
    let encrypted = request.ap_req.authenticator;
    // The ciphertext must have the encryption type of the key. No known client writes another type.
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

/// Rejects an authenticator whose client is not the ticket's client (RFC 4120 section 3.2.3). The name types are not compared:
/// they are hints, and real clients and KDCs write different name types.
fn check_client(authenticator: &Authenticator<'_>, ticket: TicketFacts<'_>) -> Result<(), Refusal> {
    if !authenticator.cname.same_components(ticket.client()) {
        return Err(Refusal::ClientMismatch(NamePart::Name));
    }
    if authenticator.crealm != ticket.client_realm_bytes() {
        return Err(Refusal::ClientMismatch(NamePart::Realm));
    }
    Ok(())
}

/// Rejects an authenticator whose time differs from `now` by more than the clock skew (RFC 4120 section 3.2.3).
fn check_skew(authenticator: &Authenticator<'_>, policy: &Policy, now: UnixTime) -> Result<(), Refusal> {
    let client = authenticator.ctime;
    if now.seconds_since(client).unsigned_abs() > policy.clock_skew.unsigned_abs() {
        return Err(Refusal::ClockSkew(client.seconds()));
    }
    Ok(())
}

/// Returns the time until which the replay cache must remember an authenticator. After this time, the check of the clock skew
/// refuses the authenticator.
pub(crate) fn valid_until(client_time: UnixTime, policy: &Policy) -> UnixTime {
    client_time.saturating_add_seconds(policy.clock_skew)
}

/// Returns the replay tag of a negotiation's final token. `tag` is the replay tag of the authenticator in the negotiation.
///
/// The new tag depends on `tag` alone, not on the final token. The final token may be accepted only once, but it has
/// more than one valid encoding. For example, the sequence number of an RC4 MIC is not signed (RFC 4757 section 7).
pub(crate) fn tag_of_end(tag: ReplayTag) -> ReplayTag {
    ReplayTag::new(&tag.as_bytes().map(|octet| !octet), &[])
}

/// Returns whether an element of the authenticator is KERB_AP_OPTIONS with KERB_AP_OPTIONS_CBT (MS-KILE section 2.2.7).
///
/// If the options do not have four octets, this function returns true, so a client cannot avoid the bindings with
/// malformed options. There is a second reason: a client that writes options of another length may have meant to set
/// the flag. sspi-rs writes KERB_AP_OPTIONS_CBT as the two octets `40 00`. MIT krb5 and Heimdal refuse a request with
/// such options.
pub(crate) fn advertises_bindings(element: AuthorizationElement<'_>) -> bool {
    const KERB_AP_OPTIONS_CBT: u32 = 0x4000;
    element.ad_type == AdType::AP_OPTIONS
        && <[u8; 4]>::try_from(element.data)
            .map_or(true, |options| u32::from_le_bytes(options) & KERB_AP_OPTIONS_CBT != 0)
}
