//! An asynchronous replay cache, for example a store that several servers share over a network.

use super::{Admission, ReplayCache, ReplayEntry};
use crate::time::UnixTime;

/// An asynchronous cache that remembers each authenticator for as long as a validator would accept the authenticator again.
/// This trait is the asynchronous form of [`ReplayCache`].
///
/// Every [`ReplayCache`] is also an `AsyncReplayCache`, and answers immediately. Any runtime can poll the futures.
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
/// Limit the time for which the server waits for the store, and answer [`Admission::Failed`] after that time. The margin of
/// [`forget_at`](ReplayEntry::forget_at) covers the waiting time and the difference between the clocks. Without the margin,
/// the store could forget an authenticator that was still valid when it arrived.
///
/// # A future that is dropped
/// A server drops the future of a client that closed its connection. Whenever the server drops the future, the client
/// is not admitted. If the store has already recorded the authenticator, the store keeps it, and the authenticator is a
/// replay from then on. The client makes a new authenticator for its next request. No [event](crate::observe) reports
/// the request of a dropped future.
///
/// # Two calls at the same time
/// If two calls ask for the same authenticator, the store must answer exactly one call with [`Admission::New`]. It does not
/// matter which call is polled first. The atomic operation of the store decides. A store that reads first, and writes only
/// after an `await`, admits both calls.
pub trait AsyncReplayCache {
    /// Inserts `entry` unless the store holds it already. The check and the insertion are one atomic step.
    fn admit(&self, entry: &ReplayEntry<'_>, now: UnixTime) -> impl Future<Output = Admission> + Send;
}

/// Makes every [`ReplayCache`] an asynchronous cache that answers at the first poll.
impl<R: ReplayCache + Sync + ?Sized> AsyncReplayCache for R {
    async fn admit(&self, entry: &ReplayEntry<'_>, now: UnixTime) -> Admission {
        self.check_and_insert(entry, now)
    }
}
