//! The replay cache: it admits each authenticator once (RFC 4120 section 3.2.3).
//!
//! Input: a tag of the authenticator's ciphertext, and the last instant at which a validator would still accept the
//! authenticator. Output: whether the authenticator is new. One call checks and inserts, so only one of two simultaneous
//! requests is admitted.

mod awaited;
#[cfg(feature = "std")]
mod bucket;
#[cfg(feature = "std")]
mod memory;
#[cfg(feature = "std")]
mod share;
#[cfg(feature = "std")]
mod spread;

pub use awaited::AsyncReplayCache;
#[cfg(feature = "std")]
pub use memory::MemoryReplayCache;

use crate::time::UnixTime;
use core::fmt;
use core::time::Duration;

/// A cache that remembers each authenticator for as long as a validator would accept the authenticator again.
///
/// If the cache wrongly answers [`Admission::Seen`], one sign-in is refused. If the cache wrongly answers [`Admission::New`],
/// an attacker can sign in as another user. So a cache that cannot decide must answer [`Admission::Full`] or
/// [`Admission::Failed`].
///
/// ```
/// use kerberos_sso::UnixTime;
/// use kerberos_sso::replay::{Admission, ReplayCache, ReplayEntry, ReplayTag};
/// use std::collections::HashSet;
/// use std::sync::Mutex;
///
/// /// Remembers every authenticator for ever: for a test, not for a server.
/// struct Everything(Mutex<HashSet<ReplayTag>>);
///
/// impl ReplayCache for Everything {
///     fn check_and_insert(&self, entry: &ReplayEntry<'_>, _: UnixTime) -> Admission {
///         let Ok(mut tags) = self.0.lock() else { return Admission::Failed };
///         if tags.insert(entry.tag) { Admission::New } else { Admission::Seen }
///     }
/// }
/// ```
///
/// A store with asynchronous answers implements [`AsyncReplayCache`] instead. The documentation of [`AsyncReplayCache`] lists
/// the requirements for a store that several servers share.
///
/// If several threads share a validator, they can call the cache at the same time.
pub trait ReplayCache {
    /// Inserts `entry` unless the cache holds it already. The check and the insertion are one step.
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

/// The facts about an authenticator that a replay cache remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplayEntry<'a> {
    /// The tag that identifies the authenticator.
    pub tag: ReplayTag,
    /// The time in the authenticator, by the client's clock.
    pub client_time: UnixTime,
    /// The last second at which a validator accepts this authenticator: the time in the authenticator plus the clock
    /// skew. If [`with_policy`](crate::Validator::with_policy) made the validator, this is the clock skew of the policy
    /// that [`new`](crate::Validator::new) got. The arrival time does not matter. If a client's clock is fast, its
    /// authenticators are accepted for up to two skews after they are made.
    pub valid_until: UnixTime,
    /// The client that made the authenticator. A cache may limit the entries of each client. To identify the
    /// authenticator, the tag suffices.
    pub client: ReplayClient<'a>,
    /// The label of the tenant whose key opened the ticket ([`Account::with_tenant`](crate::Account::with_tenant)). Clients
    /// of two tenants are different clients even if their names are equal, because a tenant can write any name.
    pub tenant: Option<&'a str>,
}

/// The client that made an authenticator. No two clients have the same value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReplayClient<'a> {
    /// The user in the PAC, if the ticket has a PAC that names a user. A user of Active Directory has many names (in upper or
    /// lower case, and as a UPN), but only one SID. FreeIPA gives the same SID to all its hosts and services, so all its
    /// hosts and services count as one client.
    Sid {
        /// The SID of the user's domain, in the packet form ([`Sid::to_bytes`](crate::Sid::to_bytes)).
        domain: &'a [u8],
        /// The user's RID in the domain.
        rid: u32,
    },
    /// The client's name in the ticket, if no PAC names a user.
    Name {
        /// The client's realm, in UTF-8.
        realm: &'a [u8],
        /// The components of the client's name, in an encoding that differs for different names.
        name: &'a [u8],
    },
}

impl<'a> ReplayEntry<'a> {
    /// Makes an entry for tests of a replay cache. The entries of real requests come from
    /// [`AuthorizedRequest::replay_entry`](crate::stages::AuthorizedRequest::replay_entry) only.
    #[must_use]
    pub const fn new(tag: ReplayTag, client_time: UnixTime, valid_until: UnixTime, client: ReplayClient<'a>) -> Self {
        Self { tag, client_time, valid_until, client, tenant: None }
    }

    /// Sets the tenant.
    #[must_use]
    pub const fn with_tenant(self, tenant: Option<&'a str>) -> Self {
        Self { tenant, ..self }
    }

    /// Returns the time at which a store with its own clock may forget the entry. At that time, this server no longer accepts
    /// the authenticator, even if the store's clock is ahead by up to `margin`. A server that waits for the store's answer
    /// adds its longest waiting time to `margin`.
    #[must_use]
    pub fn forget_at(&self, margin: Duration) -> UnixTime {
        // If the margin exceeds the range of times, the store never forgets the entry.
        self.valid_until.saturating_add_seconds(1).saturating_add_seconds(whole_seconds(margin))
    }
}

/// The identifier of an authenticator: the first 128 bits of its MAC followed by its ciphertext. Only the KDC, the client and
/// this server have the key of the MAC.
///
/// The tag depends on the authenticator's ciphertext only. An attacker can rewrite the framing and the unencrypted fields of
/// the ticket. If the tag depended on them, one authenticator could have a second tag.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplayTag([u8; 16]);

impl ReplayTag {
    /// Makes the tag of a ciphertext whose MAC verified. Such a ciphertext has more than 16 octets, so the tag is always
    /// full.
    pub(crate) fn new(mac: &[u8], ciphertext: &[u8]) -> Self {
        let mut tag = [0; 16];
        for (to, from) in tag.iter_mut().zip(mac.iter().chain(ciphertext)) {
            *to = *from;
        }
        Self(tag)
    }

    /// Makes a tag from these octets for tests of a replay cache. The tags of real requests come from
    /// [`AuthorizedRequest::replay_entry`](crate::stages::AuthorizedRequest::replay_entry) only.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the octets, as a key for a shared store. The octets look random.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Shows the number of octets, but not the octets, because they are a part of the authenticator.
impl fmt::Debug for ReplayTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplayTag({} octets)", self.0.len())
    }
}

/// The answer of a replay cache about an authenticator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "only `New` admits the request"]
#[non_exhaustive]
pub enum Admission {
    /// The authenticator is new, and the cache remembers it from now on.
    New,
    /// The authenticator was admitted before.
    Seen,
    /// The authenticator is older than all authenticators that the cache can remember.
    TooOld,
    /// The cache has no room for the authenticator.
    Full(ReplayLimit),
    /// The cache could not answer.
    Failed,
    /// The cache would forget the authenticator while a validator still accepts it. The validator's clock skew is
    /// longer than the cache's clock skew.
    OutlivesCache {
        /// The number of seconds from the time in the authenticator until the authenticator expires: the longest clock skew
        /// of the validator's policies.
        entry_seconds: i64,
        /// The number of seconds after the time in the authenticator for which the cache remembers an entry: the cache's own
        /// clock skew.
        cache_seconds: i64,
    },
}

/// The limit of the cache that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayLimit {
    /// The whole cache is full.
    Cache,
    /// The client already has as many entries as one client may have.
    ClientShare,
}

/// Returns the whole seconds of a duration. A duration that exceeds the range becomes `i64::MAX`, which means no limit.
fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// A type for a validator without a replay cache: every authenticator counts as new.
///
/// Use this type for tests, for tools that validate recorded tokens, and for protocols in which a replay is useless. In
/// such a protocol the server always answers with an AP-REP, and then accepts only messages that the context's keys
/// protect. HTTP is not such a protocol.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoReplayCache;

impl ReplayCache for NoReplayCache {
    fn check_and_insert(&self, _: &ReplayEntry<'_>, _: UnixTime) -> Admission {
        Admission::New
    }
}
