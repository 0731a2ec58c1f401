//! A replay cache whose answer is awaited: a store that several servers share, asked over a network.

use super::{Admission, ReplayCache, ReplayEntry};
use crate::time::UnixTime;

/// Remembers authenticators for as long as they could be used again, and answers later: the asynchronous counterpart of
/// [`ReplayCache`].
///
/// Every [`ReplayCache`] is one too, and answers at once. The futures are those of the language: any runtime polls them, and
/// this crate needs none.
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
/// The store needs one atomic operation: set if absent, with an expiry. In engines that speak the Redis protocol that is
/// `SET tag 1 NX EXAT seconds` with [`ReplayEntry::forget_at`]. Give it a database that never evicts (`noeviction`), and never
/// ask a replica. All validators that share it need the same clock skew.
///
/// Limit the time for which the server waits, and answer [`Admission::Failed`] after it. The margin of
/// [`forget_at`](ReplayEntry::forget_at) covers that time and the difference of the clocks. Without it, the store could have
/// forgotten an authenticator that was accepted when it arrived.
///
/// # A future that is dropped
/// A server drops the future of a client that went away. At whatever point it does, nobody is admitted. What the store has
/// taken stays taken, and the same authenticator is a replay from then on. The client makes a new authenticator for its next
/// request. No [event](crate::observe) reports such a request.
///
/// # Two calls at the same time
/// Of two calls for one authenticator, exactly one may be answered [`Admission::New`], whichever is polled first. The atomic
/// operation decides it. A store that reads first and writes after an `await` admits both.
pub trait AsyncReplayCache {
    /// Remembers `entry`, unless it is remembered already, in one step.
    fn admit(&self, entry: &ReplayEntry<'_>, now: UnixTime) -> impl Future<Output = Admission> + Send;
}

/// Answers when it is polled first.
impl<R: ReplayCache + Sync + ?Sized> AsyncReplayCache for R {
    async fn admit(&self, entry: &ReplayEntry<'_>, now: UnixTime) -> Admission {
        self.check_and_insert(entry, now)
    }
}
