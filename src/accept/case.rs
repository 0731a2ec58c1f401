//! Everything that is found out about one request.
//!
//! The stages' types wrap it, each with what the stages before it have filled in. It has 800 octets, so where all stages
//! come at once it is filled where it lies, and not handed from one to the next. What is not filled in yet is such that it
//! would be refused.

use super::authorize::{FoundPac, PacFields};
use super::bindings::{BindingState, Connection};
use super::contents::{AuthenticatorFields, Buffer, NameFields, OpenedBy, TicketFacts, TicketFields};
use super::context_keys::ContextKeys;
use super::exchange::Exchange;
use super::request::{Framing, Request};
use super::verify::ReplayFields;
use crate::error::Error;
use crate::observe::{Entered, Stage};
use crate::policy::Policy;
use crate::replay::ReplayCache;
use crate::time::UnixTime;

/// A request whose ticket is open. It owns its bytes.
#[derive(Debug)]
pub(crate) struct Case {
    pub(super) buffer: Buffer,
    pub(super) opened_by: OpenedBy,
    pub(super) ticket: TicketFields,
    pub(super) service: NameFields,
    pub(super) ticket_kvno: Option<u32>,
    pub(super) framing: Framing,
    /// Of which the session key is the ticket's; the others come with the authenticator.
    pub(super) keys: ContextKeys,
    pub(super) authenticator: AuthenticatorFields,
    pub(super) bindings: BindingState,
    pub(super) exchange: Exchange,
    pub(super) replay: ReplayFields,
    pub(super) found_pac: FoundPac,
    /// The PAC, once it is verified.
    pub(super) pac: Option<PacFields>,
}

impl Case {
    /// All stages that follow on the opening of the ticket.
    pub(super) fn judge(
        &mut self,
        request: &Request<'_>,
        policy: &Policy,
        replay: &impl ReplayCache,
        connection: &Connection<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let stage = Entered::stage(Stage::Verify);
        self.verify(request, policy, connection, now)?;
        stage.end();
        let stage = Entered::stage(Stage::Authorize);
        self.authorize(policy)?;
        stage.end();
        let _stage = Entered::stage(Stage::Admit);
        self.admit(replay, now)
    }

    pub(super) const fn ticket(&self) -> TicketFacts<'_> {
        TicketFacts { buffer: &self.buffer, fields: &self.ticket }
    }
}
