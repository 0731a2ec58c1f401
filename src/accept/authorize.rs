//! Fourth stage: a verified request to an authorized one: what the ticket's authorization data says of the client is
//! verified and held against the ticket.

use super::accepted::Accepted;
use super::contents::{Buffer, Span};
use super::pac_checks;
use super::verify::{ReplayFields, VerifiedRequest};
use crate::error::{Error, MissingPac, PacMalformed, PacProblem, ReplayCause};
use crate::keys::Directory;
use crate::krb5::{AdType, AuthorizationElement};
use crate::observe::{self, Entered, Stage};
use crate::pac::{KdcKeys, Pac, PacLayout, VerifiedPac};
use crate::policy::{PacPolicy, Policy};
use crate::replay::{Admission, ReplayCache, ReplayClient, ReplayEntry};
use crate::time::UnixTime;

/// A request whose client may sign in, if it is not a replay.
#[derive(Debug)]
pub struct AuthorizedRequest {
    request: VerifiedRequest,
    pac: Option<PacFields>,
}

/// Where the PAC is in the ticket, and where everything is in it.
#[derive(Debug)]
pub(super) struct PacFields {
    place: Span,
    layout: PacLayout,
}

impl PacFields {
    pub(super) fn view<'a>(&self, request: &'a VerifiedRequest) -> VerifiedPac<'a> {
        VerifiedPac::from_parts(request.buffer.slice(self.place), &self.layout)
    }
}

impl AuthorizedRequest {
    pub(crate) fn authorize(request: VerifiedRequest, policy: &Policy) -> Result<Self, Error> {
        let pac = check_pac(&request, policy)?;
        Ok(Self { request, pac })
    }

    /// The PAC, verified and held against the ticket, to explain what was decided. Who sent it may be repeating what another
    /// client sent: nobody is signed in before [`AuthorizedRequest::admit`].
    #[must_use]
    pub fn pac(&self) -> Option<VerifiedPac<'_>> {
        self.pac.as_ref().map(|pac| pac.view(&self.request))
    }

    /// What a replay cache must remember, for a store that is asked elsewhere. Ask it once, and give its answer to
    /// [`AuthorizedRequest::admit`].
    #[must_use]
    pub fn replay_entry(&self) -> ReplayEntry<'_> {
        replay_entry(&self.request, self.pac.as_ref())
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
        Ok(Accepted { request: self.request, pac: self.pac })
    }
}

impl Accepted {
    /// Fourth and fifth stage at once. A request has a kilobyte of fields, and would be moved twice more in between.
    #[inline(always)]
    pub(crate) fn decide(
        request: VerifiedRequest,
        policy: &Policy,
        replay: &impl ReplayCache,
        now: UnixTime,
    ) -> Result<Self, Error> {
        let stage = Entered::stage(Stage::Authorize);
        let pac = check_pac(&request, policy)?;
        stage.end();
        let _stage = Entered::stage(Stage::Admit);
        check_admission(replay.check_and_insert(&replay_entry(&request, pac.as_ref()), now))?;
        Ok(Self { request, pac })
    }
}

fn replay_entry<'a>(request: &'a VerifiedRequest, pac: Option<&'a PacFields>) -> ReplayEntry<'a> {
    let ticket = request.ticket();
    let client = match pac.and_then(|pac| pac.layout.user()) {
        Some((domain, rid)) => ReplayClient::Sid { domain, rid },
        None => ReplayClient::Name { realm: ticket.client_realm(), name: ticket.client().encoded_components() },
    };
    let ReplayFields { tag, client_time, valid_until } = request.replay;
    ReplayEntry { tag, client_time, valid_until, client }
}

fn check_admission(admission: Admission) -> Result<(), Error> {
    match admission {
        Admission::New => Ok(()),
        Admission::Seen => Err(Error::Replay(ReplayCause::Seen)),
        Admission::TooOld => Err(Error::Replay(ReplayCause::OlderThanCache)),
        Admission::Full(limit) => Err(Error::ReplayCacheFull(limit)),
        Admission::Failed => Err(Error::ReplayCacheFailed),
    }
}

#[inline(always)]
fn check_pac(request: &VerifiedRequest, policy: &Policy) -> Result<Option<PacFields>, Error> {
    match pac_policy(request, policy) {
        PacPolicy::Ignore => Ok(None),
        PacPolicy::VerifyIfPresent => read_pac(request, policy),
        PacPolicy::Require => match read_pac(request, policy) {
            Ok(None) => Err(Error::PacMissing(MissingPac::Pac)),
            read => read,
        },
    }
}

/// The policy's word, else what the account's directory lets one expect.
fn pac_policy(request: &VerifiedRequest, policy: &Policy) -> PacPolicy {
    let of_directory = match request.opened_by.account.directory() {
        Directory::ActiveDirectory => PacPolicy::Require,
        Directory::Any => PacPolicy::VerifyIfPresent,
    };
    policy.pac.unwrap_or(of_directory)
}

#[inline(always)]
fn read_pac(request: &VerifiedRequest, policy: &Policy) -> Result<Option<PacFields>, Error> {
    let ticket = request.ticket();
    let place = match request.pac {
        FoundPac::Absent => return Ok(None),
        FoundPac::One(place) => place,
        FoundPac::Several => {
            return Err(PacMalformed { what: "AD-WIN2K-PAC", at: 0, problem: PacProblem::Duplicate }.into());
        }
    };
    let bytes = request.buffer.slice(place);
    let opened_by = &request.opened_by;
    let krbtgt_keys = opened_by.account.krbtgt_keys();
    let kdc_keys = (!krbtgt_keys.is_empty()).then(|| KdcKeys { keys: krbtgt_keys, ticket: ticket.plaintext() });
    let pac = Pac::read(bytes)?.verify_under(opened_by.account.pac_keys(opened_by.kvno), kdc_keys)?;
    pac_checks::check(&pac, ticket, &opened_by.account, pac_policy(request, policy), policy)?;
    Ok(Some(PacFields { place, layout: pac.into_layout() }))
}

/// The PAC among what the KDC wrote, of which there must be one at most. What the client wrote is never searched.
#[derive(Clone, Copy, Debug)]
pub(super) enum FoundPac {
    Absent,
    One(Span),
    Several,
}

impl FoundPac {
    /// What is found, with this element of the authorization data.
    pub(super) fn with(self, element: AuthorizationElement<'_>, buffer: &Buffer) -> Self {
        match self {
            _ if element.ad_type != AdType::WIN2K_PAC => self,
            Self::Absent => Self::One(buffer.span_of(element.data)),
            _ => Self::Several,
        }
    }
}
