//! Fifth and last stage: an authorized request becomes an accepted request if its authenticator is new to a replay cache.

use super::authorize::{AuthorizedRequest, PacFields};
use super::buffer::Buffer;
use super::open::Opened;
use super::verify::{ReplayFields, Verified};
use crate::error::{Error, ReplayCacheFault, ReplayCause};
use crate::replay::{Admission, ReplayClient, ReplayEntry};

impl AuthorizedRequest {
    /// Returns the entry that a replay cache must remember, for a caller that asks its own store. The caller asks the store
    /// once, and gives the store's answer to [`admit`](Self::admit).
    #[must_use]
    pub fn replay_entry(&self) -> ReplayEntry<'_> {
        replay_entry(&self.buffer, &self.opened, &self.verified, self.pac.as_ref())
    }
}

pub(crate) fn replay_entry<'a>(
    buffer: &'a Buffer,
    opened: &'a Opened,
    verified: &Verified,
    pac: Option<&'a PacFields>,
) -> ReplayEntry<'a> {
    let ticket = opened.ticket(buffer);
    let client = match pac.and_then(|pac| pac.layout.user(buffer.slice(pac.span))) {
        Some((domain, rid)) => ReplayClient::Sid { domain, rid },
        None => ReplayClient::Name { realm: ticket.client_realm_bytes(), name: ticket.client().encoded_components() },
    };
    let ReplayFields { tag, client_time, valid_until } = verified.replay;
    ReplayEntry { tag, client_time, valid_until, client, tenant: opened.key.account().tenant() }
}

/// Accepts a request only if the replay cache reports that the authenticator is new.
pub(crate) fn check_admission(admission: Admission) -> Result<(), Error> {
    match admission {
        Admission::New => Ok(()),
        Admission::Seen => Err(Error::Replay(ReplayCause::Seen)),
        Admission::TooOld => Err(Error::Replay(ReplayCause::OlderThanCache)),
        Admission::Full(limit) => Err(Error::ReplayCacheFull(limit)),
        Admission::Failed => Err(Error::ReplayCacheFailed(ReplayCacheFault::NoAnswer)),
        Admission::OutlivesCache { entry_seconds, cache_seconds } => {
            Err(Error::ReplayCacheFailed(ReplayCacheFault::ClockSkew { policy_seconds: entry_seconds, cache_seconds }))
        }
    }
}
