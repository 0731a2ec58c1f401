//! Sends the changes of many objects: all processors derive, and the batches go out in the order of the changes. The cursor of a
//! batch is the number of its last change. So a run that was killed goes on where the server is.

use super::node::Node;
use super::options::Options;
use super::progress::Progress;
use seamless_phs::batch::MAX_RECORDS;
use seamless_phs::source::Change;
use seamless_phs::{Batch, Record};
use std::collections::VecDeque;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, available_parallelism};
use tokio::task::spawn_blocking;

/// The objects that a run sends.
pub(crate) struct Work<T> {
    /// The objects, each with the number of its last change, in the order of these numbers.
    pub(crate) items: Vec<(u64, T)>,
    /// Whether the numbers are those of the directory, so that a later run can begin after the last one.
    pub(crate) has_cursor: bool,
}

/// Sends all objects. `read` reads an object, on several threads; `None` is an object that is left out.
pub(crate) async fn send<T: Send + 'static>(
    node: &Node,
    options: &Options,
    work: Work<T>,
    read: impl Fn(T) -> Result<Option<Change>, String> + Send + Sync + 'static,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let total = work.items.len();
    let mut progress = Progress::new(total);
    let mut derived = Derived::begin(options.clone(), work.items, read);
    let mut sent = 0_usize;
    loop {
        let (back, next) = spawn_blocking(move || {
            let next = derived.next_batch();
            (derived, next)
        })
        .await?;
        derived = back;
        let Some((usn, records)) = next.transpose()? else { break };
        sent = sent.saturating_add(records.of);
        let left = u64::try_from(total.saturating_sub(sent))?;
        let cursor = work.has_cursor.then(|| usn.to_string());
        let batch = Batch { v: 1, source: options.id, cursor, records: records.records, left };
        let answer = node.send(&batch).await?;
        progress.sent(sent, answer.taken, answer.refused.len());
    }
    progress.end();
    Ok(())
}

/// The records of one batch.
struct Records {
    records: Vec<Record>,
    /// The number of objects that were read for it, with those that were left out.
    of: usize,
}

/// What became of an object: its record, `None` for an object that is left out, or why it cannot be read.
type Derivation = Result<Option<Record>, String>;

/// The records that threads derive, in the order of their objects.
struct Derived {
    receiver: mpsc::Receiver<(usize, u64, Derivation)>,
    /// The records that came before their turn.
    early: VecDeque<Option<(u64, Derivation)>>,
    next: usize,
    total: usize,
}

impl Derived {
    fn begin<T: Send + 'static>(
        options: Options,
        items: Vec<(u64, T)>,
        read: impl Fn(T) -> Result<Option<Change>, String> + Send + Sync + 'static,
    ) -> Self {
        let total = items.len();
        let items = Arc::new(Mutex::new(items.into_iter().enumerate()));
        let (read, options) = (Arc::new(read), Arc::new(options));
        // The bound keeps the threads from running far ahead of a slow server.
        let (sender, receiver) = mpsc::sync_channel(MAX_RECORDS);
        for _ in 0..available_parallelism().map_or(1, usize::from) {
            let (items, read, options, sender) =
                (Arc::clone(&items), Arc::clone(&read), Arc::clone(&options), sender.clone());
            thread::spawn(move || {
                loop {
                    let next = items.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((at, (usn, item))) = next else { return };
                    let record = read(item).and_then(|change| {
                        let parameters = options.parameters().map_err(|error| error.to_string())?;
                        Ok(change.map(|change| change.derive(parameters)))
                    });
                    if sender.send((at, usn, record)).is_err() {
                        return;
                    }
                }
            });
        }
        Self { receiver, early: VecDeque::new(), next: 0, total }
    }

    /// Waits for the records of the next batch. Returns the number of its last change, or `None` after the last batch.
    fn next_batch(&mut self) -> Option<Result<(u64, Records), String>> {
        let (mut batch, mut last) = (Records { records: Vec::new(), of: 0 }, None);
        while batch.records.len() < MAX_RECORDS && batch.of < MAX_RECORDS {
            let Some((usn, record)) = self.next() else { break };
            batch.of = batch.of.saturating_add(1);
            last = Some(usn);
            match record {
                Ok(record) => batch.records.extend(record),
                Err(error) => return Some(Err(error)),
            }
        }
        last.map(|usn| Ok((usn, batch)))
    }

    fn next(&mut self) -> Option<(u64, Derivation)> {
        if self.next >= self.total {
            return None;
        }
        while self.early.front().is_none_or(Option::is_none) {
            let (at, usn, record) = self.receiver.recv().ok()?;
            let place = at.saturating_sub(self.next);
            if self.early.len() <= place {
                self.early.resize_with(place.saturating_add(1), || None);
            }
            if let Some(slot) = self.early.get_mut(place) {
                *slot = Some((usn, record));
            }
        }
        self.next = self.next.saturating_add(1);
        self.early.pop_front().flatten()
    }
}
