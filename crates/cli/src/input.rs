//! Reads files and standard input, up to a limit.

use crate::text::printable;
use std::fs::File;
use std::io::{Error, ErrorKind, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// Reads a token from a file, or from standard input for `-`. Octets after the first 256 KiB are not read: a token of this
/// length is refused as too large anyway.
pub(crate) fn token(path: &Path) -> Result<Vec<u8>, String> {
    let mut contents = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(MAX_TOKEN).read_to_end(&mut contents)
    } else {
        File::open(path).and_then(|file| file.take(MAX_TOKEN).read_to_end(&mut contents))
    };
    read.map(|_| contents).map_err(|error| of_file(path, &error))
}

/// Reads a file that holds no secret.
pub(crate) fn file(path: &Path) -> Result<Vec<u8>, String> {
    secret_file(path).map(|contents| contents.to_vec())
}

/// Reads a keytab, or a file with a password.
pub(crate) fn secret_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let open = || {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        secret(file, length)
    };
    open().map_err(|error| of_file(path, &error))
}

/// Reads a secret. `length` is the expected number of octets.
pub(crate) fn secret(source: impl Read, length: u64) -> Result<Zeroizing<Vec<u8>>, Error> {
    // The vector should not grow, because a growing vector frees memory that still holds the secret. One octet more than
    // the expected length lets the reader see the end without growing the vector.
    let room = usize::try_from(length.clamp(USUAL_SECRET, MAX_FILE)).unwrap_or(0).saturating_add(1);
    let mut contents = Zeroizing::new(Vec::with_capacity(room));
    source.take(MAX_FILE.saturating_add(1)).read_to_end(&mut contents)?;
    if u64::try_from(contents.len()).is_ok_and(|length| length <= MAX_FILE) {
        Ok(contents)
    } else {
        Err(Error::new(ErrorKind::FileTooLarge, format!("there are more than {MAX_FILE} octets")))
    }
}

pub(crate) fn of_file(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{}: {error}", shown(path))
}

/// Returns the path for a terminal. Another person may have chosen the name of the file.
pub(crate) fn shown(path: &Path) -> String {
    printable(&path.display().to_string())
}

/// The largest number of octets that are read of a token: twice the longest header.
const MAX_TOKEN: u64 = 256 * 1024;

/// The smallest capacity of the buffer for a secret, in octets. The length of a pipe's contents is not known in
/// advance, and a password is not longer than this capacity.
const USUAL_SECRET: u64 = 4096;

/// The largest number of octets of a file: the size of a keytab with about 200,000 entries.
const MAX_FILE: u64 = 16 << 20;
