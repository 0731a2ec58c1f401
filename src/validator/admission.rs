//! The admission of an authorized request, and the verdict. A synchronous replay cache answers immediately. The answer of an
//! asynchronous replay cache is awaited.

use crate::accept::admit::{check_admission, replay_entry};
use crate::accept::authorize::PacFields;
use crate::accept::open::Opened;
use crate::accept::verify::Verified;
use crate::accept::{Accepted, AuthorizedRequest, Buffer};
use crate::error::Error;
use crate::negotiate::Refused;
use crate::observe::{Stage, in_stage};
use crate::policy::KrbErrorPolicy;
use crate::replay::{Admission, ReplayCache};
use crate::time::UnixTime;

/// The step that follows after a request is authorized.
///
/// This step is a trait, because a closure gets its arguments as a tuple. Making the tuple costs 140 instructions.
/// [`check`](Self::check) borrows the request. If it took the request by value, the request would be moved twice.
///
/// The code makes an [`AuthorizedRequest`] only for an admission that is awaited: a move of an `AuthorizedRequest` costs 430
/// instructions, 5 % of a request.
pub(super) trait OnAuthorized {
    type Outcome;

    /// Asks a synchronous replay cache, and rejects a replay. Does nothing for an asynchronous cache, because the caller
    /// asks such a cache later.
    fn check(
        &self,
        buffer: &Buffer,
        opened: &Opened,
        verified: &Verified,
        pac: Option<&PacFields>,
    ) -> Result<(), Error>;

    /// Makes the outcome from the results of the stages.
    fn outcome(self, buffer: Buffer, opened: Opened, verified: Verified, pac: Option<PacFields>) -> Self::Outcome;
}

/// An admission by a replay cache that answers immediately.
pub(super) struct AskAtOnce<'r, R> {
    pub(super) replay: &'r R,
    pub(super) now: UnixTime,
}

impl<R: ReplayCache> OnAuthorized for AskAtOnce<'_, R> {
    type Outcome = Accepted;

    fn check(
        &self,
        buffer: &Buffer,
        opened: &Opened,
        verified: &Verified,
        pac: Option<&PacFields>,
    ) -> Result<(), Error> {
        let entry = replay_entry(buffer, opened, verified, pac);
        check_admission(in_stage(Stage::Admit, || self.replay.check_and_insert(&entry, self.now)))
    }

    fn outcome(self, buffer: Buffer, opened: Opened, verified: Verified, pac: Option<PacFields>) -> Accepted {
        Accepted::new(buffer, opened, verified, pac)
    }
}

/// An admission that is awaited. This type keeps the request until the replay cache has answered.
pub(super) struct AskLater {
    pub(super) krb_errors: KrbErrorPolicy,
}

impl OnAuthorized for AskLater {
    type Outcome = AuthorizedRequest;

    fn check(&self, _: &Buffer, _: &Opened, _: &Verified, _: Option<&PacFields>) -> Result<(), Error> {
        Ok(())
    }

    fn outcome(self, buffer: Buffer, opened: Opened, verified: Verified, pac: Option<PacFields>) -> AuthorizedRequest {
        AuthorizedRequest { buffer, opened, verified, pac, krb_errors: self.krb_errors }
    }
}

impl AuthorizedRequest {
    /// Makes the verdict from the replay cache's answer.
    pub(super) fn admitted(self, admission: Admission, now: UnixTime) -> Result<Accepted, Refused> {
        let Self { buffer, opened, verified, pac, krb_errors } = self;
        match check_admission(admission) {
            Ok(()) => Ok(Accepted::new(buffer, opened, verified, pac)),
            Err(error) => Err(Refused::of_verified(error, &opened, &verified, &buffer, krb_errors, now)),
        }
    }
}
