//! The message with the changes of many accounts, and its answer.

use crate::record::{ObjectId, Record};
use crate::rules::Refusal;
use kerberos_sso::Sid;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use thiserror::Error;

/// The changes of some accounts. A batch may come twice: then the server changes nothing the second time.
#[derive(Clone, Debug, Serialize)]
pub struct Batch {
    /// The version of the message: 1.
    pub v: u8,
    /// The directory server that numbers the changes (`invocationId`). The change numbers of two directory servers
    /// cannot be compared.
    pub source: ObjectId,
    /// The position in the source's changes after this batch. The server stores this cursor, and returns it to the
    /// source. A batch without a cursor does not change the stored cursor.
    pub cursor: Option<String>,
    /// The changes, at most one for each object.
    pub records: Vec<Record>,
    /// The number of accounts that the source has still to send, for the progress of the first synchronisation.
    pub left: u64,
    /// The domain of which the source has sent all accounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete: Option<Complete>,
}

/// With this value, the source says that it has sent all accounts of a domain. The server then removes each of the
/// domain's accounts that the source has not sent since the change `since`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Complete {
    /// The SID of the domain.
    pub domain: Sid,
    /// The smallest number of a change in the complete run of the source. The server removes each account whose last change has a
    /// smaller number.
    pub since: u64,
    /// The part of the table in which the server removes accounts, from 0 to [`PARTS`] - 1. A batch names one part
    /// only, so that the server can answer soon.
    pub part: u8,
}

/// A batch that was read: the batch with its good records, and the records that the server refuses.
#[derive(Clone, Debug)]
pub struct Received {
    /// The batch without the refused records.
    pub batch: Batch,
    /// The records that cannot be read, and all records of an object that has more than one record in the batch.
    pub refused: Vec<Refused>,
}

/// The answer to a batch. Before it answers, the server writes every record that it takes, and then the cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The number of records that the server took, plus the number of accounts that it removed because of [`Complete`].
    pub taken: u64,
    /// The records that the server did not take.
    pub refused: Vec<Refused>,
    /// The cursor that the server keeps.
    pub cursor: Option<String>,
}

/// The answer to a source that starts: the position at which its last run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// The version of the message: 1.
    pub v: u8,
    /// The directory server that numbered the changes, and the last cursor. The value is `None` before the first batch.
    pub at: Option<(ObjectId, Option<String>)>,
}

/// A record that the server did not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// The object of the record.
    pub object: ObjectId,
    /// The reason.
    pub code: Refusal,
}

/// A message that is no batch.
#[derive(Debug, Error)]
pub enum InvalidBatch {
    /// The message is too long.
    #[error("the message has {0} octets; at most {MAX_SIZE} are allowed")]
    Size(usize),
    /// The message is not the JSON of a batch. The error repeats no text of the message.
    #[error("the message is not a batch: line {line}, column {column}")]
    Json {
        /// The line of the fault.
        line: usize,
        /// The column of the fault.
        column: usize,
    },
    /// The message has another version than this server reads.
    #[error("the message has version {0}, and this server knows version 1")]
    Version(u8),
    /// The batch has too many records.
    #[error("the batch has {0} records; at most {MAX_RECORDS} are allowed")]
    Records(usize),
    /// The cursor is too long.
    #[error("the cursor has {0} octets; at most {MAX_CURSOR} are allowed")]
    Cursor(usize),
    /// The table has no part with this number.
    #[error("the table has no part {0}: its parts are from 0 to {PARTS} - 1")]
    Part(u8),
}

/// The message before its records are checked, so each record may have any form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    v: u8,
    source: ObjectId,
    cursor: Option<String>,
    records: Vec<OneOf>,
    left: u64,
    #[serde(default)]
    complete: Option<Complete>,
}

/// A record, or only the object of a record that cannot be read. So the server can take the other records of the batch.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOf {
    Record(Box<Record>),
    Unreadable { object: ObjectId },
}

impl Batch {
    /// Reads a batch, and checks all limits. If one record has a fault, only this record is refused.
    ///
    /// # Errors
    /// Returns why the message is no batch.
    pub fn parse(message: &[u8]) -> Result<Received, InvalidBatch> {
        if message.len() > MAX_SIZE {
            return Err(InvalidBatch::Size(message.len()));
        }
        let Message { v, source, cursor, records, left, complete } = serde_json::from_slice(message)
            .map_err(|error: serde_json::Error| InvalidBatch::Json { line: error.line(), column: error.column() })?;
        if v != 1 {
            return Err(InvalidBatch::Version(v));
        }
        if records.len() > MAX_RECORDS {
            return Err(InvalidBatch::Records(records.len()));
        }
        if let Some(cursor) = cursor.as_ref().filter(|cursor| cursor.len() > MAX_CURSOR) {
            return Err(InvalidBatch::Cursor(cursor.len()));
        }
        if let Some(complete) = complete.filter(|complete| complete.part >= PARTS) {
            return Err(InvalidBatch::Part(complete.part));
        }
        let (records, refused) = sorted_out(records);
        Ok(Received { batch: Self { v, source, cursor, records, left, complete }, refused })
    }
}

/// Returns the records that may be taken, and those with a fault. Two records of one object are both refused, because the result
/// would depend on their order.
fn sorted_out(received: Vec<OneOf>) -> (Vec<Record>, Vec<Refused>) {
    let mut times: HashMap<ObjectId, usize> = HashMap::new();
    for one in &received {
        let object = match one {
            OneOf::Record(record) => record.object,
            OneOf::Unreadable { object } => *object,
        };
        let count = times.entry(object).or_default();
        *count = count.saturating_add(1);
    }
    let (mut records, mut refused) = (Vec::new(), Vec::new());
    for one in received {
        let (object, fault) = match &one {
            OneOf::Record(record) if times.get(&record.object) != Some(&1) => (record.object, Some(Refusal::Twice)),
            OneOf::Record(record) => (record.object, None),
            OneOf::Unreadable { object } => (*object, Some(Refusal::Format)),
        };
        match (one, fault) {
            (_, Some(code)) => refused.push(Refused { object, code }),
            (OneOf::Record(record), None) => records.push(*record),
            (OneOf::Unreadable { .. }, None) => {}
        }
    }
    (records, refused)
}

/// The largest number of records of a batch.
pub const MAX_RECORDS: usize = 500;

/// The largest number of octets of a batch.
pub const MAX_SIZE: usize = 4 * 1024 * 1024;

/// The number of octets of records after which a source begins a new batch. With one more record of [`MAX_RECORD`] octets, a
/// batch is still shorter than [`MAX_SIZE`].
pub const FULL_SIZE: usize = 2 * 1024 * 1024;

/// The largest number of octets of a record that a source sends.
pub const MAX_RECORD: usize = 1024 * 1024;

/// The largest number of octets of a cursor.
pub const MAX_CURSOR: usize = 1024;

/// The largest number of octets of a name.
pub const MAX_NAME: usize = 1024;

/// The largest number of groups of an account. A session has no room for more groups.
pub const MAX_GROUPS: usize = 1024;

/// The number of parts of the table. [`Complete`] names one part.
pub const PARTS: u8 = 16;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::record::tests::account;

    fn batch(objects: &[u8]) -> Batch {
        let record = |object: &u8| Record { object: ObjectId([*object; 16]), usn: 7, account: Some(account("x")) };
        Batch {
            v: 1,
            source: ObjectId([9; 16]),
            cursor: Some("c".into()),
            records: objects.iter().map(record).collect(),
            left: 0,
            complete: None,
        }
    }

    fn parse(batch: &Batch) -> Result<Received, InvalidBatch> {
        Batch::parse(&serde_json::to_vec(batch).unwrap())
    }

    /// Returns the objects that are taken, and the refused objects with their codes.
    fn read(batch: &Batch) -> (Vec<u8>, Vec<(u8, Refusal)>) {
        let Received { batch, refused } = parse(batch).unwrap();
        let first = |object: ObjectId| *object.0.first().unwrap();
        let taken = batch.records.iter().map(|record| first(record.object)).collect();
        (taken, refused.iter().map(|refused| (first(refused.object), refused.code)).collect())
    }

    /// The server sends the error to the source, and writes the error to the log.
    #[test]
    fn error_of_a_message_that_is_not_a_batch_repeats_no_character_of_the_message() {
        let error = Batch::parse(b"{\n\"\x7f secret\": 1}").unwrap_err().to_string();
        assert_eq!(error, "the message is not a batch: line 2, column 10");
    }

    #[test]
    fn written_batch_is_read_back() {
        let mut sent = batch(&[1, 2]);
        sent.records.push(Record { object: ObjectId([3; 16]), usn: 9, account: None });
        for complete in [None, Some(Complete { domain: "S-1-5-21-1-2-3".parse().unwrap(), since: 5, part: 15 })] {
            sent.complete = complete;
            let read = parse(&sent).unwrap();
            assert_eq!(serde_json::to_value(&read.batch).unwrap(), serde_json::to_value(&sent).unwrap());
            assert!(read.refused.is_empty());
        }
    }

    /// Returns a batch of `count` removals.
    fn of(count: u16) -> Batch {
        let record = |number: u16| Record {
            object: ObjectId([number.to_be_bytes(); 8].as_flattened().try_into().unwrap()),
            usn: 1,
            account: None,
        };
        Batch { records: (0..count).map(record).collect(), ..batch(&[]) }
    }

    #[test]
    fn batch_beyond_a_limit_is_refused() {
        let with = |change: &dyn Fn(&mut Batch)| {
            let mut batch = batch(&[1, 2]);
            change(&mut batch);
            parse(&batch).unwrap_err().to_string()
        };
        assert!(with(&|batch| batch.v = 2).contains("version 2"));
        assert!(with(&|batch| batch.cursor = Some("c".repeat(1025))).contains("cursor has 1025"));
        let domain = "S-1-5-21-1-2-3".parse().unwrap();
        assert!(with(&|batch| batch.complete = Some(Complete { domain, since: 1, part: 16 })).contains("no part 16"));
        assert_eq!(parse(&of(500)).unwrap().batch.records.len(), 500);
        assert!(matches!(parse(&of(501)), Err(InvalidBatch::Records(501))));
        let mut longest = serde_json::to_vec(&of(1)).unwrap();
        longest.resize(MAX_SIZE, b' ');
        assert!(Batch::parse(&longest).is_ok());
        longest.push(b' ');
        assert!(matches!(Batch::parse(&longest), Err(InvalidBatch::Size(_))));
    }

    #[test]
    fn both_records_of_one_object_are_refused_and_the_others_are_taken() {
        let twice = vec![(1, Refusal::Twice), (1, Refusal::Twice)];
        assert_eq!(read(&batch(&[1, 2, 1])), (vec![2], twice));
    }

    #[test]
    fn only_the_record_that_cannot_be_read_is_refused() {
        let good = serde_json::to_string(&batch(&[1, 2])).unwrap();
        for (from, to) in [
            ("\"usn\":7", "\"usn\":-7"),
            ("\"usn\":7", "\"usn\":7,\"unicodePwd\":\"AA==\""),
            ("\"lock\":\"open\"", "\"lock\":\"shut\""),
            ("\"must_change\":false", "\"must_change\":0"),
            ("S-1-5-21-1-2-3-1105", "S-1"),
            ("PPH1_MD4", "PPH1_MD5"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from}");
            let Received { batch, refused } = Batch::parse(bad.as_bytes()).unwrap();
            assert_eq!(refused, [Refused { object: ObjectId([1; 16]), code: Refusal::Format }], "{bad}");
            assert_eq!(batch.records.len(), 1, "{bad}");
        }
    }

    #[test]
    fn unknown_or_missing_field_of_a_batch_and_a_record_without_an_object_are_refused() {
        let good = serde_json::to_string(&batch(&[1])).unwrap();
        for (from, to) in [
            ("\"v\":1", "\"v\":1,\"nt_hash\":\"\""),
            ("\"object\":\"01010101", "\"object\":\"0101010"),
            ("\"object\"", "\"objekt\""),
            (",\"left\":0", ""),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from}");
            assert!(Batch::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
