//! Fourth stage: a verified request to an authorized one. The ticket's PAC is verified and compared with the ticket, and the
//! account and the policy allow such a user.

mod pac;
mod refusal;

use super::buffer::Buffer;
use super::open::Opened;
use super::verify::{Verified, VerifiedRequest};
use crate::error::{Error, MissingPac};
use crate::keys::Directory;
use crate::pac::{KdcKeys, Pac, PacLayout, VerifiedPac};
use crate::policy::{KrbErrorPolicy, PacPolicy, Policy};
use crate::span::Span;
use refusal::Grounds;

/// A request whose client may sign in, unless it is a replay.
#[derive(Debug)]
#[must_use]
pub struct AuthorizedRequest {
    pub(crate) buffer: Buffer,
    pub(crate) opened: Opened,
    pub(crate) verified: Verified,
    pub(crate) pac: Option<PacFields>,
    pub(crate) krb_errors: KrbErrorPolicy,
}

/// Where the PAC lies in the ticket, and where its fields lie in it.
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

    /// Returns the PAC, verified and compared with the ticket, to explain the decision. The request may still be a replay:
    /// nobody is signed in before [`admit`](Self::admit).
    #[must_use]
    pub fn pac(&self) -> Option<VerifiedPac<'_>> {
        self.pac.as_ref().map(|pac| pac.of(&self.buffer))
    }
}

/// Verifies the PAC, and checks it, unless the policy ignores it.
pub(crate) fn authorize(
    buffer: &Buffer,
    opened: &Opened,
    verified: &Verified,
    policy: &Policy,
) -> Result<Option<PacFields>, Error> {
    let pac_policy = pac_policy(opened, policy);
    if pac_policy == PacPolicy::Ignore {
        return Ok(None);
    }
    match verified.found_pac? {
        Some(span) => read_pac(buffer, opened, span, pac_policy, policy).map(Some),
        None if pac_policy == PacPolicy::Require => Err(Error::PacMissing(MissingPac::Pac)),
        None => Ok(None),
    }
}

impl PacFields {
    pub(crate) fn of<'a>(&'a self, buffer: &'a Buffer) -> VerifiedPac<'a> {
        VerifiedPac::from_parts(buffer.slice(self.span), &self.layout)
    }
}

/// Returns the policy's choice, or else the one that suits the account's directory.
fn pac_policy(opened: &Opened, policy: &Policy) -> PacPolicy {
    let of_directory = match opened.key.account.directory() {
        Directory::ActiveDirectory => PacPolicy::Require,
        Directory::Any => PacPolicy::VerifyIfPresent,
    };
    policy.pac.unwrap_or(of_directory)
}

/// Verifies and decodes the PAC at `span`, and checks what it says.
fn read_pac(
    buffer: &Buffer,
    opened: &Opened,
    span: Span,
    pac_policy: PacPolicy,
    policy: &Policy,
) -> Result<PacFields, Error> {
    let (ticket, account) = (opened.ticket(buffer), &opened.key.account);
    let krbtgt_keys = account.krbtgt_keys();
    let kdc_keys = (!krbtgt_keys.is_empty()).then(|| KdcKeys::new(krbtgt_keys, ticket.plaintext()));
    let found = Pac::read(buffer.slice(span))?;
    let verified = found.verify_under(account.pac_keys(opened.key.kvno), kdc_keys)?;
    match pac::check(&verified, ticket, account, pac_policy, policy) {
        Ok(()) => Ok(PacFields { span, layout: verified.into_layout() }),
        Err(refusal) => Err(refusal.explain(&Grounds { pac: &verified, ticket, account })),
    }
}
