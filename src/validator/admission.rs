//! The admission of an authorized request, and the verdict. The replay cache answers immediately, or its answer is
//! awaited.

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

/// The step that follows when a request is authorized.
///
/// The methods are those of a trait. Closures would get their arguments as a tuple, and would move them once more, which costs
/// 140 instructions. The first method borrows the request. If the method moved the request before the replay cache is
/// asked, the request would be moved twice.
///
/// The code makes an [`AuthorizedRequest`] only if the admission is awaited, because moving an `AuthorizedRequest` costs 430
/// instructions, 5 % of a request.
pub(super) trait OnAuthorized {
    type Outcome;

    /// Asks a synchronous replay cache, and rejects a replay. Does nothing for an asynchronous cache, which is asked later.
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

/// An admission that is awaited. The admission keeps the request until the replay cache has answered.
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
