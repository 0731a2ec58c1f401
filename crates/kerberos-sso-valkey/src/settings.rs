//! How the cache was asked to behave.

use kerberos_sso::UnixTime;
use std::time::{Duration, SystemTime};

/// What the store's clock, this server's clock and the wait for an answer may differ by, added up, before an entry could be
/// forgotten while a validator still accepts it.
pub(crate) const MARGIN: Duration = Duration::from_secs(5);

/// The largest difference between the store's clock and this server's. It is a part of [`MARGIN`].
pub(crate) const MAX_CLOCK_OFFSET: Duration = Duration::from_secs(2);

/// The longest wait for a connection. With [`MAX_CLOCK_OFFSET`] and the longest time-out it stays within [`MARGIN`].
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The longest time-out for an answer that a caller can set.
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_secs(1);

/// Which authenticators are refused after a node forgot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Those that are not younger.
    Default,
    /// Those that a client with a fast clock can have shown before, too.
    Strict,
}

/// What the store must confirm before a request is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confirmation {
    /// The master has it in memory.
    Master,
    /// So many replicas have it in memory (`WAIT`).
    Replicas(u16),
    /// The master and so many replicas have it on disk (`WAITAOF`).
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
