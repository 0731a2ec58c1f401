//! Looks at a file from time to time, on a thread of its own.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, SystemTime};

/// What tells one version of a file from the next, without a look into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    length: u64,
    modified: Option<SystemTime>,
    identity: Identity,
}

impl Fingerprint {
    /// Returns the fingerprint of the file at `path`, through symbolic links.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        Ok(Self { length: metadata.len(), modified: metadata.modified().ok(), identity: identity(&metadata) })
    }
}

/// A renamed file has another number than the one that it replaces. The time of the last change shows a change of mode, too: an
/// administrator who closes a file to others wants it read.
#[cfg(unix)]
type Identity = (u64, i64, i64);

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
type Identity = ();

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {}

/// Calls `look` each `interval`, until the sender of `stop` is dropped or `look` returns `false`.
pub(crate) fn each(interval: Duration, stop: &Receiver<()>, mut look: impl FnMut() -> bool) {
    while stop.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) && look() {}
}
