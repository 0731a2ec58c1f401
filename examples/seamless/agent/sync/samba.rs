//! Reads the database of a Samba domain controller by `ldbsearch`, as root on that machine.
//!
//! A run asks for the objects that changed since the cursor, and then for each object alone: Samba gives the groups of a user
//! (`tokenGroups`) for one object only. Deleted objects are listed, too.
//!
//! A new member of a group changes the group and not the user. So a run with `--all`, each night, sends all accounts. Their records
//! have the number of the directory's last change, so they are newer than those that the server has.

use super::directory::{Listed, listed};
use super::many::{self, Work};
use super::node::Node;
use super::options::Options;
use seamless_phs::source::Change;
use seamless_phs::{ObjectId, ldif};
use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::time::sleep;
use zeroize::Zeroizing;

/// Sends the changes since the last run, once or again and again.
pub(crate) async fn send(
    node: &Node,
    options: &Options,
    database: &Path,
    every: Option<Duration>,
    all: bool,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    loop {
        let ran = if all { run_all(node, options, database).await } else { run(node, options, database).await };
        match (ran, every) {
            (Err(error), Some(_)) => tracing::error!("the changes are not sent, and come at the next run: {error}"),
            (ran, Some(_)) => ran?,
            (ran, None) => return ran,
        }
        sleep(every.unwrap_or_default()).await;
    }
}

async fn run(node: &Node, options: &Options, database: &Path) -> Result<(), Box<dyn Error + Send + Sync>> {
    let cursor = node.cursor(options.id).await?;
    let after: u64 = cursor.as_deref().and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
    let items = list(database, after)?;
    if items.is_empty() {
        // The server learns that the source is alive, and that nothing has changed.
        let batch = seamless_phs::Batch { v: 1, source: options.id, cursor: None, records: Vec::new(), left: 0 };
        node.send(&batch).await?;
        return Ok(());
    }
    let (database, of) = (database.to_owned(), options.clone());
    many::send(node, options, Work { items, has_cursor: true }, move |object| read(&database, &of, object)).await
}

async fn run_all(node: &Node, options: &Options, database: &Path) -> Result<(), Box<dyn Error + Send + Sync>> {
    let last = last_change(database)?;
    let items = list(database, 0)?;
    let (database, of) = (database.to_owned(), options.clone());
    let read = move |object| {
        let change = read(&database, &of, object)?;
        Ok(change.map(|change| Change { usn: change.usn.max(last), ..change }))
    };
    many::send(node, options, Work { items, has_cursor: false }, read).await
}

/// Lists the users that changed after a change, in the order of their changes.
fn list(database: &Path, after: u64) -> Result<Vec<(u64, ObjectId)>, String> {
    let filter = format!("(&(objectClass=user)(!(objectClass=computer))(uSNChanged>={}))", after.saturating_add(1));
    let text = search(database, &["--show-deleted", "--show-recycled", &filter, "objectGUID", "uSNChanged"])?;
    let mut items: Vec<_> = listed(&text)?.into_iter().map(|Listed { usn, object }| (usn, object)).collect();
    items.sort_unstable();
    Ok(items)
}

/// Returns the number of the directory's last change.
fn last_change(database: &Path) -> Result<u64, String> {
    let text = search(database, &["-s", "base", "-b", "", "(objectClass=*)", "highestCommittedUSN"])?;
    let value = text.lines().find_map(|line| line.strip_prefix("highestCommittedUSN: "));
    value.and_then(|value| value.trim().parse().ok()).ok_or_else(|| "ldbsearch: no highestCommittedUSN".into())
}

/// Reads one object.
fn read(database: &Path, options: &Options, object: ObjectId) -> Result<Option<Change>, String> {
    let base = format!("<GUID={object}>");
    let head = ["--show-deleted", "--show-recycled", "-s", "base", "-b", base.as_str(), "(objectClass=*)"];
    let alternate = options.alternate.as_deref();
    let attributes = ldif::ATTRIBUTES.into_iter().chain(["isDeleted"]).chain(alternate);
    let arguments: Vec<&str> = head.into_iter().chain(attributes).collect();
    let text = search(database, &arguments)?;
    match ldif::read(&text, options.directory()) {
        Ok(change) => Ok(Some(change)),
        Err(ldif::InvalidObject::NoUser) => Ok(None),
        // One object must not keep the others from the server.
        Err(error) => {
            tracing::warn!(%object, "an object is left out: {error}");
            Ok(None)
        }
    }
}

fn search(database: &Path, arguments: &[&str]) -> Result<Zeroizing<String>, String> {
    let output = Command::new("ldbsearch").arg("-H").arg(database).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("ldbsearch: {error}; is ldb-tools installed?"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().chars().take(300).collect::<String>();
        return Err(format!("ldbsearch: {}", said.escape_debug()));
    }
    String::from_utf8(output.stdout).map(Zeroizing::new).map_err(|_| "ldbsearch: its output is not UTF-8".into())
}
