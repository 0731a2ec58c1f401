//! The journal: a command writes down its work before it does the work. If the command is killed, the next run reads
//! the journal and finishes the work. The journal has the account's new password until the tool has proved that the
//! keytab fits the directory.

use crate::files::Files;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::Error;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The work that a command has begun.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// The version of this format.
    version: u32,
    /// The command that began the work.
    pub command: Work,
    /// The account name with `$`.
    pub account: String,
    /// The realm of the account.
    pub realm: String,
    /// The domain controller to which the changes go.
    pub controller: String,
    /// The key version before the change. `enable` has none.
    pub kvno: Option<u32>,
    /// The encryption types that the change sets.
    pub etypes: Option<u32>,
    /// The time at which the work began, in seconds since 1970.
    pub begun: i64,
    /// The account's new password.
    pub password: Zeroizing<String>,
}

/// The commands that change the password.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    /// Creates the account.
    Enable,
    /// Replaces the password.
    Rollover,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enable => "enable",
            Self::Rollover => "rollover",
        })
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("command", &self.command).field("kvno", &self.kvno).finish_non_exhaustive()
    }
}

impl Journal {
    /// Makes the journal of work that begins now.
    #[must_use]
    pub fn new(command: Work, account: &str, realm: &str, controller: &str, password: Zeroizing<String>) -> Self {
        let (account, realm, controller) = (account.into(), realm.into(), controller.into());
        Self { version: 1, command, account, realm, controller, kvno: None, etypes: None, begun: 0, password }
    }

    /// Returns the path of the journal, which is beside its keytab.
    #[must_use]
    pub fn beside(keytab: &Path) -> PathBuf {
        let mut name = keytab.file_name().unwrap_or_default().to_os_string();
        name.push(".journal");
        keytab.with_file_name(name)
    }

    /// Reads a journal, or returns `None` if there is none.
    ///
    /// # Errors
    /// Returns the error of the operating system, or says that the file is no journal.
    pub fn read(files: &mut dyn Files, path: &Path) -> Result<Option<Self>, Error> {
        let Some(octets) = files.read(path)? else { return Ok(None) };
        // The error of the parser is not shown, because it could quote the password.
        let journal: Self = serde_json::from_slice(&octets).map_err(|_| Error::other("the file is no journal"))?;
        if journal.version == 1 { Ok(Some(journal)) } else { Err(Error::other("the journal is of another version")) }
    }

    /// Writes the journal.
    ///
    /// # Errors
    /// Returns the error of the operating system.
    pub fn write(&self, files: &mut dyn Files, path: &Path) -> Result<(), Error> {
        // If the vector grew, it would free memory with the password.
        let mut octets = Zeroizing::new(Vec::with_capacity(4096));
        serde_json::to_writer(&mut *octets, self).map_err(Error::other)?;
        files.write(path, &octets)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::files::Disk;

    #[test]
    fn journal_is_read_back_and_its_debug_shows_no_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = Journal::beside(&folder.path().join("sso.keytab"));
        assert!(path.ends_with("sso.keytab.journal"));
        assert!(Journal::read(&mut Disk::default(), &path).unwrap().is_none());
        let password = Zeroizing::new("N0t.Shown".to_owned());
        let mut journal = Journal::new(Work::Rollover, "A$", "R", "dc1.r", password);
        journal.kvno = Some(7);
        journal.write(&mut Disk::default(), &path).unwrap();
        let read = Journal::read(&mut Disk::default(), &path).unwrap().unwrap();
        assert_eq!((read.kvno, read.password.as_str()), (Some(7), "N0t.Shown"));
        assert!(!format!("{read:?}").contains("N0t"));
    }

    #[test]
    fn error_about_a_broken_journal_does_not_quote_the_journal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        std::fs::write(&path, r#"{"version":1,"password":"N0t.Shown","x":"#).unwrap();
        let error = Journal::read(&mut Disk::default(), &path).unwrap_err().to_string();
        assert!(!error.contains("N0t"), "{error}");
    }
}
