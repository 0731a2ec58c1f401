//! The files of the tool: the journal, the keytab and the configuration. The tool replaces a whole file at once, so a
//! reader never sees a part of the new file, even after a loss of power.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The operations on files that the commands use.
pub trait Files {
    /// Reads a file, or returns `None` if it does not exist.
    ///
    /// # Errors
    /// Returns the error of the operating system.
    fn read(&mut self, path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, Error>;

    /// Replaces a file. Only the owner of the new file can read it (mode 0600).
    ///
    /// # Errors
    /// Returns the error of the operating system.
    fn write(&mut self, path: &Path, octets: &[u8]) -> Result<(), Error>;

    /// Removes a file, if it exists.
    ///
    /// # Errors
    /// Returns the error of the operating system.
    fn remove(&mut self, path: &Path) -> Result<(), Error>;
}

/// The files of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk {
    /// Whether this run changed a file.
    pub has_changed: bool,
}

impl Files for Disk {
    fn read(&mut self, path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        // If the vector grew, it would free memory with secrets.
        let mut octets = Zeroizing::new(Vec::with_capacity(MAX_SIZE));
        let size = file.take(u64::try_from(MAX_SIZE).unwrap_or(u64::MAX)).read_to_end(&mut octets)?;
        if size >= MAX_SIZE {
            return Err(Error::new(ErrorKind::FileTooLarge, "the file is too large"));
        }
        Ok(Some(octets))
    }

    fn write(&mut self, path: &Path, octets: &[u8]) -> Result<(), Error> {
        self.has_changed = true;
        let new = beside(path);
        remove_one(&new)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        if let Ok(old) = std::fs::metadata(path) {
            // If root runs this tool, the server's user still owns the file.
            fchown(&file, Some(old.uid()), Some(old.gid()))?;
        }
        file.write_all(octets)?;
        file.sync_all()?;
        std::fs::rename(&new, path)?;
        sync_folder(path)
    }

    fn remove(&mut self, path: &Path) -> Result<(), Error> {
        self.has_changed = true;
        // A run that was killed may have left this file, which has the same secrets as `path`.
        remove_one(&beside(path))?;
        remove_one(path)
    }
}

fn remove_one(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Ok(()) => sync_folder(path),
        error => error,
    }
}

/// Returns the path of the file that is about to replace `path`. The name is always the same, so the next run removes
/// the file that a killed run left.
fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    path.with_file_name(name)
}

/// Writes the entries of the folder of `path` to the disk.
fn sync_folder(path: &Path) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// The largest file that the tool reads, in octets.
const MAX_SIZE: usize = 4 * 1024 * 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn written_file_has_the_whole_new_text_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sso.keytab");
        let mut disk = Disk::default();
        assert!(disk.read(&path).unwrap().is_none());
        std::fs::write(&path, b"old").unwrap();
        std::fs::write(folder.path().join(".sso.keytab.new"), b"left by a run that was killed").unwrap();
        disk.write(&path, b"new").unwrap();
        assert_eq!(**disk.read(&path).unwrap().unwrap(), *b"new");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        std::fs::write(folder.path().join(".sso.keytab.new"), b"left by a run that was killed").unwrap();
        disk.remove(&path).unwrap();
        disk.remove(&path).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(disk.read(&path).unwrap().is_none());
    }
}
