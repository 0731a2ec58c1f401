//! Third stage: an opened ticket becomes a verified request. The request has passed the checks of RFC 4120 section 3.2.3 and
//! RFC 4121 section 4.1.1. So the client of the ticket sent the request now, on this channel.
//!
//! This stage does not check the contents of the ticket's PAC, or whether the request is a replay.

mod auth_data;
pub(crate) mod authenticator;
mod bindings;
mod checksum;
mod client_target;
pub(crate) mod mic;
mod ticket;

pub use bindings::BindingState;
pub(super) use ticket::realms_refused_on_the_way;

use super::arrival::Arrival;
use super::buffer::{Buffer, KeyField};
use super::context_keys::{AcceptorSubkey, ContextKeys, acceptor_subkey};
use super::facts::{AuthenticatorFacts, AuthenticatorFields, TicketFacts};
use super::message::Message;
use super::open::{Opened, OpenedTicket, usable_key};
use super::refusal::Grounds;
use super::request::{Carrier, FinalToken, Request};
use crate::crypto::KeyRef;
use crate::error::{Error, Integrity, KeyRole, NegotiationCause, PacMalformed, PacProblem, Part};
use crate::policy::Policy;
use crate::replay::ReplayTag;
use crate::span::Span;
use crate::time::UnixTime;
use crate::wire::der;
use crate::wire::gss::GssFlags;
use crate::wire::krb5::{AdType, ApOptions, Authenticator, ClientTarget, EtypeList};
use auth_data::{check_critical, walk};
use bindings::check_bindings;
use checksum::{CheckedChecksum, check_checksum};
use client_target::{FoundTarget, check_client_target};
use mic::AnswerPlan;

/// A request that has passed every check of RFC 4120 except the replay check. This value may outlive the token.
#[derive(Debug)]
#[must_use]
pub struct VerifiedRequest {
    pub(crate) buffer: Buffer,
    pub(crate) opened: Opened,
    pub(crate) verified: Verified,
}

/// The facts that the third stage adds.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) authenticator: AuthenticatorFields,
    pub(crate) subkey: Option<KeyField>,
    /// The type of the subkey that the AP-REP will carry; `None` if the client wants no AP-REP.
    pub(crate) ap_rep: Option<AcceptorSubkey>,
    pub(crate) bindings: BindingState,
    pub(crate) answer: AnswerPlan,
    pub(crate) replay: ReplayFields,
    /// The PAC in the ticket, if there is one.
    pub(crate) found_pac: FoundPac,
    /// The arrival time of the token that completed the request.
    pub(crate) arrived: UnixTime,
}

/// The fields of the request that a replay cache must remember.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReplayFields {
    pub(crate) tag: ReplayTag,
    pub(crate) client_time: UnixTime,
    pub(crate) valid_until: UnixTime,
}

impl OpenedTicket<'_> {
    pub(crate) fn verify(&mut self, policy: &Policy, arrival: &Arrival<'_>) -> Result<Verified, Error> {
        verify(&self.request, &self.opened, &mut self.buffer, policy, arrival)
    }
}

impl VerifiedRequest {
    pub(crate) fn new(opened: OpenedTicket<'_>, verified: Verified) -> Self {
        let OpenedTicket { buffer, opened, .. } = opened;
        Self { buffer, opened, verified }
    }

    /// Returns the facts that the KDC wrote into the ticket.
    #[must_use]
    pub const fn ticket(&self) -> TicketFacts<'_> {
        self.opened.ticket(&self.buffer)
    }

    /// Returns the facts that the client wrote into the authenticator.
    #[must_use]
    pub const fn authenticator(&self) -> AuthenticatorFacts<'_> {
        AuthenticatorFacts { buffer: &self.buffer, fields: &self.verified.authenticator }
    }

    /// Returns whether the request is bound to the channel on which the request arrived.
    #[must_use]
    pub const fn channel_bindings(&self) -> BindingState {
        self.verified.bindings
    }
}

impl Verified {
    pub(crate) fn keys<'a>(&self, opened: &Opened, buffer: &'a Buffer) -> ContextKeys<'a> {
        let subkey = self.subkey.map(|subkey| buffer.key(subkey));
        ContextKeys { session: buffer.key(opened.session_key), subkey, ap_rep: self.ap_rep }
    }
}

/// Checks the ticket, decrypts the authenticator into `buffer`, and checks the authenticator.
pub(crate) fn verify(
    request: &Request<'_>,
    opened: &Opened,
    buffer: &mut Buffer,
    policy: &Policy,
    arrival: &Arrival<'_>,
) -> Result<Verified, Error> {
    let now = decision_time(request, policy, arrival)?;
    let grounds = |buffer| Grounds { ticket: opened.ticket(buffer), opened_by: &opened.key, policy, now };
    if let Err(refusal) = ticket::check(opened.ticket(buffer), &opened.key, policy, arrival, now) {
        return Err(refusal.explain(grounds(buffer)));
    }
    let found_pac = check_ticket_auth_data(opened, buffer)?;
    let Some((plaintext, tag)) = authenticator::decrypt(request, opened.session_key, buffer) else {
        return Err(Error::Integrity(Integrity::Authenticator));
    };
    let sent = &der::read(buffer.slice(plaintext), Authenticator::read)?;
    if let Err(refusal) = authenticator::check(sent, opened.ticket(buffer), policy, now) {
        return Err(refusal.explain(grounds(buffer)));
    }
    let subkey = match sent.subkey {
        Some(key) => Some(usable_key(buffer, key, "Authenticator.subkey", policy, KeyRole::Subkey)?),
        None => None,
    };
    let session_key = || buffer.key(opened.session_key);
    let channel = check_channel(sent, request.message, session_key, policy, arrival)?;
    let replay = replay_fields(request, sent, tag, policy, now);
    let delegated = channel.checksum.delegated.map(|krb_cred| buffer.span_of(&krb_cred));
    let client_target = channel.client_target.map(|target| buffer.span_of(target.as_bytes()));
    let authenticator = AuthenticatorFields::of(sent, channel.checksum.flags, delegated, client_target);
    let current = subkey.unwrap_or(opened.session_key).etype();
    let ap_rep = wants_mutual(&authenticator, request.ap_req.options)
        .then(|| acceptor_subkey(current, channel.etypes, authenticator.flags(), policy));
    let keys = || ContextKeys { session: session_key(), subkey: subkey.map(|subkey| buffer.key(subkey)), ap_rep };
    let answer = AnswerPlan::check(request, keys, &authenticator)?;
    Ok(Verified {
        authenticator,
        subkey,
        ap_rep,
        bindings: channel.bindings,
        answer,
        replay,
        found_pac,
        arrived: arrival.now,
    })
}

/// Returns the time that the checks of the request use: the arrival time of the request. For the client's final token, the
/// function returns the time at which the server accepted the AP-REQ of the negotiation.
fn decision_time(request: &Request<'_>, policy: &Policy, arrival: &Arrival<'_>) -> Result<UnixTime, Error> {
    match &request.carrier {
        Carrier::Earlier(token) => time_of_answer(token, policy, arrival.now),
        _ => Ok(arrival.now),
    }
}

#[cold]
fn time_of_answer(token: &FinalToken<'_>, policy: &Policy, now: UnixTime) -> Result<UnixTime, Error> {
    let began = token.pending.accepted;
    if now.seconds_since(began).unsigned_abs() > policy.clock_skew.unsigned_abs() {
        return Err(Error::Negotiation(NegotiationCause::TooLate { began, now, allowed_seconds: policy.clock_skew }));
    }
    Ok(began)
}

/// Returns the fields that a replay cache must remember. The fields identify the authenticator. For a negotiation's
/// final token, they identify the end of the negotiation instead.
fn replay_fields(
    request: &Request<'_>,
    sent: &Authenticator<'_>,
    tag: ReplayTag,
    policy: &Policy,
    now: UnixTime,
) -> ReplayFields {
    let (tag, client_time) = match request.carrier {
        Carrier::Earlier(_) => (authenticator::tag_of_end(tag), now),
        _ => (tag, sent.time()),
    };
    ReplayFields { tag, client_time, valid_until: authenticator::valid_until(client_time, policy) }
}

/// The PAC in a ticket, if there is one. Several PACs are an error; `authorize` returns this error unless the policy ignores
/// PACs.
pub(crate) type FoundPac = Result<Option<Span>, SeveralPacs>;

/// The fault of a ticket with several PACs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeveralPacs;

impl From<SeveralPacs> for Error {
    #[cold]
    fn from(_: SeveralPacs) -> Self {
        PacMalformed { what: "AD-WIN2K-PAC", at: 0, problem: PacProblem::Duplicate }.into()
    }
}

/// Rejects a ticket with a critical element of unknown type, and finds the PAC in the ticket's authorization data. Only the
/// ticket can hold a PAC: a PAC in the authenticator is ignored, because the client writes the authenticator.
fn check_ticket_auth_data(opened: &Opened, buffer: &Buffer) -> Result<FoundPac, Error> {
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

/// Returns whether the client wants an AP-REP. A GSS client asks for the AP-REP in its authenticator. A client without GSS
/// asks for the AP-REP in the AP options, which are not protected. In DCE style the server always sends an AP-REP (MS-KILE
/// section 3.4.5.1).
fn wants_mutual(authenticator: &AuthenticatorFields, options: ApOptions) -> bool {
    match authenticator.gss_flags {
        Some(flags) => flags.contains(GssFlags::MUTUAL) || flags.contains(GssFlags::DCE_STYLE),
        None => options.contains(ApOptions::MUTUAL_REQUIRED),
    }
}

/// The checked facts of the authenticator about the context, the service and the channel.
struct CheckedChannel<'a> {
    checksum: CheckedChecksum<'a>,
    client_target: Option<ClientTarget<'a>>,
    bindings: BindingState,
    etypes: EtypeList<'a>,
}

fn check_channel<'a, 'k>(
    authenticator: &Authenticator<'a>,
    message: Message,
    session_key: impl FnOnce() -> KeyRef<'k>,
    policy: &Policy,
    arrival: &Arrival<'_>,
) -> Result<CheckedChannel<'a>, Error> {
    let checksum = check_checksum(authenticator.checksum, message, session_key).map_err(Error::Checksum)?;
    let mut advertised = false;
    let mut etypes = EtypeList::default();
    let mut target = FoundTarget::default();
    walk(authenticator.authorization_data, &mut |element, criticality| {
        advertised |= authenticator::advertises_bindings(element);
        match element.ad_type {
            // A list that cannot be read may be ignored, because a list can only ask for a stronger subkey.
            AdType::ETYPE_NEGOTIATION => etypes = EtypeList::read(element.data).unwrap_or_default(),
            AdType::CLIENT_TARGET => target.add(element.data),
            _ => {}
        }
        check_critical(element, criticality, Part::Authenticator)
    })?;
    let client_target = check_client_target(target, policy)?;
    let bindings = check_bindings(checksum.bindings, advertised, policy, arrival)?;
    Ok(CheckedChannel { checksum, client_target, bindings, etypes })
}
