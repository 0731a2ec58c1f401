//! Reads the database of a Samba domain controller by `ldbsearch`, as root on that machine.
//!
//! A run lists the objects that changed since the cursor, and then reads each object with its own search, because Samba
//! returns the groups of a user (`tokenGroups`) only if a search reads one object. The list also has the objects that
//! were deleted.
//!
//! When a user joins a group, the directory numbers a change of the group and none of the user. Therefore, a nightly
//! run with `--all` sends all accounts. Their records have the number of the directory's last change, so the server
//! takes them as newer than its own records.

use super::directory::{Listed, listed};
use super::many::{self, Cursor, Work};
use super::node::Node;
use super::options::{Options, Run};
use kerberos_sso::Sid;
use seamless_phs::source::Change;
use seamless_phs::{ObjectId, ldif};
use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::sleep;
use zeroize::Zeroizing;

/// Sends the changes since the last run, or all accounts (`--all`). With `every` (`--every`), repeats the run after
/// this time.
pub(crate) async fn send(
    node: &Node,
    options: &Options,
    database: &Path,
    every: Option<Duration>,
    run_of: Run,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    loop {
        let ran = match run_of {
            Run::Changes => run(node, options, database).await,
            Run::All { complete } => run_all(node, options, database, complete).await,
        };
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
        // An empty batch tells the server that the source is alive, and that nothing has changed.
        let batch = seamless_phs::Batch {
            v: 1,
            source: options.id,
            cursor: None,
            records: Vec::new(),
            left: 0,
            complete: None,
        };
        node.send(&batch).await?;
        return Ok(());
    }
    let (database, of) = (database.to_owned(), options.clone());
    let read = move |object| Ok(read(&database, &of, object)?.into_change());
    many::send(node, options, Work { items, cursor: Cursor::Change }, read).await.map(drop)
}

/// Sends all accounts. With `complete`, the server then removes each account of the domain that was not sent. If the
/// source left out an object, the server removes nothing. Otherwise, the server might remove the account of an object
/// that was left out.
async fn run_all(
    node: &Node,
    options: &Options,
    database: &Path,
    complete: bool,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (last, domain) = (last_change(database)?, complete.then(|| domain(database)).transpose()?);
    let items = list(database, 0)?;
    let left_out = Arc::new(AtomicUsize::new(0));
    let (database, of, count) = (database.to_owned(), options.clone(), Arc::clone(&left_out));
    let read = move |object| {
        let object = read(&database, &of, object)?;
        count.fetch_add(matches!(object, Object::LeftOut).into(), Ordering::Relaxed);
        Ok(object.into_change().map(|change| Change { usn: change.usn.max(last), ..change }))
    };
    let too_long = many::send(node, options, Work { items, cursor: Cursor::None }, read).await?;
    match domain {
        None => Ok(()),
        Some(_) if too_long > 0 || left_out.load(Ordering::Relaxed) > 0 => {
            Err("--complete: no account is removed, because some objects were left out".into())
        }
        Some(domain) => many::complete(node, options, (domain, last), None).await,
    }
}

/// Lists the users with a change after the change `after`, in the order of their last changes.
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

/// Returns the SID of the domain.
fn domain(database: &Path) -> Result<Sid, String> {
    let text = search(database, &["(objectClass=domainDNS)", "objectSid"])?;
    let mut sids = text.lines().filter_map(|line| line.strip_prefix("objectSid: ")?.trim().parse::<Sid>().ok());
    sids.find(Sid::is_domain).ok_or_else(|| "ldbsearch: no SID of the domain".into())
}

/// The result of reading an object of the list.
enum Object {
    Change(Box<Change>),
    /// The object is no user.
    NoUser,
    /// The object cannot be read.
    LeftOut,
}

impl Object {
    fn into_change(self) -> Option<Change> {
        match self {
            Self::Change(change) => Some(*change),
            Self::NoUser | Self::LeftOut => None,
        }
    }
}

/// Reads one object.
fn read(database: &Path, options: &Options, object: ObjectId) -> Result<Object, String> {
    let base = format!("<GUID={object}>");
    let head = ["--show-deleted", "--show-recycled", "-s", "base", "-b", base.as_str(), "(objectClass=*)"];
    let alternate = options.alternate.as_deref();
    let attributes = ldif::ATTRIBUTES.into_iter().chain(["isDeleted"]).chain(alternate);
    let arguments: Vec<&str> = head.into_iter().chain(attributes).collect();
    let text = search(database, &arguments)?;
    Ok(match ldif::read(&text, options.directory()) {
        Ok(change) => Object::Change(Box::new(change)),
        Err(ldif::InvalidObject::NoUser) => Object::NoUser,
        // One unreadable object must not keep the run from sending the other objects.
        Err(error) => {
            tracing::warn!(%object, "an object is left out: {error}");
            Object::LeftOut
        }
    })
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
