//! Only one run of the tool works on a keytab at a time.

use crate::failure::{Failure, Refusal};
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The lock of a keytab. When the process ends, even if it is killed, the operating system releases the lock.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code, reason = "the open file is the lock")] File);

impl Lock {
    /// Takes the lock of a keytab, or refuses if another run has it.
    ///
    /// # Errors
    /// Returns [`Refusal::Busy`], or the error of the file.
    pub fn take(keytab: &Path) -> Result<Self, Failure> {
        let mut name = keytab.file_name().unwrap_or_default().to_os_string();
        name.push(".lock");
        let path = keytab.with_file_name(name);
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(|error| Failure::file(&path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Refusal::Busy { path }.into()),
            Err(TryLockError::Error(error)) => Err(Failure::file(&path, error)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn second_run_is_refused_until_the_first_ends() {
        let folder = tempfile::tempdir().unwrap();
        let keytab = folder.path().join("sso.keytab");
        let first = Lock::take(&keytab).unwrap();
        assert!(matches!(Lock::take(&keytab), Err(Failure::Refused(Refusal::Busy { .. }))));
        drop(first);
        assert!(Lock::take(&keytab).is_ok());
    }
}
