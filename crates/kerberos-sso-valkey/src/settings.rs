//! The settings of a replay cache, and their limits.

use kerberos_sso::UnixTime;
use std::time::{Duration, SystemTime};

/// The time that the store keeps an entry after the authenticator has expired. This time covers the clock offset
/// between the store and this server, and the waits for the store. Otherwise the store could forget an authenticator
/// that a validator still accepts.
pub(crate) const MARGIN: Duration = Duration::from_secs(5);

/// The largest allowed difference between the store's clock and this server's clock. This difference is a part of
/// [`MARGIN`].
pub(crate) const MAX_CLOCK_OFFSET: Duration = Duration::from_secs(2);

/// The longest wait for a connection. The sum of this wait, [`MAX_CLOCK_OFFSET`] and [`MAX_TIMEOUT`] is within [`MARGIN`].
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The longest time-out for an answer that a caller can set.
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_secs(1);

/// The choice of the authenticators that are refused after a node lost its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Authenticators with a time before or at the loss are refused.
    Default,
    /// Authenticators that a client with a fast clock can have sent before the loss are also refused.
    Strict,
}

/// The confirmation of the store that is needed before a request is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confirmation {
    /// The master has the authenticator in memory.
    Master,
    /// At least this number of replicas has the authenticator in memory (`WAIT`).
    Replicas(u16),
    /// The master and at least `replicas` replicas have the authenticator on disk (`WAITAOF`).
    Disk { replicas: u16 },
}

/// The settings of a cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) clock_skew: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) timeout: Duration,
    pub(crate) start: Start,
    pub(crate) confirmation: Confirmation,
    pub(crate) isolated_master_is_allowed: bool,
    /// Reads this server's clock.
    pub(crate) clock: fn() -> UnixTime,
}

/// Reads the operating system's clock.
pub(crate) fn system_time() -> UnixTime {
    SystemTime::now().into()
}
