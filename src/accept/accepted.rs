//! The end of the way: a request that was accepted, and everything that is known about it.

use super::authorize::{PacFields, authorize, check_admission, replay_entry};
use super::contents::{AuthenticatorFacts, Buffer, OpenedBy, TicketFacts};
use super::open::{Opened, open};
use super::request::{Framing, Request};
use super::verify::{BindingState, Connection};
use super::verify::{Verified, verify};
use crate::crypto::EncType;
use crate::delegated::{DelegatedCredentials, DelegationError};
use crate::error::Error;
use crate::identity::IdentityRef;
use crate::keys::KeySet;
use crate::observe::{Entered, Stage};
use crate::pac::VerifiedPac;
use crate::policy::Policy;
use crate::replay::ReplayCache;
use crate::time::UnixTime;
use crate::wire::krb5::PrincipalName;
use alloc::vec::Vec;

/// An accepted request.
#[derive(Debug)]
pub struct Accepted {
    pub(crate) buffer: Buffer,
    pub(crate) opened: Opened,
    pub(crate) verified: Verified,
    pac: Option<PacFields>,
}

impl Accepted {
    /// What the stages have found out, once the last has passed.
    #[inline(always)]
    pub(crate) const fn new(buffer: Buffer, opened: Opened, verified: Verified, pac: Option<PacFields>) -> Self {
        Self { buffer, opened, verified, pac }
    }

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
        let (mut buffer, opened) = open(request, keys, policy, now)?;
        stage.end();
        let stage = Entered::stage(Stage::Verify);
        let verified = verify(request, &opened, &mut buffer, policy, connection, now)?;
        stage.end();
        let stage = Entered::stage(Stage::Authorize);
        let pac = authorize(&buffer, &opened, &verified, policy)?;
        stage.end();
        let _stage = Entered::stage(Stage::Admit);
        check_admission(replay.check_and_insert(&replay_entry(&buffer, &opened, &verified, pac.as_ref()), now))?;
        Ok(Self::new(buffer, opened, verified, pac))
    }

    /// Who the user is.
    #[must_use]
    pub const fn identity(&self) -> IdentityRef<'_> {
        IdentityRef::of(self)
    }

    /// The PAC: verified, decoded and held against the ticket. `None` if the ticket has none or the policy ignores it.
    #[must_use]
    pub fn pac(&self) -> Option<VerifiedPac<'_>> {
        self.pac.as_ref().map(|pac| pac.of(&self.buffer))
    }

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

    /// The service that the ticket's shell names. Nothing protects it: it is one of the account's services, and which one
    /// is the client's word.
    #[must_use]
    pub fn service(&self) -> PrincipalName<'_> {
        self.opened.service.name(&self.buffer)
    }

    /// The service's realm: one that the key set holds an account of.
    #[must_use]
    pub fn service_realm(&self) -> &str {
        self.opened.service.realm(&self.buffer)
    }

    /// The key that opened the ticket.
    #[must_use]
    pub const fn opened_by(&self) -> &OpenedBy {
        &self.opened.key
    }

    /// The key version that the ticket's shell names, which need not be that of the key that opened it.
    #[must_use]
    pub const fn ticket_kvno(&self) -> Option<u32> {
        self.opened.ticket_kvno
    }

    /// The type of the session key.
    #[must_use]
    pub fn session_etype(&self) -> EncType {
        self.opened.session_key.etype()
    }

    /// Whether the request is bound to the channel that it came over.
    #[must_use]
    pub const fn channel_bindings(&self) -> BindingState {
        self.verified.bindings
    }

    /// What was around the AP-REQ.
    #[must_use]
    pub const fn framing(&self) -> Framing {
        self.opened.framing
    }

    /// Whether the client wants the server to prove itself, as [`answer`](Self::answer) then does. A GSS client says so in
    /// its authenticator, another one in the unprotected AP options.
    #[must_use]
    pub const fn wants_mutual(&self) -> bool {
        self.verified.ap_rep.is_some()
    }

    /// Whether the client handed over credentials of its own. They stay closed until asked for.
    #[must_use]
    pub const fn delegates(&self) -> bool {
        self.verified.authenticator.delegated.is_some()
    }

    /// Opens the credentials that the client handed over; `None` if it did not. Whoever holds them acts as the client:
    /// open them only where the server does that.
    ///
    /// # Errors
    /// [`DelegationError`] if they are not what RFC 4120 section 5.8 says, or not under the keys of this request.
    pub fn delegated_credentials(&self) -> Result<Option<DelegatedCredentials>, DelegationError> {
        let candidates: Vec<_> = core::iter::once(&self.opened.session_key).chain(&self.verified.subkey).collect();
        let krb_cred = self.verified.authenticator.delegated.map(|place| self.buffer.slice(place));
        krb_cred.map(|krb_cred| DelegatedCredentials::open(krb_cred, &candidates)).transpose()
    }
}
