//! Detects that a file has changed, by reading its metadata at regular intervals.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, SystemTime};

/// The metadata that differ between two versions of a file. The content of the file is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    length: u64,
    modified: Option<SystemTime>,
    identity: Identity,
}

impl Fingerprint {
    /// Returns the fingerprint of the file at `path`, and follows symbolic links.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        Ok(Self { length: metadata.len(), modified: metadata.modified().ok(), identity: identity(&metadata) })
    }
}

/// The inode number and the change time. A file that replaces another file by a rename has another inode number. The
/// change time also changes with the mode, so the server reads a file again after an administrator has restricted its
/// mode.
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

/// Calls `look` once per `interval`, until the sender of `stop` is dropped or `look` returns `false`.
pub(crate) fn each(interval: Duration, stop: &Receiver<()>, mut look: impl FnMut() -> bool) {
    while stop.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) && look() {}
}
