//! Replay: each authenticator is taken once (RFC 4120 section 3.2.3).
//!
//! In: a tag of the authenticator's ciphertext and the last instant at which it would still be accepted. Out: whether it
//! is new. One call checks and remembers, so that of two simultaneous requests one loses.

#[cfg(feature = "std")]
mod bucket;
#[cfg(feature = "std")]
mod memory;
#[cfg(feature = "std")]
mod share;

#[cfg(feature = "std")]
pub use memory::{MemoryReplayCache, Start};

use crate::time::UnixTime;
use core::time::Duration;

/// Remembers authenticators for as long as they could be used again.
///
/// A false "seen" refuses one sign-in; a false "new" lets a stranger be somebody else. Whoever cannot tell must say
/// [`Admission::Full`] or [`Admission::Failed`].
///
/// A store that several servers share needs one atomic operation: set if absent, with an expiry. In the engines that speak
/// the Redis protocol that is `SET tag 1 NX EXAT seconds` with [`ReplayEntry::forget_at`], in a database of its own that
/// never evicts (`noeviction`), nor answers from a stale replica. All validators that share it need the same clock skew. To
/// await its answer, use [`Validator::staged`](crate::Validator::staged),
/// [`AuthorizedRequest::replay_entry`](crate::AuthorizedRequest::replay_entry) and
/// [`AuthorizedRequest::admit`](crate::AuthorizedRequest::admit).
///
/// Calls come from many threads at once where the validator is shared between them.
pub trait ReplayCache {
    /// Remembers `entry` unless it is remembered already, in one step.
    fn check_and_insert(&self, entry: &ReplayEntry<'_>, now: UnixTime) -> Admission;
}

impl<R: ReplayCache + ?Sized> ReplayCache for &R {
    fn check_and_insert(&self, entry: &ReplayEntry<'_>, now: UnixTime) -> Admission {
        (**self).check_and_insert(entry, now)
    }
}

impl<R: ReplayCache + ?Sized> ReplayCache for alloc::boxed::Box<R> {
    fn check_and_insert(&self, entry: &ReplayEntry<'_>, now: UnixTime) -> Admission {
        (**self).check_and_insert(entry, now)
    }
}

impl<R: ReplayCache + ?Sized> ReplayCache for alloc::sync::Arc<R> {
    fn check_and_insert(&self, entry: &ReplayEntry<'_>, now: UnixTime) -> Admission {
        (**self).check_and_insert(entry, now)
    }
}

/// What is remembered of an authenticator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayEntry<'a> {
    /// Which authenticator.
    pub tag: ReplayTag,
    /// The authenticator's own time, by the client's clock.
    pub client_time: UnixTime,
    /// The last second at which this authenticator is accepted: its own time and the clock skew, not when it arrived. A
    /// client whose clock is ahead makes authenticators that live for up to two skews.
    pub valid_until: UnixTime,
    /// Whose it is: an authenticator is told apart by its tag alone, but a cache may give each client a share of its room.
    pub client: ReplayClient<'a>,
}

/// Who sent an authenticator, as far as this tells one client from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplayClient<'a> {
    /// By the PAC, if it names a user: one user of Active Directory has many names, in any case and as a UPN. (FreeIPA gives
    /// all its hosts and services one SID; they have one share.)
    Sid {
        /// The SID of the user's domain, in the packet form ([`Sid::to_bytes`](crate::Sid::to_bytes)).
        domain: &'a [u8],
        /// The user in it.
        rid: u32,
    },
    /// By the ticket's name, where there is no PAC to go by.
    Name {
        /// The client's realm, in UTF-8.
        realm: &'a [u8],
        /// The components of its name, in any encoding in which only equal names are equal.
        name: &'a [u8],
    },
}

impl ReplayEntry<'_> {
    /// When a store with a clock of its own may forget the entry: once the last second at which the authenticator is
    /// accepted is over here, however far that clock is ahead of ours, up to `margin`.
    #[must_use]
    pub fn forget_at(&self, margin: Duration) -> UnixTime {
        let margin = i64::try_from(margin.as_secs()).unwrap_or(i64::MAX);
        self.valid_until.saturating_add_seconds(1).saturating_add_seconds(margin)
    }
}

/// Tells one authenticator from every other: its own MAC, under a key that only the KDC, the client and this server have,
/// filled up from the ciphertext to 128 bits.
///
/// Nothing outside the authenticator's ciphertext enters: the ticket's shell and the framing could be rewritten to make
/// a second tag for the same authenticator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReplayTag([u8; 16]);

impl ReplayTag {
    /// `mac` is the part of `ciphertext` that verified.
    pub(crate) fn new(mac: &[u8], ciphertext: &[u8]) -> Self {
        let mut tag = [0; 16];
        for (place, byte) in tag.iter_mut().zip(mac.iter().chain(ciphertext)) {
            *place = *byte;
        }
        Self(tag)
    }

    /// A tag of these bytes, for tests of a store. Those of real requests come out of
    /// [`AuthorizedRequest::replay_entry`](crate::AuthorizedRequest::replay_entry) and nowhere else.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, as a key for a shared store. They are as good as random.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What a replay cache says of an authenticator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is new, and remembered from now on.
    New,
    /// It has been admitted before.
    Seen,
    /// It is older than what the cache can remember.
    TooOld,
    /// There is no room to remember it.
    Full(ReplayLimit),
    /// The cache could not answer.
    Failed,
}

/// What there is no room in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayLimit {
    /// The whole cache.
    Cache,
    /// The share of it that one client may use.
    ClientShare,
}

/// No replay cache: takes every authenticator as often as it comes.
///
/// For tests, for tools that judge recorded tokens, and for protocols that make a replay useless: a server that always
/// answers with an AP-REP and then takes only messages under the context's keys. HTTP is none of these.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoReplayCache;

impl ReplayCache for NoReplayCache {
    fn check_and_insert(&self, _: &ReplayEntry<'_>, _: UnixTime) -> Admission {
        Admission::New
    }
}
