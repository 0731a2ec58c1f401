//! The end of the way: a request that was accepted, and everything that is known about it.

use super::authorize::PacFields;
use super::bindings::BindingState;
use super::contents::{AuthenticatorFacts, OpenedBy, TicketFacts};
use super::request::Framing;
use super::verify::VerifiedRequest;
use crate::crypto::EncType;
use crate::delegated::{DelegatedCredentials, DelegationError};
use crate::identity::IdentityRef;
use crate::krb5::PrincipalName;
use crate::pac::VerifiedPac;
use alloc::vec::Vec;

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
    pub fn session_etype(&self) -> EncType {
        self.request.keys.session.etype()
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

    /// Whether the client wants the server to prove itself, as [`answer`](Self::answer) then does. A GSS client says so in
    /// its authenticator, another one in the unprotected AP options.
    #[must_use]
    pub const fn wants_mutual(&self) -> bool {
        self.request.keys.ap_rep.is_some()
    }

    /// Whether the client handed over credentials of its own. They stay closed until asked for.
    #[must_use]
    pub const fn delegates(&self) -> bool {
        self.request.authenticator.delegated.is_some()
    }

    /// Opens the credentials that the client handed over; `None` if it did not. Whoever holds them acts as the client:
    /// open them only where the server does that.
    ///
    /// # Errors
    /// [`DelegationError`] if they are not what RFC 4120 section 5.8 says, or not under the keys of this request.
    pub fn delegated_credentials(&self) -> Result<Option<DelegatedCredentials>, DelegationError> {
        let keys = &self.request.keys;
        let candidates: Vec<_> = core::iter::once(&keys.session).chain(&keys.subkey).collect();
        let krb_cred = self.request.authenticator.delegated.map(|place| self.request.buffer.slice(place));
        krb_cred.map(|krb_cred| DelegatedCredentials::open(krb_cred, &candidates)).transpose()
    }
}
