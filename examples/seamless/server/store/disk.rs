//! A store in one file of this machine, by redb. Only one process uses the file at a time.
//!
//! One thread does all writes. The thread collects the operations that wait, does these operations in one transaction, and
//! waits until the disk has the transaction. Then the thread answers the callers. So simultaneous operations share the
//! cost of one `fsync`. After a `kill -9` or a power loss, the file has the effect of every operation that was
//! answered.
//!
//! A read runs on the caller's thread. The read does not wait for the writing thread, and the file is small enough to
//! be in memory. A task of `spawn_blocking` would take longer than the read.

use super::{Key, MAX_ENTRIES, Pending, Store, StoreError, When, bounded};
use kerberos_sso::UnixTime;
use redb::{
    Builder, Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _, Table,
    TableDefinition,
};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

pub(crate) struct Disk {
    database: Arc<Database>,
    writes: mpsc::Sender<Write>,
    clock: fn() -> UnixTime,
}

/// An operation that waits for the writing thread.
struct Write {
    key: Key,
    operation: Operation,
    answer: oneshot::Sender<Result<Answer, StoreError>>,
}

enum Operation {
    Put { value: Vec<u8>, end: u64, when: Condition },
    Take,
}

/// A [`When`] that owns its value.
enum Condition {
    Always,
    Absent,
    Holds(Vec<u8>),
}

enum Answer {
    Put(bool),
    Taken(Option<Vec<u8>>),
}

/// The end and the value of each entry.
const ENTRIES: TableDefinition<'_, &[u8], (u64, &[u8])> = TableDefinition::new("entries");

/// The ends of all entries. In this table, the writing thread finds the entries that have ended.
const ENDS: TableDefinition<'_, (u64, &[u8]), ()> = TableDefinition::new("ends");

impl Disk {
    /// Opens the file, or makes a new file, in a folder that only this user can read.
    pub(crate) fn open(path: &Path, clock: fn() -> UnixTime) -> Result<Self, String> {
        let in_file = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        make_private(path).map_err(|error| in_file(&error))?;
        let database = Builder::new().set_cache_size(CACHE_SIZE).create(path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => in_file(
                &"another process uses this file; stop the process, or use another folder (--state, `state.directory`)",
            ),
            DatabaseError::UpgradeRequired(_) | DatabaseError::Storage(redb::StorageError::Corrupted(_)) => in_file(
                &format!("{error}; if you delete this file, all users sign in again and the server makes new keys"),
            ),
            error => in_file(&error),
        })?;
        make_tables(&database).map_err(|error| in_file(&error))?;
        let database = Arc::new(database);
        let (writes, waiting) = mpsc::channel(MAX_WAITING);
        let state = Writer { database: Arc::clone(&database), clock };
        let thread = std::thread::Builder::new().name("state".into());
        thread.spawn(move || state.run(waiting)).map_err(|error| in_file(&error))?;
        Ok(Self { database, writes, clock })
    }

    async fn write(&self, key: &Key, operation: Operation) -> Result<Answer, StoreError> {
        let (answer, answered) = oneshot::channel();
        let stopped = || StoreError::Unreachable("its writing thread has ended".into());
        self.writes.send(Write { key: key.clone(), operation, answer }).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }

    fn read(&self, key: &Key) -> Result<Option<Vec<u8>>, redb::Error> {
        let entries = self.database.begin_read()?.open_table(ENTRIES)?;
        let now = seconds((self.clock)());
        let Some(entry) = entries.get(key.as_bytes())? else { return Ok(None) };
        let (end, value) = entry.value();
        Ok((end > now).then(|| value.to_vec()))
    }
}

fn failed(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Unreachable(error.into().to_string())
}

impl Store for Disk {
    fn get<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Vec<u8>>> {
        Box::pin(async { self.read(key).map_err(failed) })
    }

    fn put<'a>(&'a self, key: &'a Key, value: Vec<u8>, end: UnixTime, when: When<'a>) -> Pending<'a, bool> {
        let when = match when {
            When::Always => Condition::Always,
            When::Absent => Condition::Absent,
            When::Holds(value) => Condition::Holds(value.to_vec()),
        };
        Box::pin(async move {
            let operation = Operation::Put { value: bounded(value)?, end: seconds(end), when };
            Ok(matches!(self.write(key, operation).await?, Answer::Put(true)))
        })
    }

    fn take<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Vec<u8>>> {
        Box::pin(async {
            match self.write(key, Operation::Take).await? {
                Answer::Taken(value) => Ok(value),
                Answer::Put(_) => Ok(None),
            }
        })
    }
}

/// The writing thread.
struct Writer {
    database: Arc<Database>,
    clock: fn() -> UnixTime,
}

impl Writer {
    /// Does the operations until the store is dropped.
    fn run(&self, mut waiting: mpsc::Receiver<Write>) {
        let mut batch = Vec::new();
        while waiting.blocking_recv_many(&mut batch, MAX_WAITING) > 0 {
            let done = self.transaction(&batch);
            let mut answers = done.unwrap_or_default().into_iter();
            for write in batch.drain(..) {
                let lost = || Err(StoreError::Unreachable("the file could not be written; the log says why".into()));
                // Sending fails if the caller no longer waits, because its client closed the connection. The error does
                // not matter.
                let _ = write.answer.send(answers.next().unwrap_or_else(lost));
            }
        }
    }

    /// Does the operations in one transaction. If the transaction fails, the file stays as it was.
    fn transaction(&self, batch: &[Write]) -> Option<Vec<Result<Answer, StoreError>>> {
        let done = self.try_transaction(batch);
        if let Err(error) = &done {
            tracing::error!("the state could not be written: {error}");
        }
        done.ok()
    }

    fn try_transaction(&self, batch: &[Write]) -> Result<Vec<Result<Answer, StoreError>>, redb::Error> {
        let now = seconds((self.clock)());
        let transaction = self.database.begin_write()?;
        let answers = {
            let mut tables = Tables { entries: transaction.open_table(ENTRIES)?, ends: transaction.open_table(ENDS)? };
            tables.drop_ended(now, batch.len().saturating_mul(2).saturating_add(DROPPED_AT_ONCE))?;
            batch.iter().map(|write| tables.do_one(write, now)).collect::<Result<Vec<_>, _>>()?
        };
        transaction.commit()?;
        Ok(answers)
    }
}

struct Tables<'t> {
    entries: Table<'t, &'static [u8], (u64, &'static [u8])>,
    ends: Table<'t, (u64, &'static [u8]), ()>,
}

impl Tables<'_> {
    fn do_one(&mut self, write: &Write, now: u64) -> Result<Result<Answer, StoreError>, redb::Error> {
        let key = write.key.as_bytes();
        let old = self.entries.get(key)?.map(|entry| (entry.value().0, entry.value().1.to_vec()));
        let present = old.as_ref().filter(|(end, _)| *end > now).map(|(_, value)| value.as_slice());
        match &write.operation {
            Operation::Put { value, end, when } => {
                if !when.as_when().applies(present) {
                    return Ok(Ok(Answer::Put(false)));
                }
                if old.is_none() && self.entries.len()? >= MAX_ENTRIES {
                    return Ok(Err(StoreError::Full));
                }
                if let Some((old_end, _)) = &old {
                    self.ends.remove((*old_end, key))?;
                }
                self.entries.insert(key, (*end, value.as_slice()))?;
                self.ends.insert((*end, key), ())?;
                Ok(Ok(Answer::Put(true)))
            }
            Operation::Take => {
                if let Some((old_end, _)) = &old {
                    self.ends.remove((*old_end, key))?;
                    self.entries.remove(key)?;
                }
                Ok(Ok(Answer::Taken(present.map(<[u8]>::to_vec))))
            }
        }
    }

    /// Deletes up to `most` entries that have ended. A transaction can delete more entries than the transaction writes,
    /// so the file does not grow with old entries.
    fn drop_ended(&mut self, now: u64, most: usize) -> Result<(), redb::Error> {
        let no_key: &[u8] = &[];
        let ended = self.ends.range(..(now.saturating_add(1), no_key))?.take(most);
        let ended = ended.map(|entry| entry.map(|(key, _)| (key.value().0, key.value().1.to_vec())));
        for (end, key) in ended.collect::<Result<Vec<_>, _>>()? {
            self.ends.remove((end, key.as_slice()))?;
            self.entries.remove(key.as_slice())?;
        }
        Ok(())
    }
}

impl Condition {
    fn as_when(&self) -> When<'_> {
        match self {
            Self::Always => When::Always,
            Self::Absent => When::Absent,
            Self::Holds(value) => When::Holds(value),
        }
    }
}

fn make_tables(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(ENTRIES)?;
    transaction.open_table(ENDS)?;
    Ok(transaction.commit()?)
}

/// Makes the file, and its folder, so that only this user can read them. A folder that exists keeps its mode.
fn make_private(path: &Path) -> io::Result<()> {
    let (mut folder, mut file) = (fs::DirBuilder::new(), fs::OpenOptions::new());
    folder.recursive(true);
    file.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        folder.mode(0o700);
        file.mode(0o600);
    }
    path.parent().map_or(Ok(()), |parent| folder.create(parent))?;
    file.open(path).map(drop)
}

/// Returns the seconds since 1970, or 0 for a time before 1970.
fn seconds(time: UnixTime) -> u64 {
    u64::try_from(time.seconds()).unwrap_or_default()
}

/// The memory for pages of the file, in octets.
const CACHE_SIZE: usize = 64 * 1024 * 1024;

/// The largest number of operations that wait, and of operations in one transaction.
const MAX_WAITING: usize = 1024;

/// The number of ended entries that each transaction may delete, in addition to two for each operation of the
/// transaction.
const DROPPED_AT_ONCE: usize = 64;
