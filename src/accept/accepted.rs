//! The end of the way: a request that was accepted, and everything that is known about it.

use super::authorize::PacFields;
use super::bindings::BindingState;
use super::contents::{AuthenticatorFacts, OpenedBy, TicketFacts};
use super::request::Framing;
use super::verify::VerifiedRequest;
use crate::crypto::EncType;
use crate::gss::GssFlags;
use crate::identity::IdentityRef;
use crate::krb5::{ApOptions, PrincipalName};
use crate::pac::VerifiedPac;

/// An accepted request.
#[derive(Debug)]
pub struct Accepted {
    pub(super) request: VerifiedRequest,
    pub(super) pac: Option<PacFields>,
}

impl Accepted {
    /// Who the user is.
    #[must_use]
    pub fn identity(&self) -> IdentityRef<'_> {
        let ticket = self.ticket();
        IdentityRef::of(ticket.client(), ticket.client_realm(), self.pac().as_ref(), self.request.opened_by.account())
    }

    /// The PAC: verified, decoded and held against the ticket. `None` if the ticket has none or the policy ignores it.
    #[must_use]
    pub fn pac(&self) -> Option<VerifiedPac<'_>> {
        self.pac.as_ref().map(|pac| pac.view(&self.request))
    }

    /// What the KDC wrote.
    #[must_use]
    pub const fn ticket(&self) -> TicketFacts<'_> {
        self.request.ticket()
    }

    /// What the client wrote.
    #[must_use]
    pub const fn authenticator(&self) -> AuthenticatorFacts<'_> {
        self.request.authenticator()
    }

    /// The service that the ticket's shell names. Nothing protects it: it is one of the account's services, and which one
    /// is the client's word.
    #[must_use]
    pub fn service(&self) -> PrincipalName<'_> {
        self.request.service.name(&self.request.buffer)
    }

    /// The service's realm: one that the key set holds an account of.
    #[must_use]
    pub fn service_realm(&self) -> &str {
        self.request.service.realm(&self.request.buffer)
    }

    /// The key that opened the ticket.
    #[must_use]
    pub const fn opened_by(&self) -> &OpenedBy {
        &self.request.opened_by
    }

    /// The key version that the ticket's shell names, which need not be that of the key that opened it.
    #[must_use]
    pub const fn ticket_kvno(&self) -> Option<u32> {
        self.request.ticket_kvno
    }

    /// The type of the session key.
    #[must_use]
    pub const fn session_etype(&self) -> EncType {
        self.request.session_etype
    }

    /// Whether the request is bound to the channel that it came over.
    #[must_use]
    pub const fn channel_bindings(&self) -> BindingState {
        self.request.bindings
    }

    /// What was around the AP-REQ.
    #[must_use]
    pub const fn framing(&self) -> Framing {
        self.request.framing
    }

    /// Whether the client wants the server to prove itself. A GSS client says so in its authenticator, another one in the
    /// unprotected AP options.
    #[must_use]
    pub fn wants_mutual(&self) -> bool {
        match self.authenticator().gss_flags() {
            Some(flags) => flags.contains(GssFlags::MUTUAL),
            None => self.request.options.contains(ApOptions::MUTUAL_REQUIRED),
        }
    }

    /// Whether the client handed over credentials of its own. They are not opened.
    #[must_use]
    pub fn delegates(&self) -> bool {
        self.authenticator().gss_flags().is_some_and(|flags| flags.contains(GssFlags::DELEGATE))
    }
}
