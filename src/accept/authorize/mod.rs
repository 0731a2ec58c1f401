//! Fourth stage: a verified request to an authorized one: what the ticket's authorization data says of the client is
//! verified and held against the ticket.

pub(crate) mod pac;

use crate::accept::accepted::Accepted;
use crate::accept::contents::{Buffer, Span};
use crate::accept::open::Opened;
use crate::accept::verify::{ReplayFields, Verified, VerifiedRequest};
use crate::error::{Error, MissingPac, PacMalformed, PacProblem, ReplayCause};
use crate::keys::Directory;
use crate::observe;
use crate::pac::{KdcKeys, Pac, PacLayout, VerifiedPac};
use crate::policy::{PacPolicy, Policy};
use crate::replay::{Admission, ReplayClient, ReplayEntry};
use crate::wire::krb5::{AdType, AuthorizationElement};

/// A request whose client may sign in, if it is not a replay.
#[derive(Debug)]
pub struct AuthorizedRequest {
    buffer: Buffer,
    opened: Opened,
    verified: Verified,
    pac: Option<PacFields>,
}

/// Where the PAC is in the ticket, and where everything is in it.
#[derive(Debug)]
pub(crate) struct PacFields {
    place: Span,
    layout: PacLayout,
}

impl AuthorizedRequest {
    pub(crate) fn authorize(request: VerifiedRequest, policy: &Policy) -> Result<Self, Error> {
        let VerifiedRequest { buffer, opened, verified } = request;
        let pac = authorize(&buffer, &opened, &verified, policy)?;
        Ok(Self { buffer, opened, verified, pac })
    }

    /// The PAC, verified and held against the ticket, to explain what was decided. Who sent it may be repeating what another
    /// client sent: nobody is signed in before [`AuthorizedRequest::admit`].
    #[must_use]
    pub fn pac(&self) -> Option<VerifiedPac<'_>> {
        self.pac.as_ref().map(|pac| pac.of(&self.buffer))
    }

    /// What a replay cache must remember, for a store that is asked elsewhere. Ask it once, and give its answer to
    /// [`AuthorizedRequest::admit`].
    #[must_use]
    pub fn replay_entry(&self) -> ReplayEntry<'_> {
        replay_entry(&self.buffer, &self.opened, &self.verified, self.pac.as_ref())
    }

    /// Fifth stage, the last: accepts the request if a replay cache found it new.
    ///
    /// # Errors
    /// `replay`, `replay-cache-full` and `replay-cache-failed`, as the cache has it.
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

/// Verifies the PAC, and holds it against the ticket.
#[inline(never)]
pub(crate) fn authorize(
    buffer: &Buffer,
    opened: &Opened,
    verified: &Verified,
    policy: &Policy,
) -> Result<Option<PacFields>, Error> {
    let pac_policy = pac_policy(opened, policy);
    match verified.found_pac {
        _ if pac_policy == PacPolicy::Ignore => Ok(None),
        FoundPac::Absent if pac_policy == PacPolicy::Require => Err(Error::PacMissing(MissingPac::Pac)),
        FoundPac::Absent => Ok(None),
        FoundPac::One(place) => read_pac(buffer, opened, place, pac_policy, policy).map(Some),
        FoundPac::Several => Err(PacMalformed { what: "AD-WIN2K-PAC", at: 0, problem: PacProblem::Duplicate }.into()),
    }
}

impl PacFields {
    pub(crate) fn of<'a>(&'a self, buffer: &'a Buffer) -> VerifiedPac<'a> {
        VerifiedPac::from_parts(buffer.slice(self.place), &self.layout)
    }
}

pub(crate) fn replay_entry<'a>(
    buffer: &'a Buffer,
    opened: &'a Opened,
    verified: &Verified,
    pac: Option<&PacFields>,
) -> ReplayEntry<'a> {
    let ticket = opened.ticket(buffer);
    let client = match pac.and_then(|pac| pac.layout.user(buffer.slice(pac.place))) {
        Some((domain, rid)) => ReplayClient::Sid { domain, rid },
        None => ReplayClient::Name { realm: ticket.client_realm_bytes(), name: ticket.client().encoded_components() },
    };
    let ReplayFields { tag, client_time, valid_until } = verified.replay;
    ReplayEntry { tag, client_time, valid_until, client }
}

pub(crate) fn check_admission(admission: Admission) -> Result<(), Error> {
    match admission {
        Admission::New => Ok(()),
        Admission::Seen => Err(Error::Replay(ReplayCause::Seen)),
        Admission::TooOld => Err(Error::Replay(ReplayCause::OlderThanCache)),
        Admission::Full(limit) => Err(Error::ReplayCacheFull(limit)),
        Admission::Failed => Err(Error::ReplayCacheFailed),
    }
}

/// The policy's word, else what the account's directory lets one expect.
fn pac_policy(opened: &Opened, policy: &Policy) -> PacPolicy {
    let of_directory = match opened.key.account.directory() {
        Directory::ActiveDirectory => PacPolicy::Require,
        Directory::Any => PacPolicy::VerifyIfPresent,
    };
    policy.pac.unwrap_or(of_directory)
}

fn read_pac(
    buffer: &Buffer,
    opened: &Opened,
    place: Span,
    pac_policy: PacPolicy,
    policy: &Policy,
) -> Result<PacFields, Error> {
    let ticket = opened.ticket(buffer);
    let opened_by = &opened.key;
    let krbtgt_keys = opened_by.account.krbtgt_keys();
    let kdc_keys = (!krbtgt_keys.is_empty()).then(|| KdcKeys { keys: krbtgt_keys, ticket: ticket.plaintext() });
    let found = Pac::read(buffer.slice(place))?;
    let pac = found.verify_under(opened_by.account.pac_keys(opened_by.kvno), kdc_keys)?;
    pac::check(&pac, ticket, &opened_by.account, pac_policy, policy)?;
    Ok(PacFields { place, layout: pac.into_layout() })
}

/// The PAC among what the KDC wrote, of which there must be one at most. What the client wrote is never searched.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FoundPac {
    Absent,
    One(Span),
    Several,
}

impl FoundPac {
    /// What is found, with this element of the authorization data.
    pub(crate) fn with(self, element: AuthorizationElement<'_>, buffer: &Buffer) -> Self {
        match self {
            _ if element.ad_type != AdType::WIN2K_PAC => self,
            Self::Absent => Self::One(buffer.span_of(element.data)),
            _ => Self::Several,
        }
    }
}
