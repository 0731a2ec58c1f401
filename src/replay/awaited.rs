//! A replay cache whose answer is awaited: a store that several servers share and ask over a network.

use super::{Admission, ReplayCache, ReplayEntry};
use crate::time::UnixTime;

/// An asynchronous cache that remembers authenticators for as long as they could be used again. This trait is
/// the asynchronous form of [`ReplayCache`].
///
/// Every [`ReplayCache`] is also an `AsyncReplayCache`, and answers immediately. The futures need no particular
/// runtime: any runtime can poll them.
///
/// ```
/// use kerberos_sso::UnixTime;
/// use kerberos_sso::replay::{Admission, AsyncReplayCache, ReplayEntry};
/// use std::time::Duration;
///
/// # struct Client;
/// # struct Unreachable;
/// # impl Client {
/// #     async fn set_if_absent(&self, _: &[u8; 16], _: i64) -> Result<bool, Unreachable> { Ok(true) }
/// # }
/// /// A store that the servers share.
/// struct Store(Client);
///
/// impl AsyncReplayCache for Store {
///     async fn admit(&self, entry: &ReplayEntry<'_>, _: UnixTime) -> Admission {
///         let forget_at = entry.forget_at(Duration::from_secs(60)).seconds();
///         match self.0.set_if_absent(entry.tag.as_bytes(), forget_at).await {
///             Ok(true) => Admission::New,
///             Ok(false) => Admission::Seen,
///             Err(Unreachable) => Admission::Failed,
///         }
///     }
/// }
/// ```
///
/// # The store
/// The store needs one atomic operation: set if absent, with an expiry. With the Redis protocol the command is `SET tag 1 NX
/// EXAT seconds`, with the seconds of [`ReplayEntry::forget_at`]. Use a database that never evicts entries (`noeviction`),
/// and never ask a replica. All validators that share the store need the same clock skew.
///
/// Limit the time for which the server waits, and answer [`Admission::Failed`] after that time. The margin of
/// [`forget_at`](ReplayEntry::forget_at) covers the waiting time and the difference between the clocks. Without the margin,
/// the store could forget an authenticator that was still valid when it arrived.
///
/// # A future that is dropped
/// A server drops the future of a client that closed its connection. If the server drops the future at any moment, no
/// client is admitted. An authenticator that the store has already recorded stays recorded, and is a replay from then
/// on. The client makes a new authenticator for its next request. No [event](crate::observe) reports such a request.
///
/// # Two calls at the same time
/// If two calls ask for the same authenticator, exactly one call may be answered [`Admission::New`], whichever call is
/// polled first. The atomic operation of the store decides. A store that first reads and then writes after an `await`
/// admits both calls.
pub trait AsyncReplayCache {
    /// Inserts `entry` unless the store holds it already. The check and the insertion are one step.
    fn admit(&self, entry: &ReplayEntry<'_>, now: UnixTime) -> impl Future<Output = Admission> + Send;
}

/// Answers at the first poll.
impl<R: ReplayCache + Sync + ?Sized> AsyncReplayCache for R {
    async fn admit(&self, entry: &ReplayEntry<'_>, now: UnixTime) -> Admission {
        self.check_and_insert(entry, now)
    }
}
