//! An accepted request, with all its facts.

use super::authorize::PacFields;
use super::buffer::Buffer;
use super::context_keys::ContextKeys;
use super::facts::{AuthenticatorFacts, OpenedBy, TicketFacts};
use super::open::Opened;
use super::request::Framing;
use super::verify::{BindingState, Verified};
use crate::crypto::EncType;
use crate::delegated::{DelegatedCredentials, DelegationError};
use crate::pac::VerifiedPac;
use crate::wire::krb5::PrincipalName;
use alloc::vec::Vec;

/// An accepted request. The request has passed every check, including the check of the replay cache.
///
/// ```
/// use kerberos_sso::Accepted;
///
/// /// Returns a line for the log: the user, the account whose key opened the ticket, and the end of the ticket.
/// fn line(accepted: &Accepted) -> String {
///     let (user, opened_by) = (accepted.identity(), accepted.opened_by());
///     format!("{user} by {}, until {}", opened_by.account().name(), accepted.ticket().end_time())
/// }
/// # #[cfg(feature = "testing")] {
/// # use kerberos_sso::{Policy, Validator, replay::NoReplayCache, testing::TestRealm};
/// # let realm = TestRealm::new("CONTOSO.TEST").with_account("WEB$");
/// # let validator = Validator::new(realm.key_set(), Policy::default(), NoReplayCache);
/// # let accepted = validator.validate_ticket(&realm.ticket_for("alice").mint(), TestRealm::NOW).unwrap();
/// # assert!(line(&accepted).starts_with("alice@CONTOSO.TEST by WEB$, until 2026-11-21"), "{}", line(&accepted));
/// # }
/// ```
///
/// [`Accepted::answer`] makes the answer that the client waits for.
#[derive(Debug)]
#[must_use]
pub struct Accepted {
    pub(crate) buffer: Buffer,
    pub(crate) opened: Opened,
    pub(crate) verified: Verified,
    pac: Option<PacFields>,
}

impl Accepted {
    /// Makes an accepted request from the results of all stages, after the last stage has passed.
    pub(crate) const fn new(buffer: Buffer, opened: Opened, verified: Verified, pac: Option<PacFields>) -> Self {
        Self { buffer, opened, verified, pac }
    }

    /// Returns the PAC, which was verified, decoded and compared with the ticket. Returns `None` if the ticket has no PAC or
    /// the policy ignores the PAC.
    #[must_use]
    pub fn pac(&self) -> Option<VerifiedPac<'_>> {
        self.pac.as_ref().map(|pac| pac.of(&self.buffer))
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

    /// Returns the service that the ticket's unencrypted fields name. This name is not protected: the client can put any
    /// service of the account into the ticket. [`AuthenticatorFacts::client_target`] is a protected name, but not every
    /// client sends it.
    #[must_use]
    pub fn service(&self) -> PrincipalName<'_> {
        self.opened.service.name(&self.buffer)
    }

    /// Returns the service's realm. The key set holds an account of this realm.
    #[must_use]
    pub fn service_realm(&self) -> &str {
        self.opened.service.realm(&self.buffer)
    }

    /// Returns the key that opened the ticket.
    #[must_use]
    pub const fn opened_by(&self) -> &OpenedBy {
        &self.opened.key
    }

    /// Returns the label of the tenant whose key opened the ticket ([`Account::with_tenant`](crate::Account::with_tenant)).
    /// A server that serves several tenants must sign the user in to this tenant only.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.opened_by().account().tenant()
    }

    /// Returns the key version that the ticket's unencrypted fields name. This version can differ from the version of
    /// the key that opened the ticket.
    #[must_use]
    pub const fn ticket_kvno(&self) -> Option<u32> {
        self.opened.ticket_kvno
    }

    /// Returns the type of the session key.
    #[must_use]
    pub fn session_etype(&self) -> EncType {
        self.opened.session_key.etype()
    }

    /// Returns whether the request is bound to the channel on which the request arrived.
    #[must_use]
    pub const fn channel_bindings(&self) -> BindingState {
        self.verified.bindings
    }

    /// Returns the framing in which the AP-REQ came.
    #[must_use]
    pub const fn framing(&self) -> Framing {
        self.opened.framing
    }

    /// Returns whether the client asks for mutual authentication. If so, [`answer`](Self::answer) authenticates the
    /// server. A GSS client asks for mutual authentication in its authenticator. A client without GSS asks for it in
    /// the AP options, which are not protected.
    #[must_use]
    pub const fn wants_mutual(&self) -> bool {
        self.verified.ap_rep.is_some()
    }

    /// Returns whether the client delegated credentials. The credentials stay encrypted until the caller calls
    /// [`delegated_credentials`](Self::delegated_credentials).
    #[must_use]
    pub const fn delegates(&self) -> bool {
        self.verified.authenticator.delegated.is_some()
    }

    /// Decrypts the credentials that the client delegated. Returns `None` if the client delegated no credentials. A program
    /// that holds the credentials can act as the client, so call this function only if your server must act as its
    /// clients.
    ///
    /// # Errors
    /// Returns [`DelegationError`] if the credentials do not have the form of RFC 4120 section 5.8, or no key of this
    /// request decrypts them.
    pub fn delegated_credentials(&self) -> Result<Option<DelegatedCredentials>, DelegationError> {
        let ContextKeys { session, subkey, .. } = self.verified.keys(&self.opened, &self.buffer);
        let candidates: Vec<_> = core::iter::once(session).chain(subkey).collect();
        let krb_cred = self.verified.authenticator.delegated.map(|span| self.buffer.slice(span));
        krb_cred.map(|krb_cred| DelegatedCredentials::open(krb_cred, &candidates)).transpose()
    }
}
