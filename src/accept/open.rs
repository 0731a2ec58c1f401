//! Second stage: a request becomes an opened ticket. A key of the service verifies the ticket, so a holder of that key
//! wrote the ticket.
//!
//! This stage does not check whether the ticket is valid now, or whether the client that sent the ticket owns it.

use super::buffer::{Buffer, KeyField};
use super::facts::{NameFields, OpenedBy, TicketFacts, TicketFields};
use super::message::Message;
use super::request::{Framing, Request, refused_etype};
use crate::crypto::EncType;
use crate::error::{Error, KeyRole};
use crate::keys::{Candidates, KeyQuery, KeySet, no_key_diagnosis, not_opened_diagnosis};
use crate::policy::Policy;
use crate::span::Span;
use crate::time::UnixTime;
use crate::wire::der::{self, Malformed, Problem};
use crate::wire::krb5::{EncTicketPart, EncryptionKey};
use alloc::sync::Arc;
use core::fmt;

/// A request whose ticket is decrypted. The request borrows from the token.
#[must_use]
pub struct OpenedTicket<'t> {
    pub(crate) request: Request<'t>,
    pub(crate) buffer: Buffer,
    pub(crate) opened: Opened,
}

/// The facts that the second stage adds.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) key: OpenedBy,
    pub(crate) ticket: TicketFields,
    pub(crate) session_key: KeyField,
    /// The service that the ticket's unencrypted fields name.
    pub(crate) service: NameFields,
    /// The key version that the ticket's unencrypted fields name.
    pub(crate) ticket_kvno: Option<u32>,
    pub(crate) framing: Framing,
    pub(crate) message: Message,
}

impl<'t> OpenedTicket<'t> {
    pub(crate) fn open(request: Request<'t>, keys: &KeySet, policy: &Policy, now: UnixTime) -> Result<Self, Error> {
        let (buffer, opened) = open(&request, keys, policy, now)?;
        Ok(Self { request, buffer, opened })
    }

    pub(crate) const fn key_query(&self) -> KeyQuery<'t> {
        self.request.key_query()
    }

    /// Returns the facts that the KDC wrote into the ticket. At this stage the ticket may have expired, and the client may
    /// have stolen it.
    #[must_use]
    pub fn ticket(&self) -> TicketFacts<'_> {
        self.opened.ticket(&self.buffer)
    }

    /// Returns the type of the session key.
    #[must_use]
    pub fn session_etype(&self) -> EncType {
        self.opened.session_key.etype()
    }

    /// Returns the key that opened the ticket.
    #[must_use]
    pub const fn opened_by(&self) -> &OpenedBy {
        &self.opened.key
    }
}

impl fmt::Debug for OpenedTicket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request, opened, .. } = self;
        let mut shown = f.debug_struct("OpenedTicket");
        shown.field("request", request).field("ticket", &opened.ticket).field("opened_by", &opened.key);
        shown.finish_non_exhaustive()
    }
}

impl Opened {
    pub(crate) const fn ticket<'a>(&'a self, buffer: &'a Buffer) -> TicketFacts<'a> {
        TicketFacts { buffer, fields: &self.ticket }
    }
}

/// Opens the ticket, and copies the service's name from the ticket's unencrypted fields into the buffer.
pub(crate) fn open(
    request: &Request<'_>,
    keys: &KeySet,
    policy: &Policy,
    now: UnixTime,
) -> Result<(Buffer, Opened), Error> {
    let Decrypted { mut buffer, plaintext, opened_by } = decrypt(request, keys, policy, now)?;
    let part = der::read(buffer.slice(plaintext), EncTicketPart::read)?;
    let session_key = usable_key(&buffer, part.key, "EncTicketPart.key", policy, KeyRole::Session)?;
    let ticket = TicketFields::locate(&buffer, plaintext, &part);
    let unencrypted = &request.ap_req.ticket;
    let opened = Opened {
        key: opened_by,
        ticket,
        session_key,
        service: NameFields::copy(&mut buffer, unencrypted.sname, unencrypted.realm),
        ticket_kvno: unencrypted.enc_part.kvno,
        framing: request.framing(),
        message: request.message,
    };
    Ok((buffer, opened))
}

/// A ticket that a key of this server has opened.
struct Decrypted {
    buffer: Buffer,
    plaintext: Span,
    opened_by: OpenedBy,
}

fn decrypt(request: &Request<'_>, keys: &KeySet, policy: &Policy, now: UnixTime) -> Result<Decrypted, Error> {
    let query = request.key_query();
    let mut candidates = Candidates::none();
    candidates.choose(keys, &query, policy.kvno, now);
    if candidates.iter().next().is_none() {
        return Err(Error::NoKey(no_key_diagnosis(keys, &query, policy.kvno, now)));
    }
    let cipher = request.ap_req.ticket.enc_part.cipher;
    let mut buffer = Buffer::for_request(&request.ap_req.ticket, request.ap_req.authenticator.cipher);
    for candidate in candidates.iter() {
        let Ok(plaintext) = buffer.decrypt(cipher, |cipher, output| candidate.decrypt(cipher, output, keys)) else {
            continue;
        };
        let opened_by = OpenedBy {
            account: Arc::clone(candidate.account),
            etype: candidate.key.etype(),
            kvno: candidate.key.kvno(),
            index: candidate.index,
        };
        return Ok(Decrypted { buffer, plaintext, opened_by });
    }
    Err(not_opened_diagnosis(keys, &query, &candidates))
}

/// Returns the type and span of a message's key, if the policy allows that type and the key has the length of its type.
pub(crate) fn usable_key(
    buffer: &Buffer,
    key: EncryptionKey<'_>,
    what: &'static str,
    policy: &Policy,
    role: KeyRole,
) -> Result<KeyField, Error> {
    match buffer.locate_key(key.etype, key.value) {
        Some(usable) if policy.session_etypes.contains(key.etype) => Ok(usable),
        _ => Err(unusable_key(key, what, policy, role)),
    }
}

/// Makes the error of a key that is not usable: the key has a refused type or a wrong length.
#[cold]
fn unusable_key(key: EncryptionKey<'_>, what: &'static str, policy: &Policy, role: KeyRole) -> Error {
    match key.etype.key_len() {
        Some(expected) if policy.session_etypes.contains(key.etype) => {
            Malformed { what, at: 0, problem: Problem::Size { expected, found: key.value.len() } }.into()
        }
        _ => refused_etype(key.etype, role),
    }
}
