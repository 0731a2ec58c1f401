//! The admission of an authorized request, and the verdict. The replay cache is asked at once, or its answer is awaited.

use crate::accept::admit::{check_admission, replay_entry};
use crate::accept::authorize::PacFields;
use crate::accept::open::Opened;
use crate::accept::verify::Verified;
use crate::accept::{Accepted, AuthorizedRequest, Buffer};
use crate::negotiate::Refused;
use crate::observe::{Stage, in_stage};
use crate::policy::KrbErrorPolicy;
use crate::replay::{Admission, ReplayCache};
use crate::time::UnixTime;

/// The step that follows when a request is authorized.
///
/// This trait is not a closure, because a closure gets its arguments as a tuple. They would then be moved once more, which
/// costs 140 instructions.
///
/// The code makes an [`AuthorizedRequest`] only if the admission is awaited, because moving an `AuthorizedRequest` costs 430
/// instructions, 5 % of a request.
pub(super) trait OnAuthorized {
    type Outcome;

    fn on_authorized(
        self,
        buffer: Buffer,
        opened: Opened,
        verified: Verified,
        pac: Option<PacFields>,
    ) -> Result<Self::Outcome, Refused>;
}

/// An admission by a replay cache that answers at once.
pub(super) struct AskAtOnce<'r, R> {
    pub(super) replay: &'r R,
    pub(super) krb_errors: KrbErrorPolicy,
    pub(super) now: UnixTime,
}

impl<R: ReplayCache> OnAuthorized for AskAtOnce<'_, R> {
    type Outcome = Accepted;

    #[inline(always)]
    fn on_authorized(
        self,
        buffer: Buffer,
        opened: Opened,
        verified: Verified,
        pac: Option<PacFields>,
    ) -> Result<Accepted, Refused> {
        let entry = replay_entry(&buffer, &opened, &verified, pac.as_ref());
        let admission = in_stage(Stage::Admit, || self.replay.check_and_insert(&entry, self.now));
        admitted(admission, buffer, opened, verified, pac, self.krb_errors, self.now)
    }
}

/// An admission that is awaited. It keeps the request until the replay cache has answered.
pub(super) struct AskLater {
    pub(super) krb_errors: KrbErrorPolicy,
}

impl OnAuthorized for AskLater {
    type Outcome = AuthorizedRequest;

    fn on_authorized(
        self,
        buffer: Buffer,
        opened: Opened,
        verified: Verified,
        pac: Option<PacFields>,
    ) -> Result<AuthorizedRequest, Refused> {
        Ok(AuthorizedRequest { buffer, opened, verified, pac, krb_errors: self.krb_errors })
    }
}

impl AuthorizedRequest {
    pub(super) fn admitted(self, admission: Admission, now: UnixTime) -> Result<Accepted, Refused> {
        let Self { buffer, opened, verified, pac, krb_errors } = self;
        admitted(admission, buffer, opened, verified, pac, krb_errors, now)
    }
}

/// Makes the verdict from the replay cache's answer about an authorized request.
#[inline(always)]
fn admitted(
    admission: Admission,
    buffer: Buffer,
    opened: Opened,
    verified: Verified,
    pac: Option<PacFields>,
    krb_errors: KrbErrorPolicy,
    now: UnixTime,
) -> Result<Accepted, Refused> {
    match check_admission(admission) {
        Ok(()) => Ok(Accepted::new(buffer, opened, verified, pac)),
        Err(error) => Err(Refused::of_verified(error, &opened, &verified, &buffer, krb_errors, now)),
    }
}
