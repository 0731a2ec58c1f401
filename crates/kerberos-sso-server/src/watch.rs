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
    /// A renamed file has another number than the one that it replaces.
    inode: u64,
}

impl Fingerprint {
    /// Returns the fingerprint of the file at `path`, through symbolic links.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        Ok(Self { length: metadata.len(), modified: metadata.modified().ok(), inode: inode(&metadata) })
    }
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}

/// Calls `look` each `interval`, until the sender of `stop` is dropped or `look` returns `false`.
pub(crate) fn each(interval: Duration, stop: &Receiver<()>, mut look: impl FnMut() -> bool) {
    while stop.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) && look() {}
}
