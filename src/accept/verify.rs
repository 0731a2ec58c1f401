//! Third stage: an opened ticket to a verified request. Every check of RFC 4120 section 3.2.3 and RFC 4121 section 4.1.1
//! has passed: the client is who the ticket says, now, over this channel.
//!
//! Not checked here: what the ticket's authorization data says, and whether the request was seen before.

use super::authorize::FoundPac;
use super::bindings::{BindingState, CheckedChecksum, Connection, check_bindings, check_checksum};
use super::case::Case;
use super::contents::{AuthenticatorFacts, AuthenticatorFields, TicketFacts};
use super::context_keys::acceptor_subkey;
use super::exchange::Exchange;
use super::request::{LastLeg, Leg, Message, Request};
use super::restrictions::{check_critical, walk};
use super::ticket::{malformed, usable_key};
use super::verdict::told;
use super::{authenticator, ticket_checks};
use crate::crypto::Key;
use crate::der::{Full, Reader, Terse};
use crate::error::{Error, Integrity, KeyRole, NegotiationCause, Part};
use crate::gss::GssFlags;
use crate::krb5::{AdType, ApOptions, Authenticator, EtypeList};
use crate::policy::Policy;
use crate::replay::ReplayTag;
use crate::time::UnixTime;

/// A request that RFC 4120 would accept. It owns its bytes.
#[derive(Debug)]
pub struct VerifiedRequest(pub(super) Case);

/// What a replay cache must remember of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplayFields {
    pub(super) tag: ReplayTag,
    pub(super) client_time: UnixTime,
    pub(super) valid_until: UnixTime,
}

impl ReplayFields {
    /// Before there is an authenticator: older than whatever a replay cache can remember.
    pub(super) const NONE: Self = Self {
        tag: ReplayTag::from_bytes([0; 16]),
        client_time: UnixTime::from_seconds(i64::MIN),
        valid_until: UnixTime::from_seconds(i64::MIN),
    };
}

impl Case {
    /// Fills in what the authenticator tells, once every check is passed.
    #[inline(never)]
    pub(super) fn verify(
        &mut self,
        request: &Request<'_>,
        policy: &Policy,
        connection: &Connection<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let now = match &request.leg {
            Leg::Last(last) => decided_at(last, policy, now)?,
            _ => now,
        };
        let (ticket, opened_by) = (self.ticket(), &self.opened_by);
        told(ticket_checks::check::<Terse>(ticket, opened_by, policy, connection, now), || {
            ticket_checks::check::<Full>(ticket, opened_by, policy, connection, now)
        })?;
        self.found_pac = find_pac(self)?;
        let Some((plaintext, tag)) = authenticator::decrypt(request, self) else {
            return Err(Error::Integrity(Integrity::Authenticator));
        };
        let octets = self.buffer.slice(plaintext);
        // Looked at where it lies.
        let read = Authenticator::read(Reader::terse(octets));
        let Ok(authenticator) = &read else {
            return Err(malformed("Authenticator", || Authenticator::read(Reader::new(octets))));
        };
        let ticket = self.ticket();
        told(authenticator::check::<Terse>(authenticator, ticket, policy, now), || {
            authenticator::check::<Full>(authenticator, ticket, policy, now)
        })?;
        let subkey = match authenticator.subkey {
            Some(key) => Some(usable_key(key, "Authenticator.subkey", policy, KeyRole::Subkey)?),
            None => None,
        };
        let channel = check_channel(authenticator, request.message, &self.keys.session, policy, connection)?;
        let (tag, time) = match request.leg {
            Leg::Last(_) => (authenticator::end_of(tag), now),
            _ => (tag, authenticator.time()),
        };
        self.replay = ReplayFields { tag, client_time: time, valid_until: authenticator::valid_until(time, policy) };
        self.bindings = channel.bindings;
        let delegated = channel.checksum.delegated.map(|krb_cred| self.buffer.span_of(krb_cred));
        self.authenticator = AuthenticatorFields::of(authenticator, channel.checksum.flags, delegated);
        let current = subkey.as_ref().unwrap_or(&self.keys.session).etype();
        self.keys.ap_rep = wants_mutual(&self.authenticator, request.ap_req.options)
            .then(|| acceptor_subkey(current, channel.etypes, self.authenticator.flags(), policy));
        self.keys.subkey = subkey;
        self.exchange = Exchange::settle(request, &self.keys, &self.authenticator)?;
        Ok(())
    }
}

/// Finds the PAC among the ticket's authorization data, and refuses what restricts the client in a way not known here.
fn find_pac(case: &Case) -> Result<FoundPac, Error> {
    let mut pac = FoundPac::Absent;
    walk(case.ticket().authorization_data(), &mut |element, criticality| {
        pac = pac.with(element, &case.buffer);
        check_critical(element, criticality, Part::Ticket)
    })?;
    Ok(pac)
}

impl VerifiedRequest {
    /// What the KDC wrote.
    #[must_use]
    pub const fn ticket(&self) -> TicketFacts<'_> {
        self.0.ticket()
    }

    /// What the client wrote.
    #[must_use]
    pub const fn authenticator(&self) -> AuthenticatorFacts<'_> {
        AuthenticatorFacts { fields: &self.0.authenticator }
    }

    /// Whether the request is bound to the channel that it came over.
    #[must_use]
    pub const fn channel_bindings(&self) -> BindingState {
        self.0.bindings
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
