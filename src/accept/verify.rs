//! Third stage: an opened ticket to a verified request. Every check of RFC 4120 section 3.2.3 and RFC 4121 section 4.1.1
//! has passed: the client is who the ticket says, now, over this channel.
//!
//! Not checked here: what the ticket's authorization data says, and whether the request was seen before.

use super::authorize::FoundPac;
use super::bindings::{BindingState, CheckedChecksum, Connection, check_bindings, check_checksum};
use super::contents::{
    AuthenticatorFacts, AuthenticatorFields, Buffer, NameFields, OpenedBy, TicketFacts, TicketFields,
};
use super::context_keys::{ContextKeys, acceptor_subkey};
use super::exchange::Exchange;
use super::request::{Framing, Leg, Message, Request};
use super::restrictions::{check_critical, walk};
use super::ticket::{TicketContents, usable_key};
use super::{authenticator, ticket_checks};
use crate::crypto::Key;
use crate::error::{Error, KeyRole, NegotiationCause, Part};
use crate::gss::GssFlags;
use crate::krb5::{AdType, ApOptions, Authenticator, EtypeList};
use crate::policy::Policy;
use crate::replay::ReplayTag;
use crate::time::UnixTime;

/// A request that RFC 4120 would accept. It owns its bytes.
#[derive(Debug)]
pub struct VerifiedRequest {
    pub(super) buffer: Buffer,
    pub(super) ticket: TicketFields,
    pub(super) pac: FoundPac,
    pub(super) authenticator: AuthenticatorFields,
    pub(super) service: NameFields,
    pub(super) opened_by: OpenedBy,
    pub(super) keys: ContextKeys,
    pub(super) ticket_kvno: Option<u32>,
    pub(super) bindings: BindingState,
    pub(super) framing: Framing,
    pub(super) exchange: Exchange,
    pub(super) replay: ReplayFields,
}

/// What a replay cache must remember of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplayFields {
    pub(super) tag: ReplayTag,
    pub(super) client_time: UnixTime,
    pub(super) valid_until: UnixTime,
}

impl VerifiedRequest {
    #[inline(always)]
    pub(crate) fn verify(
        request: &Request<'_>,
        mut opened: TicketContents,
        policy: &Policy,
        connection: &Connection<'_>,
        now: UnixTime,
    ) -> Result<Self, Error> {
        let now = decided_at(&request.leg, policy, now)?;
        ticket_checks::check(opened.ticket(), &opened.opened_by, policy, connection, now)?;
        let mut pac = FoundPac::Absent;
        walk(opened.ticket().authorization_data(), &mut |element, criticality| {
            pac = pac.with(element, &opened.buffer);
            check_critical(element, criticality, Part::Ticket)
        })?;
        let (plaintext, tag) = authenticator::decrypt(request, &mut opened)?;
        let authenticator = authenticator::read(&opened.buffer, plaintext, &opened, policy, now)?;
        let subkey = authenticator.subkey.map(|key| usable_key(key, "Authenticator.subkey", policy, KeyRole::Subkey));
        let subkey = subkey.transpose()?;
        let channel = check_channel(&authenticator, request.message, &opened.session_key, policy, connection)?;
        let (tag, time) = match request.leg {
            Leg::Last(_) => (authenticator::end_of(tag), now),
            _ => (tag, authenticator.time()),
        };
        let replay = ReplayFields { tag, client_time: time, valid_until: authenticator::valid_until(time, policy) };
        let delegated = channel.checksum.delegated.map(|krb_cred| opened.buffer.span_of(krb_cred));
        let fields = AuthenticatorFields::of(&authenticator, channel.checksum.flags, delegated);
        let current = subkey.as_ref().unwrap_or(&opened.session_key).etype();
        let ap_rep = wants_mutual(&fields, request.ap_req.options)
            .then(|| acceptor_subkey(current, channel.etypes, fields.flags(), policy));
        let bindings = channel.bindings;
        let keys = ContextKeys { session: opened.session_key, subkey, ap_rep };
        let exchange = Exchange::settle(request, &keys, &fields)?;
        let mut buffer = opened.buffer;
        // The token is let go: what is still needed of the ticket's shell is copied.
        let shell = &request.ap_req.ticket;
        let service = NameFields::copy(&mut buffer, shell.sname, shell.realm);
        Ok(Self {
            buffer,
            ticket: opened.fields,
            pac,
            authenticator: fields,
            service,
            opened_by: opened.opened_by,
            keys,
            ticket_kvno: shell.enc_part.kvno,
            bindings,
            framing: request.framing(),
            exchange,
            replay,
        })
    }

    /// What the KDC wrote.
    #[must_use]
    pub const fn ticket(&self) -> TicketFacts<'_> {
        TicketFacts { buffer: &self.buffer, fields: &self.ticket }
    }

    /// What the client wrote.
    #[must_use]
    pub const fn authenticator(&self) -> AuthenticatorFacts<'_> {
        AuthenticatorFacts { fields: &self.authenticator }
    }

    /// Whether the request is bound to the channel that it came over.
    #[must_use]
    pub const fn channel_bindings(&self) -> BindingState {
        self.bindings
    }
}

/// A request whose client had to confirm our answer is judged by the time at which it was answered.
fn decided_at(leg: &Leg<'_>, policy: &Policy, now: UnixTime) -> Result<UnixTime, Error> {
    let Leg::Last(last) = leg else { return Ok(now) };
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
