//! Fourth stage, from a verified request to an authorized one: verifies the PAC in the ticket, and checks that it agrees
//! with the ticket, the account and the policy.

use super::accepted::Accepted;
use super::contents::{Buffer, Span};
use super::pac_checks;
use super::pac_refusal::Grounds;
use super::ticket::Opened;
use super::verify::{ReplayFields, Verified, VerifiedRequest};
use crate::error::{Error, MissingPac, ReplayCause};
use crate::keys::Directory;
use crate::observe;
use crate::pac::{KdcKeys, Pac, PacLayout, VerifiedPac};
use crate::policy::{PacPolicy, Policy};
use crate::replay::{Admission, ReplayClient, ReplayEntry};

/// A request whose client may sign in, if it is not a replay.
#[derive(Debug)]
pub struct AuthorizedRequest {
    buffer: Buffer,
    opened: Opened,
    verified: Verified,
    pac: Option<PacFields>,
}

/// Where the PAC is in the ticket, and where its fields are in the PAC.
#[derive(Debug)]
pub(super) struct PacFields {
    span: Span,
    layout: PacLayout,
}

impl AuthorizedRequest {
    pub(crate) fn authorize(request: VerifiedRequest, policy: &Policy) -> Result<Self, Error> {
        let VerifiedRequest { buffer, opened, verified } = request;
        let pac = authorize(&buffer, &opened, &verified, policy)?;
        Ok(Self { buffer, opened, verified, pac })
    }

    /// Returns the PAC, which was verified and agrees with the ticket, to explain a decision. The sender may be replaying
    /// what another client sent: nobody is signed in before [`AuthorizedRequest::admit`].
    #[must_use]
    pub fn pac(&self) -> Option<VerifiedPac<'_>> {
        self.pac.as_ref().map(|pac| pac.of(&self.buffer))
    }

    /// Returns what a replay cache must remember, for a store that the caller asks by itself. Ask the store once, and give
    /// its answer to [`AuthorizedRequest::admit`].
    #[must_use]
    pub fn replay_entry(&self) -> ReplayEntry<'_> {
        replay_entry(&self.buffer, &self.opened, &self.verified, self.pac.as_ref())
    }

    /// Fifth stage, the last: accepts the request if a replay cache found it new.
    ///
    /// # Errors
    /// `replay`, `replay-cache-full` and `replay-cache-failed`, by the answer of the cache.
    pub fn admit(self, admission: Admission) -> Result<Accepted, Error> {
        let verdict = self.decide(admission);
        observe::verdict(&verdict, None, None);
        verdict
    }

    pub(crate) fn decide(self, admission: Admission) -> Result<Accepted, Error> {
        check_admission(admission)?;
        let Self { buffer, opened, verified, pac } = self;
        Ok(Accepted::new(buffer, opened, verified, pac))
    }
}

/// Verifies the PAC, and checks it, as far as the policy asks for one.
#[inline(never)]
pub(super) fn authorize(
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
    pub(super) fn of<'a>(&'a self, buffer: &'a Buffer) -> VerifiedPac<'a> {
        VerifiedPac::from_parts(buffer.slice(self.span), &self.layout)
    }
}

pub(super) fn replay_entry<'a>(
    buffer: &'a Buffer,
    opened: &'a Opened,
    verified: &Verified,
    pac: Option<&PacFields>,
) -> ReplayEntry<'a> {
    let ticket = opened.ticket(buffer);
    let client = match pac.and_then(|pac| pac.layout.user(buffer.slice(pac.span))) {
        Some((domain, rid)) => ReplayClient::Sid { domain, rid },
        None => ReplayClient::Name { realm: ticket.client_realm_bytes(), name: ticket.client().encoded_components() },
    };
    let ReplayFields { tag, client_time, valid_until } = verified.replay;
    ReplayEntry { tag, client_time, valid_until, client }
}

pub(super) fn check_admission(admission: Admission) -> Result<(), Error> {
    match admission {
        Admission::New => Ok(()),
        Admission::Seen => Err(Error::Replay(ReplayCause::Seen)),
        Admission::TooOld => Err(Error::Replay(ReplayCause::OlderThanCache)),
        Admission::Full(limit) => Err(Error::ReplayCacheFull(limit)),
        Admission::Failed => Err(Error::ReplayCacheFailed),
    }
}

/// Returns the policy for PACs, or what the account's directory makes the rule where the policy says nothing.
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
    let kdc_keys = (!krbtgt_keys.is_empty()).then(|| KdcKeys { keys: krbtgt_keys, ticket: ticket.plaintext() });
    let found = Pac::read(buffer.slice(span))?;
    let pac = found.verify_under(account.pac_keys(opened.key.kvno), kdc_keys)?;
    match pac_checks::check(&pac, ticket, account, pac_policy, policy) {
        Ok(()) => Ok(PacFields { span, layout: pac.into_layout() }),
        Err(refusal) => Err(refusal.explain(&Grounds { pac: &pac, ticket, account })),
    }
}
