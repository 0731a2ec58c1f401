//! The end of the way: a request that was accepted, and everything that is known about it.

use super::bindings::{BindingState, Connection};
use super::case::Case;
use super::contents::{AuthenticatorFacts, OpenedBy, TicketFacts};
use super::request::{Framing, Request};
use crate::crypto::EncType;
use crate::delegated::{DelegatedCredentials, DelegationError};
use crate::error::Error;
use crate::identity::IdentityRef;
use crate::keys::KeySet;
use crate::krb5::PrincipalName;
use crate::observe::{Entered, Stage};
use crate::pac::VerifiedPac;
use crate::policy::Policy;
use crate::replay::ReplayCache;
use crate::time::UnixTime;
use alloc::vec::Vec;

/// An accepted request.
#[derive(Debug)]
pub struct Accepted(pub(super) Case);

impl Accepted {
    /// All stages at once, from the second to the last.
    pub(crate) fn decide(
        request: &Request<'_>,
        keys: &KeySet,
        policy: &Policy,
        replay: &impl ReplayCache,
        connection: &Connection<'_>,
        now: UnixTime,
    ) -> Result<Self, Error> {
        let stage = Entered::stage(Stage::Open);
        // The case is judged where it lies: moving it costs more than most of the checks.
        let mut verdict = Case::open(request, keys, policy, now, Self);
        stage.end();
        if let Ok(Self(case)) = &mut verdict {
            if let Err(error) = case.judge(request, policy, replay, connection, now) {
                verdict = Err(error);
            }
        }
        verdict
    }

    /// Who the user is.
    #[must_use]
    pub const fn identity(&self) -> IdentityRef<'_> {
        IdentityRef::of(self)
    }

    /// The PAC: verified, decoded and held against the ticket. `None` if the ticket has none or the policy ignores it.
    #[must_use]
    pub fn pac(&self) -> Option<VerifiedPac<'_>> {
        self.0.pac()
    }

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

    /// The service that the ticket's shell names. Nothing protects it: it is one of the account's services, and which one
    /// is the client's word.
    #[must_use]
    pub fn service(&self) -> PrincipalName<'_> {
        self.0.service.name(&self.0.buffer)
    }

    /// The service's realm: one that the key set holds an account of.
    #[must_use]
    pub fn service_realm(&self) -> &str {
        self.0.service.realm(&self.0.buffer)
    }

    /// The key that opened the ticket.
    #[must_use]
    pub const fn opened_by(&self) -> &OpenedBy {
        &self.0.opened_by
    }

    /// The key version that the ticket's shell names, which need not be that of the key that opened it.
    #[must_use]
    pub const fn ticket_kvno(&self) -> Option<u32> {
        self.0.ticket_kvno
    }

    /// The type of the session key.
    #[must_use]
    pub fn session_etype(&self) -> EncType {
        self.0.keys.session.etype()
    }

    /// Whether the request is bound to the channel that it came over.
    #[must_use]
    pub const fn channel_bindings(&self) -> BindingState {
        self.0.bindings
    }

    /// What was around the AP-REQ.
    #[must_use]
    pub const fn framing(&self) -> Framing {
        self.0.framing
    }

    /// Whether the client wants the server to prove itself, as [`answer`](Self::answer) then does. A GSS client says so in
    /// its authenticator, another one in the unprotected AP options.
    #[must_use]
    pub const fn wants_mutual(&self) -> bool {
        self.0.keys.ap_rep.is_some()
    }

    /// Whether the client handed over credentials of its own. They stay closed until asked for.
    #[must_use]
    pub const fn delegates(&self) -> bool {
        self.0.authenticator.delegated.is_some()
    }

    /// Opens the credentials that the client handed over; `None` if it did not. Whoever holds them acts as the client:
    /// open them only where the server does that.
    ///
    /// # Errors
    /// [`DelegationError`] if they are not what RFC 4120 section 5.8 says, or not under the keys of this request.
    pub fn delegated_credentials(&self) -> Result<Option<DelegatedCredentials>, DelegationError> {
        let keys = &self.0.keys;
        let candidates: Vec<_> = core::iter::once(&keys.session).chain(&keys.subkey).collect();
        let krb_cred = self.0.authenticator.delegated.map(|place| self.0.buffer.slice(place));
        krb_cred.map(|krb_cred| DelegatedCredentials::open(krb_cred, &candidates)).transpose()
    }
}
