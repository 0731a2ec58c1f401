//! Sends the changes of many objects. Threads on all cores derive the verifiers, and the source sends the batches in the
//! order of the changes. The cursor of a batch is the position of its last change. If a run was killed, the next run asks the
//! server for the last cursor, and resumes there.

use super::node::Node;
use super::options::Options;
use super::progress::Progress;
use kerberos_sso::Sid;
use seamless_phs::batch::{FULL_SIZE, MAX_RECORD, MAX_RECORDS, PARTS};
use seamless_phs::source::Change;
use seamless_phs::{Batch, Complete, Record};
use std::collections::VecDeque;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, available_parallelism};
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

/// The objects that a run sends.
pub(crate) struct Work<T> {
    /// The objects, each with the number of its last change, in the order of these numbers.
    pub(crate) items: Vec<(u64, T)>,
    pub(crate) cursor: Cursor,
}

/// What the cursor of a batch says.
#[derive(Clone, Debug)]
pub(crate) enum Cursor {
    /// The batches have no cursor: a later run sends everything again.
    None,
    /// The number that the directory gave to the last change. A later run begins after this change.
    Change,
    /// The name of the input, and the number of its objects that the server has. A later run with the same input begins
    /// after these objects.
    Place { of: String, before: usize },
}

impl Cursor {
    /// Returns the cursor after a batch that ends with the change `usn`. The run has sent `sent` objects.
    fn after(&self, usn: u64, sent: usize) -> Option<String> {
        match self {
            Self::None => None,
            Self::Change => Some(usn.to_string()),
            Self::Place { of, before } => Some(format!("{of} {}", before.saturating_add(sent))),
        }
    }

    /// Returns the number of objects that an earlier run has sent.
    const fn before(&self) -> usize {
        match self {
            Self::None | Self::Change => 0,
            Self::Place { before, .. } => *before,
        }
    }
}

/// Sends all objects. Several threads call `read` to read the objects. `read` returns `None` for an object that the
/// source leaves out. Returns the number of records that are too long to send.
pub(crate) async fn send<T: Send + 'static>(
    node: &Node,
    options: &Options,
    work: Work<T>,
    read: impl Fn(T) -> Result<Option<Change>, String> + Send + Sync + 'static,
) -> Result<usize, Box<dyn Error + Send + Sync>> {
    let total = work.items.len();
    let mut progress = Progress::new(work.cursor.before(), total);
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
        let cursor = work.cursor.after(usn, sent);
        let batch = Batch { v: 1, source: options.id, cursor, records: records.records, left, complete: None };
        let answer = node.send(&batch).await?;
        progress.sent(sent, answer.taken, answer.refused.len());
    }
    progress.end();
    Ok(derived.too_long)
}

/// Lets the server remove each account of a domain that the source has not sent since the change `since`. If
/// `end` is given, it is the cursor of the last batch.
pub(crate) async fn complete(
    node: &Node,
    options: &Options,
    (domain, since): (Sid, u64),
    end: Option<&str>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut removed = 0_u64;
    for part in 0..PARTS {
        let complete = Some(Complete { domain, since, part });
        let cursor = end.filter(|_| part.checked_add(1) == Some(PARTS)).map(Into::into);
        let batch = Batch { v: 1, source: options.id, cursor, records: Vec::new(), left: 0, complete };
        removed = removed.saturating_add(node.send(&batch).await?.taken);
    }
    tracing::info!(removed, "the server has removed the accounts that the directory does not have");
    Ok(())
}

/// The records of one batch.
struct Records {
    records: Vec<Record>,
    /// The number of objects that were read for the batch, including those that were left out.
    of: usize,
}

/// The result for an object: its record, `None` if the object is left out, or the reason why it cannot be read.
type Derivation = Result<Option<Record>, String>;

/// The records that threads derive, in the order of their objects.
struct Derived {
    receiver: mpsc::Receiver<(usize, u64, Derivation)>,
    /// The records that are ready, but must wait for the records before them.
    early: VecDeque<Option<(u64, Derivation)>>,
    next: usize,
    total: usize,
    /// The number of records that are too long to send.
    too_long: usize,
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
        Self { receiver, early: VecDeque::new(), next: 0, total, too_long: 0 }
    }

    /// Waits for the records of the next batch. Returns the records and the number of the last change, or
    /// `None` after the last batch.
    fn next_batch(&mut self) -> Option<Result<(u64, Records), String>> {
        let (mut batch, mut last, mut size) = (Records { records: Vec::new(), of: 0 }, None, 0_usize);
        while batch.of < MAX_RECORDS && size < FULL_SIZE {
            let Some((usn, record)) = self.next() else { break };
            batch.of = batch.of.saturating_add(1);
            last = Some(usn);
            match record {
                Ok(Some(record)) => match size_of(&record) {
                    Some(octets) if octets <= MAX_RECORD => {
                        size = size.saturating_add(octets);
                        batch.records.push(record);
                    }
                    // A batch with this record would always be too long, and the server would never get a later change.
                    _ => {
                        self.too_long = self.too_long.saturating_add(1);
                        tracing::warn!(object = %record.object, "an object is left out: its record is too long");
                    }
                },
                Ok(None) => {}
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

/// Returns the number of octets of a record in a message.
fn size_of(record: &Record) -> Option<usize> {
    serde_json::to_vec(record).map(Zeroizing::new).ok().map(|json| json.len())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::options::Values;
    use super::*;
    use seamless_phs::ObjectId;
    use seamless_phs::batch::MAX_SIZE;
    use seamless_phs::secretsdump;

    const LINE: &str = "alice:1105:aad3b435b51404eeaad3b435b51404ee:92937945b518814341de3f726500d4ff:::";

    fn options() -> Options {
        let values = Values { iterations: Some(1000), ..Values::default() };
        Options::read(Some("object"), values, Some("dc1".into())).unwrap()
    }

    /// Makes batches of `count` changes. Returns for each batch the number of its last change and the numbers of its
    /// records.
    fn batches(
        count: u64,
        read: impl Fn(u64) -> Result<Option<Change>, String> + Send + Sync + 'static,
    ) -> Vec<Result<(u64, Vec<u64>), String>> {
        let mut derived = Derived::begin(options(), (0..count).map(|number| (number, number)).collect(), read);
        let mut batches = Vec::new();
        while let Some(batch) = derived.next_batch() {
            let is_error = batch.is_err();
            batches.push(batch.map(|(last, batch)| (last, batch.records.iter().map(|record| record.usn).collect())));
            if is_error {
                break;
            }
        }
        batches
    }

    fn removal(number: u64) -> Change {
        Change { object: ObjectId([1; 16]), usn: number, account: None }
    }

    #[test]
    fn batches_have_up_to_500_objects_in_the_order_of_the_changes() {
        for (count, expected) in
            [(0, vec![]), (1, vec![1]), (500, vec![500]), (501, vec![500, 1]), (1001, vec![500, 500, 1])]
        {
            let batches: Vec<_> =
                batches(count, |number| Ok(Some(removal(number)))).into_iter().map(Result::unwrap).collect();
            assert_eq!(batches.iter().map(|(_, records)| records.len()).collect::<Vec<_>>(), expected);
            assert_eq!(
                batches.iter().flat_map(|(_, records)| records.clone()).collect::<Vec<_>>(),
                (0..count).collect::<Vec<_>>()
            );
            assert!(batches.iter().all(|(last, records)| records.last() == Some(last)));
        }
    }

    #[test]
    fn object_that_is_left_out_moves_the_cursor_and_an_unreadable_object_does_not() {
        let left_out = batches(3, |number| Ok((number == 0).then(|| removal(number))));
        assert_eq!(left_out, [Ok((2, vec![0]))]);
        let failed = batches(3, |number| if number == 1 { Err("down".into()) } else { Ok(Some(removal(number))) });
        assert_eq!(failed, [Err("down".into())]);
    }

    #[test]
    fn batch_of_large_records_stays_below_the_limit_and_a_too_large_record_is_left_out() {
        let domain = "S-1-5-21-4294967295-4294967295-4294967295".parse().unwrap();
        let with = move |number: u64, name: usize| {
            let mut change = secretsdump::read(LINE, domain, number).unwrap().unwrap();
            let account = change.account.as_mut().unwrap();
            account.groups = vec![domain.join(u32::MAX).unwrap(); 1024];
            account.full_name = Some("n".repeat(name));
            Ok(Some(change))
        };
        let sizes: Vec<_> =
            batches(120, move |number| with(number, 10)).into_iter().map(|batch| batch.unwrap().1.len()).collect();
        assert!(sizes.len() > 2 && sizes.iter().sum::<usize>() == 120, "{sizes:?}");
        let mut derived = Derived::begin(options(), (0..120).map(|number| (number, number)).collect(), move |number| {
            with(number, 10)
        });
        while let Some(batch) = derived.next_batch() {
            assert!(serde_json::to_vec(&batch.unwrap().1.records).unwrap().len() < MAX_SIZE);
        }
        let large = batches(3, move |number| with(number, if number == 1 { MAX_RECORD } else { 1 }));
        assert_eq!(large, [Ok((2, vec![0, 2]))]);
    }

    #[test]
    fn cursor_has_the_last_change_or_the_position_in_the_input() {
        assert_eq!(Cursor::None.after(7, 500), None);
        assert_eq!(Cursor::Change.after(7, 500), Some("7".into()));
        assert_eq!(Cursor::Place { of: "x".into(), before: 1000 }.after(7, 500), Some("x 1500".into()));
    }
}
