//! The note about the keys that retire: which keys of the keytab are old, and when the last ticket under them ends.
//! `rollover` writes this note beside the keytab, so that `prune` needs no directory.

use crate::clock::MAX_DIFFERENCE;
use crate::files::Files;
use crate::keytab_file::RETIRED_AFTER;
use kerberos_sso::UnixTime;
use serde::{Deserialize, Serialize};
use std::io::Error;
use std::path::{Path, PathBuf};

/// Which keys of the keytab are old, and when `prune` may remove them.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Retirement {
    /// The version of this format.
    version: u32,
    /// The account name with `$`.
    pub account: String,
    /// The realm of the account.
    pub realm: String,
    /// The version of the current key. The keys of earlier versions retire.
    pub kvno: u32,
    /// The time at which the keys before `kvno` retire, in seconds since 1970.
    until: i64,
}

impl Retirement {
    /// Makes the note of a rollover that ends at `now`. If a domain controller did not answer, `is_everywhere` is
    /// false. This domain controller may still give tickets under an old key, so the note gives it two days to
    /// replicate.
    #[must_use]
    pub fn new(account: String, realm: String, kvno: u32, now: UnixTime, is_everywhere: bool) -> Self {
        let after = if is_everywhere { TICKETS_END_AFTER } else { RETIRED_AFTER };
        Self { version: 1, account, realm, kvno, until: now.saturating_add_seconds(after).seconds() }
    }

    /// Returns the path of the note, which is beside its keytab.
    #[must_use]
    pub fn beside(keytab: &Path) -> PathBuf {
        let mut name = keytab.file_name().unwrap_or_default().to_os_string();
        name.push(".retiring");
        keytab.with_file_name(name)
    }

    /// Returns the time at which the keys retire.
    #[must_use]
    pub const fn until(&self) -> UnixTime {
        UnixTime::from_seconds(self.until)
    }

    /// Returns whether the last ticket under the old keys has ended.
    #[must_use]
    pub fn is_due(&self, now: UnixTime) -> bool {
        now.seconds_since(self.until()) > 0
    }

    /// Reads a note, or returns `None` if there is none.
    ///
    /// # Errors
    /// Returns the error of the operating system, or says that the file is no note.
    pub fn read(files: &mut dyn Files, path: &Path) -> Result<Option<Self>, Error> {
        let Some(octets) = files.read(path)? else { return Ok(None) };
        let note: Self = serde_json::from_slice(&octets).map_err(Error::other)?;
        if note.version == 1 { Ok(Some(note)) } else { Err(Error::other("the note is of another version")) }
    }

    /// Writes the note.
    ///
    /// # Errors
    /// Returns the error of the operating system.
    pub fn write(&self, files: &mut dyn Files, path: &Path) -> Result<(), Error> {
        files.write(path, &serde_json::to_vec(self).map_err(Error::other)?)
    }
}

/// How long after a rollover the last ticket under the old keys ends, in seconds: ten hours and the clock skew. By
/// default, service tickets of Active Directory end after ten hours (`MaxServiceAge`).
pub const TICKETS_END_AFTER: i64 = 10 * 60 * 60 + MAX_DIFFERENCE;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::files::Disk;

    const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);

    fn note(is_everywhere: bool) -> Retirement {
        Retirement::new("A$".into(), "R".into(), 5, NOW, is_everywhere)
    }

    #[test]
    fn note_is_read_back_and_text_of_another_form_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = Retirement::beside(&folder.path().join("sso.keytab"));
        assert!(path.ends_with("sso.keytab.retiring"));
        assert_eq!(Retirement::read(&mut Disk::default(), &path).unwrap(), None);
        note(true).write(&mut Disk::default(), &path).unwrap();
        assert_eq!(Retirement::read(&mut Disk::default(), &path).unwrap(), Some(note(true)));
        for broken in ["", "{}", r#"{"version":2,"account":"A$","realm":"R","kvno":5,"until":0}"#] {
            std::fs::write(&path, broken).unwrap();
            assert!(Retirement::read(&mut Disk::default(), &path).is_err(), "{broken}");
        }
    }

    #[test]
    fn keys_retire_after_ten_hours_and_the_skew_or_after_two_days_if_a_controller_was_silent() {
        let is_due = |is_everywhere, after| note(is_everywhere).is_due(NOW.saturating_add_seconds(after));
        assert_eq!((is_due(true, 36_300), is_due(true, 36_301)), (false, true));
        assert_eq!((is_due(false, 172_800), is_due(false, 172_801)), (false, true));
    }
}
