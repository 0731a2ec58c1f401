//! Fourth stage: a verified request to an authorized one: what the ticket's authorization data says of the client is
//! verified and held against the ticket.

use super::accepted::Accepted;
use super::verify::VerifiedRequest;
use crate::error::{Error, ReplayCause};
use crate::replay::{Admission, ReplayEntry};

/// A request whose client may sign in, if it is not a replay.
#[derive(Debug)]
pub struct AuthorizedRequest {
    pub(super) request: VerifiedRequest,
}

impl AuthorizedRequest {
    pub(crate) const fn authorize(request: VerifiedRequest) -> Self {
        Self { request }
    }

    /// What a replay cache must remember, for a store that is asked elsewhere. Ask it once, and give its answer to
    /// [`AuthorizedRequest::admit`].
    #[must_use]
    pub const fn replay_entry(&self) -> ReplayEntry {
        self.request.replay_entry
    }

    /// Fifth stage, the last: accepts the request if a replay cache found it new.
    ///
    /// # Errors
    /// `replay`, `replay-cache-full` and `replay-cache-failed`, as the cache has it.
    pub fn admit(self, admission: Admission) -> Result<Accepted, Error> {
        match admission {
            Admission::New => Ok(Accepted { request: self.request }),
            Admission::Seen => Err(Error::Replay(ReplayCause::Seen)),
            Admission::TooOld => Err(Error::Replay(ReplayCause::OlderThanCache)),
            Admission::Full => Err(Error::ReplayCacheFull),
            Admission::Failed => Err(Error::ReplayCacheFailed),
        }
    }
}
