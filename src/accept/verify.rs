//! Third stage: an opened ticket to a verified request. Every check of RFC 4120 section 3.2.3 and RFC 4121 section 4.1.1
//! has passed: the client is who the ticket says, now, over this channel.
//!
//! Not checked here: what the ticket's authorization data says, and whether the request was seen before.

use super::bindings::{BindingState, Connection, check_bindings, check_checksum};
use super::contents::{
    AuthenticatorFacts, AuthenticatorFields, Buffer, NameFields, OpenedBy, TicketFacts, TicketFields,
};
use super::request::{Framing, Message};
use super::restrictions::{check_critical, walk};
use super::ticket::{OpenedTicket, usable_key};
use super::{authenticator, ticket_checks};
use crate::crypto::{EncType, Key};
use crate::error::{Error, KeyRole, Part};
use crate::gss::GssFlags;
use crate::krb5::{ApOptions, Authenticator};
use crate::policy::Policy;
use crate::replay::ReplayTag;
use crate::time::UnixTime;

/// A request that RFC 4120 would accept. It owns its bytes.
#[derive(Debug)]
pub struct VerifiedRequest {
    pub(super) buffer: Buffer,
    pub(super) ticket: TicketFields,
    pub(super) authenticator: AuthenticatorFields,
    pub(super) service: NameFields,
    pub(super) opened_by: OpenedBy,
    pub(super) session_etype: EncType,
    pub(super) ticket_kvno: Option<u32>,
    pub(super) options: ApOptions,
    pub(super) bindings: BindingState,
    pub(super) framing: Framing,
    pub(super) replay_tag: ReplayTag,
    pub(super) valid_until: UnixTime,
}

impl VerifiedRequest {
    pub(crate) fn verify(
        mut opened: OpenedTicket<'_>,
        policy: &Policy,
        connection: &Connection<'_>,
        now: UnixTime,
    ) -> Result<Self, Error> {
        ticket_checks::check(opened.ticket(), &opened.opened_by, policy, connection, now)?;
        walk(opened.ticket().authorization_data(), &mut |element, criticality| {
            check_critical(element, criticality, Part::Ticket)
        })?;
        let (plaintext, tag) = authenticator::decrypt(&mut opened)?;
        let authenticator = authenticator::read(&opened.buffer, plaintext, &opened, policy, now)?;
        if let Some(subkey) = authenticator.subkey {
            usable_key(subkey, "Authenticator.subkey", policy, KeyRole::Subkey)?;
        }
        let message = opened.request.message;
        let (gss_flags, bindings) = check_channel(&authenticator, message, &opened.session_key, policy, connection)?;
        let valid_until = authenticator::valid_until(authenticator.ctime, policy);
        let fields = AuthenticatorFields::of(&authenticator, gss_flags);
        Ok(Self::own(opened, fields, bindings, (tag, valid_until)))
    }

    /// Lets go of the token: what is still needed of the ticket's shell is copied.
    fn own(
        opened: OpenedTicket<'_>,
        authenticator: AuthenticatorFields,
        bindings: BindingState,
        (replay_tag, valid_until): (ReplayTag, UnixTime),
    ) -> Self {
        let OpenedTicket { request, mut buffer, fields, session_key, opened_by } = opened;
        let shell = &request.ap_req.ticket;
        let service = NameFields::copy(&mut buffer, shell.sname, shell.realm);
        Self {
            buffer,
            ticket: fields,
            authenticator,
            service,
            opened_by,
            session_etype: session_key.etype(),
            ticket_kvno: shell.enc_part.kvno,
            options: request.ap_req.options,
            bindings,
            framing: request.framing(),
            replay_tag,
            valid_until,
        }
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
}

/// The checksum, and what it says about the channel.
fn check_channel(
    authenticator: &Authenticator<'_>,
    message: Message,
    session_key: &Key,
    policy: &Policy,
    connection: &Connection<'_>,
) -> Result<(Option<GssFlags>, BindingState), Error> {
    let checksum = check_checksum(authenticator.checksum, message, session_key).map_err(Error::Checksum)?;
    let mut advertised = false;
    walk(authenticator.authorization_data, &mut |element, criticality| {
        advertised |= authenticator::advertises_bindings(element);
        check_critical(element, criticality, Part::Authenticator)
    })?;
    let bindings = check_bindings(&checksum.bindings, advertised, policy, connection)?;
    Ok((checksum.flags, bindings))
}
