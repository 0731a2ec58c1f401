//! `prune`: removes the old keys from the keytab when the last ticket under them has ended. The last rollover computed
//! when that ticket ends, and wrote the time into a file beside the keytab ([`Retirement`]). Therefore, `prune` asks no
//! directory and needs no administrator, and a timer can run it.

use crate::arguments::Arguments;
use crate::clock::Clock;
use crate::failure::{Failure, Refusal};
use crate::files::Files;
use crate::journal::Journal;
use crate::preflight;
use crate::retirement::Retirement;
use crate::steps::Steps;

/// Removes the old keys from the keytab, or says why they stay.
///
/// # Errors
/// Returns the [`Failure`]. If it is a [`Refusal`], the command changed nothing.
pub fn prune(
    files: &mut dyn Files,
    clock: &mut dyn Clock,
    steps: &mut dyn Steps,
    arguments: &Arguments,
) -> Result<(), Failure> {
    let path = arguments.journal();
    if let Some(journal) = Journal::read(files, &path).map_err(|error| Failure::file(&path, error))? {
        // When the open command runs again, it compares the keytab with the keys of its first run, so `prune` must not
        // change the keytab.
        return Err(Refusal::Open { path, command: journal.command }.into());
    }
    let (keytab, path) = (&arguments.keytab, arguments.retirement());
    let Some(note) = Retirement::read(files, &path).map_err(|error| Failure::file(&path, error))? else {
        steps.done("no key retires", &keytab.display().to_string());
        return Ok(());
    };
    let kvno = note.kvno;
    if !note.is_due(clock.now()) {
        steps.done(&format!("the keys before {kvno} stay"), &format!("until {}", note.until()));
        return Ok(());
    }
    let keys = preflight::keys(files, keytab, &note.account, &note.realm)?;
    let before = keys.versions();
    let keys = keys.from_version(kvno);
    if keys.versions().is_empty() {
        return Err(Failure::file(keytab, format!("the keytab has no key of the version {kvno} or later")));
    }
    if arguments.dry_run {
        steps.would(&format!("remove the keys before {kvno} from {}", keytab.display()));
        return Ok(());
    }
    if keys.versions() != before {
        let octets = keys.encode().map_err(|error| Failure::file(keytab, error))?;
        files.write(keytab, &octets).map_err(|error| Failure::file(keytab, error))?;
    }
    steps.done(&format!("the keytab has no keys before {kvno}"), &keytab.display().to_string());
    files.remove(&path).map_err(|error| Failure::file(&path, error))
}
