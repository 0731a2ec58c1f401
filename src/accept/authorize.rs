//! Fourth stage: a verified request to an authorized one: what the ticket's authorization data says of the client is
//! verified and held against the ticket.

use super::accepted::Accepted;
use super::contents::Span;
use super::pac_checks;
use super::restrictions::walk;
use super::verify::VerifiedRequest;
use crate::error::{Error, MissingPac, PacMalformed, PacProblem, ReplayCause};
use crate::keys::Directory;
use crate::krb5::{AdType, AuthorizationData};
use crate::pac::{KdcKeys, Pac, PacLayout, VerifiedPac};
use crate::policy::{PacPolicy, Policy};
use crate::replay::{Admission, ReplayClient, ReplayEntry};

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
        let pac = match pac_policy(&request, policy) {
            PacPolicy::Ignore => None,
            PacPolicy::VerifyIfPresent => read_pac(&request, policy)?,
            PacPolicy::Require => Some(read_pac(&request, policy)?.ok_or(Error::PacMissing(MissingPac::Pac))?),
        };
        Ok(Self { request, pac })
    }

    /// What a replay cache must remember, for a store that is asked elsewhere. Ask it once, and give its answer to
    /// [`AuthorizedRequest::admit`].
    #[must_use]
    pub fn replay_entry(&self) -> ReplayEntry<'_> {
        ReplayEntry {
            tag: self.request.replay.tag,
            client_time: self.request.replay.client_time,
            valid_until: self.request.replay.valid_until,
            client: self.client(),
        }
    }

    fn client(&self) -> ReplayClient<'_> {
        if let Some((domain, rid)) = self.pac.as_ref().and_then(|pac| pac.layout.user()) {
            return ReplayClient::Sid { domain, rid };
        }
        let ticket = self.request.ticket();
        ReplayClient::Name { realm: ticket.client_realm(), name: ticket.client().encoded_components() }
    }

    /// Fifth stage, the last: accepts the request if a replay cache found it new.
    ///
    /// # Errors
    /// `replay`, `replay-cache-full` and `replay-cache-failed`, as the cache has it.
    pub fn admit(self, admission: Admission) -> Result<Accepted, Error> {
        match admission {
            Admission::New => Ok(Accepted { request: self.request, pac: self.pac }),
            Admission::Seen => Err(Error::Replay(ReplayCause::Seen)),
            Admission::TooOld => Err(Error::Replay(ReplayCause::OlderThanCache)),
            Admission::Full(limit) => Err(Error::ReplayCacheFull(limit)),
            Admission::Failed => Err(Error::ReplayCacheFailed),
        }
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

fn read_pac(request: &VerifiedRequest, policy: &Policy) -> Result<Option<PacFields>, Error> {
    let ticket = request.ticket();
    let Some(bytes) = find(ticket.authorization_data())? else { return Ok(None) };
    let opened_by = &request.opened_by;
    let krbtgt_keys = opened_by.account.krbtgt_keys();
    let kdc_keys = (!krbtgt_keys.is_empty()).then(|| KdcKeys { keys: krbtgt_keys, ticket: ticket.plaintext() });
    let pac = Pac::read(bytes)?.verify_under(opened_by.account.pac_keys(opened_by.kvno), kdc_keys)?;
    pac_checks::check(&pac, ticket, &opened_by.account, pac_policy(request, policy), policy)?;
    Ok(Some(PacFields { place: request.buffer.span_of(bytes), layout: pac.into_layout() }))
}

/// The one PAC among what the KDC wrote. What the client wrote is never searched.
fn find(authorization_data: AuthorizationData<'_>) -> Result<Option<&[u8]>, Error> {
    let mut pac = None;
    walk(authorization_data, &mut |element, _| {
        if element.ad_type == AdType::WIN2K_PAC && pac.replace(element.data).is_some() {
            return Err(PacMalformed { what: "AD-WIN2K-PAC", at: 0, problem: PacProblem::Duplicate }.into());
        }
        Ok(())
    })?;
    Ok(pac)
}
