//! Third stage: an opened ticket to a verified request. Every check of RFC 4120 section 3.2.3 and RFC 4121 section 4.1.1
//! has passed: the client is who the ticket says, now, over this channel.
//!
//! Not checked here: what the ticket's authorization data says, and whether the request was seen before.

use super::bindings::{BindingState, CheckedChecksum, Connection, check_bindings, check_checksum};
use super::contents::{AuthenticatorFacts, AuthenticatorFields, Buffer, Span, TicketFacts};
use super::context_keys::{AcceptorSubkey, ContextKeys, acceptor_subkey};
use super::exchange::Exchange;
use super::refusal::Grounds;
use super::request::{LastLeg, Leg, Message, Request};
use super::restrictions::{check_critical, walk};
use super::ticket::{Opened, usable_key};
use super::{authenticator, ticket_checks};
use crate::crypto::Key;
use crate::der;
use crate::error::{Error, Integrity, KeyRole, NegotiationCause, PacMalformed, PacProblem, Part};
use crate::gss::GssFlags;
use crate::krb5::{AdType, ApOptions, Authenticator, EtypeList};
use crate::policy::Policy;
use crate::replay::ReplayTag;
use crate::time::UnixTime;

/// A request that RFC 4120 would accept. It owns its bytes.
#[derive(Debug)]
pub struct VerifiedRequest {
    pub(super) buffer: Buffer,
    pub(super) opened: Opened,
    pub(super) verified: Verified,
}

/// What is known when every check of the ticket and the authenticator is passed.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) authenticator: AuthenticatorFields,
    pub(super) subkey: Option<Key>,
    /// What our AP-REP will carry, if there will be one.
    pub(super) ap_rep: Option<AcceptorSubkey>,
    pub(super) bindings: BindingState,
    pub(super) exchange: Exchange,
    pub(super) replay: ReplayFields,
    /// The PAC in the ticket, if there is one.
    pub(super) found_pac: Result<Option<Span>, SeveralPacs>,
}

/// What a replay cache must remember of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplayFields {
    pub(super) tag: ReplayTag,
    pub(super) client_time: UnixTime,
    pub(super) valid_until: UnixTime,
}

/// Checks the ticket, opens the authenticator into `buffer`, and checks that.
#[inline(never)]
pub(super) fn verify(
    request: &Request<'_>,
    opened: &Opened,
    buffer: &mut Buffer,
    policy: &Policy,
    connection: &Connection<'_>,
    now: UnixTime,
) -> Result<Verified, Error> {
    let now = match &request.leg {
        Leg::Last(last) => decided_at(last, policy, now)?,
        _ => now,
    };
    let grounds = |buffer| Grounds { ticket: opened.ticket(buffer), opened_by: &opened.key, policy, now };
    if let Err(refusal) = ticket_checks::check(opened.ticket(buffer), &opened.key, policy, connection, now) {
        return Err(refusal.explain(grounds(buffer)));
    }
    let found_pac = find_pac(opened, buffer)?;
    let Some((plaintext, tag)) = authenticator::decrypt(request, &opened.session_key, buffer) else {
        return Err(Error::Integrity(Integrity::Authenticator));
    };
    let authenticator = &der::read(buffer.slice(plaintext), Authenticator::read)?;
    if let Err(refusal) = authenticator::check(authenticator, opened.ticket(buffer), policy, now) {
        return Err(refusal.explain(grounds(buffer)));
    }
    let subkey = match authenticator.subkey {
        Some(key) => Some(usable_key(key, "Authenticator.subkey", policy, KeyRole::Subkey)?),
        None => None,
    };
    let channel = check_channel(authenticator, request.message, &opened.session_key, policy, connection)?;
    let (tag, time) = match request.leg {
        Leg::Last(_) => (authenticator::end_of(tag), now),
        _ => (tag, authenticator.time()),
    };
    let replay = ReplayFields { tag, client_time: time, valid_until: authenticator::valid_until(time, policy) };
    let delegated = channel.checksum.delegated.map(|krb_cred| buffer.span_of(krb_cred));
    let authenticator = AuthenticatorFields::of(authenticator, channel.checksum.flags, delegated);
    let current = subkey.as_ref().unwrap_or(&opened.session_key).etype();
    let ap_rep = wants_mutual(&authenticator, request.ap_req.options)
        .then(|| acceptor_subkey(current, channel.etypes, authenticator.flags(), policy));
    let keys = ContextKeys { session: &opened.session_key, subkey: subkey.as_ref(), ap_rep };
    let exchange = Exchange::settle(request, keys, &authenticator)?;
    Ok(Verified { authenticator, subkey, ap_rep, bindings: channel.bindings, exchange, replay, found_pac })
}

/// The ticket has several PACs. A policy that ignores PACs ignores that; every other policy refuses the ticket.
#[derive(Clone, Copy, Debug)]
pub(super) struct SeveralPacs;

impl From<SeveralPacs> for Error {
    #[cold]
    fn from(_: SeveralPacs) -> Self {
        PacMalformed { what: "AD-WIN2K-PAC", at: 0, problem: PacProblem::Duplicate }.into()
    }
}

/// Finds the PAC among the ticket's authorization data, and refuses what restricts the client in a way not known here. What
/// the client wrote is never searched.
fn find_pac(opened: &Opened, buffer: &Buffer) -> Result<Result<Option<Span>, SeveralPacs>, Error> {
    let mut found = Ok(None);
    walk(opened.ticket(buffer).authorization_data(), &mut |element, criticality| {
        if element.ad_type == AdType::WIN2K_PAC {
            found = match found {
                Ok(None) => Ok(Some(buffer.span_of(element.data))),
                _ => Err(SeveralPacs),
            };
        }
        check_critical(element, criticality, Part::Ticket)
    })?;
    Ok(found)
}

impl Verified {
    pub(super) const fn keys<'a>(&'a self, opened: &'a Opened) -> ContextKeys<'a> {
        ContextKeys { session: &opened.session_key, subkey: self.subkey.as_ref(), ap_rep: self.ap_rep }
    }
}

impl VerifiedRequest {
    /// What the KDC wrote.
    #[must_use]
    pub const fn ticket(&self) -> TicketFacts<'_> {
        self.opened.ticket(&self.buffer)
    }

    /// What the client wrote.
    #[must_use]
    pub const fn authenticator(&self) -> AuthenticatorFacts<'_> {
        AuthenticatorFacts { fields: &self.verified.authenticator }
    }

    /// Whether the request is bound to the channel that it came over.
    #[must_use]
    pub const fn channel_bindings(&self) -> BindingState {
        self.verified.bindings
    }
}

/// A request whose client had to confirm our answer is judged by the time at which it was answered.
#[cold]
#[inline(never)]
fn decided_at(last: &LastLeg<'_>, policy: &Policy, now: UnixTime) -> Result<UnixTime, Error> {
    let began = last.halfway.accepted;
    if now.seconds_since(began).unsigned_abs() > policy.clock_skew.unsigned_abs() {
        return Err(Error::Negotiation(NegotiationCause::TooLate { began, now, allowed_seconds: policy.clock_skew }));
    }
    Ok(began)
}

/// A GSS client says so in its authenticator, another one in the unprotected AP options. DCE style has no other way
/// (MS-KILE section 3.4.5.1).
fn wants_mutual(authenticator: &AuthenticatorFields, options: ApOptions) -> bool {
    match authenticator.gss_flags {
        Some(flags) => flags.contains(GssFlags::MUTUAL) || flags.contains(GssFlags::DCE_STYLE),
        None => options.contains(ApOptions::MUTUAL_REQUIRED),
    }
}

/// What the authenticator says of the context and of the channel.
struct CheckedChannel<'a> {
    checksum: CheckedChecksum<'a>,
    bindings: BindingState,
    etypes: EtypeList<'a>,
}

fn check_channel<'a>(
    authenticator: &Authenticator<'a>,
    message: Message,
    session_key: &Key,
    policy: &Policy,
    connection: &Connection<'_>,
) -> Result<CheckedChannel<'a>, Error> {
    let checksum = check_checksum(authenticator.checksum, message, session_key).map_err(Error::Checksum)?;
    let mut advertised = false;
    let mut etypes = EtypeList::default();
    walk(authenticator.authorization_data, &mut |element, criticality| {
        advertised |= authenticator::advertises_bindings(element);
        if element.ad_type == AdType::ETYPE_NEGOTIATION {
            // A list that says nothing negotiates nothing: it could only ask for a better key.
            etypes = EtypeList::read(element.data).unwrap_or_default();
        }
        check_critical(element, criticality, Part::Authenticator)
    })?;
    let bindings = check_bindings(checksum.bindings, advertised, policy, connection)?;
    Ok(CheckedChannel { checksum, bindings, etypes })
}
