//! Fourth stage: a verified request becomes an authorized request. The stage verifies the ticket's PAC, and compares
//! the PAC with the ticket. The stage also checks that the account and the policy allow the user.

mod pac;
mod refusal;

use super::buffer::Buffer;
use super::open::Opened;
use super::verify::{Verified, VerifiedRequest};
use crate::error::{Error, MissingPac};
#[cfg(feature = "tracing")]
use crate::keys::Account;
use crate::keys::TicketBounds;
use crate::pac::{KdcKeysOf, Pac, PacLayout, VerifiedPac};
use crate::policy::{DelegationPolicy, KrbErrorPolicy, PacPolicy, Policy};
use crate::span::Span;
use refusal::Grounds;

/// A request whose client may sign in, if the request is not a replay.
#[derive(Debug)]
#[must_use]
pub struct AuthorizedRequest {
    pub(crate) buffer: Buffer,
    pub(crate) opened: Opened,
    pub(crate) verified: Verified,
    pub(crate) pac: Option<PacFields>,
    pub(crate) krb_errors: KrbErrorPolicy,
}

/// The span of the PAC in the buffer, and the layout of the PAC.
#[derive(Debug)]
pub(crate) struct PacFields {
    pub(crate) span: Span,
    pub(crate) layout: PacLayout,
}

impl VerifiedRequest {
    pub(crate) fn authorize(&self, policy: &Policy) -> Result<Option<PacFields>, Error> {
        authorize(&self.buffer, &self.opened, &self.verified, policy)
    }
}

impl AuthorizedRequest {
    pub(crate) fn new(request: VerifiedRequest, pac: Option<PacFields>, krb_errors: KrbErrorPolicy) -> Self {
        let VerifiedRequest { buffer, opened, verified } = request;
        Self { buffer, opened, verified, pac, krb_errors }
    }

    /// Returns the PAC, which was verified and compared with the ticket. The request may still be a replay: the server must
    /// not sign the user in before [`admit`](Self::admit).
    #[must_use]
    pub fn pac(&self) -> Option<VerifiedPac<'_>> {
        self.pac.as_ref().map(|pac| pac.of(&self.buffer))
    }
}

/// Verifies the signatures and checks the contents of the PAC, unless the policy ignores the PAC.
pub(crate) fn authorize(
    buffer: &Buffer,
    opened: &Opened,
    verified: &Verified,
    policy: &Policy,
) -> Result<Option<PacFields>, Error> {
    let bounds = opened.key.bounds();
    let pac_policy = pac_policy(bounds, policy);
    if pac_policy == PacPolicy::Ignore {
        return Ok(None);
    }
    match verified.found_pac? {
        Some(span) => read_pac(buffer, opened, verified, span, pac_policy, policy).map(Some),
        None if must_be_there(bounds, pac_policy, policy) => Err(Error::PacMissing(MissingPac::Pac)),
        None => Ok(None),
    }
}

impl PacFields {
    pub(crate) fn of<'a>(&'a self, buffer: &'a Buffer) -> VerifiedPac<'a> {
        VerifiedPac::from_parts(buffer.slice(self.span), &self.layout)
    }
}

/// Returns the PAC policy for a ticket. An account of Active Directory requires a PAC. A rule about SIDs requires a PAC, too:
/// without the user's SID the rule would have no effect. The settings `AllowAbsent` and `Ignore` override these requirements.
fn pac_policy(bounds: TicketBounds<'_>, policy: &Policy) -> PacPolicy {
    match policy.pac {
        Some(weakened @ (PacPolicy::AllowAbsent | PacPolicy::Ignore)) => weakened,
        _ if bounds.need_sid() || policy.needs_sid() || bounds.are_of_active_directory() => PacPolicy::Require,
        Some(pac) => pac,
        None => PacPolicy::VerifyIfPresent,
    }
}

/// Returns whether the account's tickets must have a PAC. The result is the same for all keys of the account.
#[cfg(feature = "tracing")]
pub(crate) fn demands_pac(account: &Account, policy: &Policy) -> bool {
    let bounds = TicketBounds::new(account, 0);
    must_be_there(bounds, pac_policy(bounds, policy), policy)
}

/// Returns whether a ticket without a PAC is refused. Two rules need a PAC. If the account has krbtgt keys, the PAC must
/// have the KDC's signatures. If the policy refuses delegation, the PAC must show whether a service acts in the user's
/// name.
fn must_be_there(bounds: TicketBounds<'_>, pac_policy: PacPolicy, policy: &Policy) -> bool {
    let has_rule = || bounds.have_krbtgt_keys() || policy.delegation == DelegationPolicy::Refuse;
    pac_policy == PacPolicy::Require || pac_policy == PacPolicy::VerifyIfPresent && has_rule()
}

/// Verifies and decodes the PAC at `span`, and checks its contents.
fn read_pac(
    buffer: &Buffer,
    opened: &Opened,
    verified: &Verified,
    span: Span,
    pac_policy: PacPolicy,
    policy: &Policy,
) -> Result<PacFields, Error> {
    let (ticket, account, bounds) = (opened.ticket(buffer), &opened.key.account, opened.key.bounds());
    let server_keys = || {
        let keys = account.pac_keys(opened.key.kvno, verified.arrived);
        keys.filter(|key| policy.ticket_etypes.contains(key.etype()))
    };
    let mut kdc_keys = bounds.krbtgt_keys().map(|keys| KdcKeysOf {
        keys: keys.filter(|key| policy.allows_signatures(key.checksum_type())),
        ticket: ticket.plaintext(),
    });
    let found = Pac::read(buffer.slice(span))?;
    let pac = found.verify_under(server_keys(), kdc_keys.next())?;
    // Several accounts can share the ticket's key, and each account has its own krbtgt keys. The signatures must verify
    // under the krbtgt keys of each such account.
    for kdc_keys in kdc_keys {
        found.check_signatures(server_keys(), Some(kdc_keys))?;
    }
    match pac::check(&pac, ticket, bounds, pac_policy, policy) {
        Ok(()) => Ok(PacFields { span, layout: pac.into_layout() }),
        Err(refusal) => Err(refusal.explain(&Grounds { pac: &pac, ticket, account })),
    }
}
