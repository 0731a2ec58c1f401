//! Fourth stage: a verified request to an authorized one: what the ticket's authorization data says of the client is
//! verified and held against the ticket.

use super::accepted::Accepted;
use super::case::Case;
use super::contents::{Buffer, Span};
use super::pac_checks;
use super::verify::{ReplayFields, VerifiedRequest};
use crate::error::{Error, MissingPac, PacMalformed, PacProblem, ReplayCause};
use crate::keys::Directory;
use crate::krb5::{AdType, AuthorizationElement};
use crate::observe;
use crate::pac::{KdcKeys, Pac, PacLayout, VerifiedPac};
use crate::policy::{PacPolicy, Policy};
use crate::replay::{Admission, ReplayCache, ReplayClient, ReplayEntry};
use crate::time::UnixTime;

/// A request whose client may sign in, if it is not a replay.
#[derive(Debug)]
pub struct AuthorizedRequest(Case);

/// Where the PAC is in the ticket, and where everything is in it.
#[derive(Debug)]
pub(super) struct PacFields {
    place: Span,
    layout: PacLayout,
}

impl AuthorizedRequest {
    pub(crate) fn authorize(VerifiedRequest(mut case): VerifiedRequest, policy: &Policy) -> Result<Self, Error> {
        case.authorize(policy)?;
        Ok(Self(case))
    }

    /// The PAC, verified and held against the ticket, to explain what was decided. Who sent it may be repeating what another
    /// client sent: nobody is signed in before [`AuthorizedRequest::admit`].
    #[must_use]
    pub fn pac(&self) -> Option<VerifiedPac<'_>> {
        self.0.pac()
    }

    /// What a replay cache must remember, for a store that is asked elsewhere. Ask it once, and give its answer to
    /// [`AuthorizedRequest::admit`].
    #[must_use]
    pub fn replay_entry(&self) -> ReplayEntry<'_> {
        self.0.replay_entry()
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
        Ok(Accepted(self.0))
    }
}

impl Case {
    /// Fills in the PAC, once every check of it is passed.
    #[inline(never)]
    pub(super) fn authorize(&mut self, policy: &Policy) -> Result<(), Error> {
        let pac_policy = pac_policy(self, policy);
        match self.found_pac {
            _ if pac_policy == PacPolicy::Ignore => Ok(()),
            FoundPac::Absent if pac_policy == PacPolicy::Require => Err(Error::PacMissing(MissingPac::Pac)),
            FoundPac::Absent => Ok(()),
            FoundPac::One(place) => {
                self.pac = Some(read_pac(self, place, pac_policy, policy)?);
                Ok(())
            }
            FoundPac::Several => {
                Err(PacMalformed { what: "AD-WIN2K-PAC", at: 0, problem: PacProblem::Duplicate }.into())
            }
        }
    }

    pub(super) fn admit(&self, replay: &impl ReplayCache, now: UnixTime) -> Result<(), Error> {
        check_admission(replay.check_and_insert(&self.replay_entry(), now))
    }

    pub(super) fn pac(&self) -> Option<VerifiedPac<'_>> {
        self.pac.as_ref().map(|pac| VerifiedPac::from_parts(self.buffer.slice(pac.place), &pac.layout))
    }

    fn replay_entry(&self) -> ReplayEntry<'_> {
        let ticket = self.ticket();
        let client = match self.pac.as_ref().and_then(|pac| pac.layout.user(self.buffer.slice(pac.place))) {
            Some((domain, rid)) => ReplayClient::Sid { domain, rid },
            None => {
                ReplayClient::Name { realm: ticket.client_realm_bytes(), name: ticket.client().encoded_components() }
            }
        };
        let ReplayFields { tag, client_time, valid_until } = self.replay;
        ReplayEntry { tag, client_time, valid_until, client }
    }
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

/// The policy's word, else what the account's directory lets one expect.
fn pac_policy(case: &Case, policy: &Policy) -> PacPolicy {
    let of_directory = match case.opened_by.account.directory() {
        Directory::ActiveDirectory => PacPolicy::Require,
        Directory::Any => PacPolicy::VerifyIfPresent,
    };
    policy.pac.unwrap_or(of_directory)
}

fn read_pac(case: &Case, place: Span, pac_policy: PacPolicy, policy: &Policy) -> Result<PacFields, Error> {
    let ticket = case.ticket();
    let bytes = case.buffer.slice(place);
    let opened_by = &case.opened_by;
    let krbtgt_keys = opened_by.account.krbtgt_keys();
    let kdc_keys = (!krbtgt_keys.is_empty()).then(|| KdcKeys { keys: krbtgt_keys, ticket: ticket.plaintext() });
    let pac = Pac::read(bytes)?.verify_under(opened_by.account.pac_keys(opened_by.kvno), kdc_keys)?;
    pac_checks::check(&pac, ticket, &opened_by.account, pac_policy, policy)?;
    Ok(PacFields { place, layout: pac.into_layout() })
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
