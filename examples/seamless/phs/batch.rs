//! The message with the changes of many accounts, and its answer.

use crate::record::{ObjectId, Record};
use crate::rules::Refusal;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The changes of some accounts. A batch may come twice: the second one changes nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// The version of the message: 1.
    pub v: u8,
    /// The directory server that numbers the changes (`invocationId`). Numbers of two servers cannot be compared.
    pub source: ObjectId,
    /// The place in the source's changes after this batch. The server keeps it and gives it back. A batch without a cursor leaves
    /// it as it is.
    pub cursor: Option<String>,
    /// The changes, of each object at most one.
    pub records: Vec<Record>,
    /// The number of accounts that the source has still to send, for the progress of the first synchronisation.
    pub left: u64,
}

/// The answer to a batch. The server has written every record that it takes, and then the cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The number of records that the server took.
    pub taken: u64,
    /// The records that the server did not take.
    pub refused: Vec<Refused>,
    /// The cursor that the server keeps.
    pub cursor: Option<String>,
}

/// Where a source was, for a source that begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// The version of the message: 1.
    pub v: u8,
    /// The directory server that numbered the changes, and the last cursor. `None` before the first batch.
    pub at: Option<(ObjectId, Option<String>)>,
}

/// A record that the server did not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    #[error("the message has {0} octets, and {MAX_SIZE} are taken")]
    Size(usize),
    /// The message is not the JSON of a batch.
    #[error("the message is no batch: {0}")]
    Json(#[from] serde_json::Error),
    /// The message has another version.
    #[error("the message has version {0}, and this server knows version 1")]
    Version(u8),
    /// The batch has too many records.
    #[error("the batch has {0} records, and {MAX_RECORDS} are taken")]
    Records(usize),
    /// The batch names an object twice, so their order would decide.
    #[error("the batch has two records of the object {0}")]
    Twice(ObjectId),
    /// The cursor is too long.
    #[error("the cursor has {0} octets, and {MAX_CURSOR} are taken")]
    Cursor(usize),
    /// A field of an account is too long.
    #[error("the record of the object {0} has a name of more than {MAX_NAME} octets, or more than {MAX_GROUPS} groups")]
    Account(ObjectId),
}

impl Batch {
    /// Reads a batch, with all its limits.
    ///
    /// # Errors
    /// Returns why the message is no batch.
    pub fn parse(message: &[u8]) -> Result<Self, InvalidBatch> {
        if message.len() > MAX_SIZE {
            return Err(InvalidBatch::Size(message.len()));
        }
        let batch: Self = serde_json::from_slice(message)?;
        batch.check()?;
        Ok(batch)
    }

    fn check(&self) -> Result<(), InvalidBatch> {
        if self.v != 1 {
            return Err(InvalidBatch::Version(self.v));
        }
        if self.records.len() > MAX_RECORDS {
            return Err(InvalidBatch::Records(self.records.len()));
        }
        if let Some(cursor) = self.cursor.as_ref().filter(|cursor| cursor.len() > MAX_CURSOR) {
            return Err(InvalidBatch::Cursor(cursor.len()));
        }
        let mut objects: Vec<_> = self.records.iter().map(|record| record.object).collect();
        objects.sort_unstable();
        if let Some(twice) = objects.windows(2).find_map(|two| two.first().filter(|first| two.last() == Some(first))) {
            return Err(InvalidBatch::Twice(*twice));
        }
        let is_long = |record: &&Record| {
            record.account.as_ref().is_some_and(|account| {
                let names =
                    [Some(&account.name), account.upn.as_ref(), account.alternate.as_ref(), account.full_name.as_ref()];
                names.into_iter().flatten().any(|name| name.len() > MAX_NAME) || account.groups.len() > MAX_GROUPS
            })
        };
        self.records.iter().find(is_long).map_or(Ok(()), |record| Err(InvalidBatch::Account(record.object)))
    }
}

/// The largest number of records of a batch.
pub const MAX_RECORDS: usize = 500;

/// The largest number of octets of a batch.
pub const MAX_SIZE: usize = 4 * 1024 * 1024;

/// The largest number of octets of a cursor.
pub const MAX_CURSOR: usize = 1024;

/// The largest number of octets of a name.
pub const MAX_NAME: usize = 1024;

/// The largest number of groups of an account. A session has no room for more.
pub const MAX_GROUPS: usize = 1024;

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
        }
    }

    fn parse(batch: &Batch) -> Result<Batch, InvalidBatch> {
        Batch::parse(&serde_json::to_vec(batch).unwrap())
    }

    #[test]
    fn batch_is_read_back() {
        let mut sent = batch(&[1, 2]);
        sent.records.push(Record { object: ObjectId([3; 16]), usn: 9, account: None });
        let read = parse(&sent).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::to_value(&sent).unwrap());
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
        assert!(with(&|batch| batch.records.push(batch.records.first().unwrap().clone())).contains("two records"));
        let of_account = |change: &dyn Fn(&mut crate::Account)| {
            with(&|batch| change(batch.records.first_mut().unwrap().account.as_mut().unwrap()))
        };
        assert!(of_account(&|account| account.name = "n".repeat(1025)).contains("more than 1024"));
        assert!(of_account(&|account| account.groups = vec![account.sid; 1025]).contains("more than 1024"));
        let many: Vec<_> = (0..501_u16)
            .map(|number| Record {
                object: ObjectId([number.to_be_bytes(); 8].as_flattened().try_into().unwrap()),
                usn: 1,
                account: None,
            })
            .collect();
        assert!(with(&|batch| batch.records.clone_from(&many)).contains("501 records"));
        assert!(matches!(Batch::parse(&vec![b' '; MAX_SIZE + 1]), Err(InvalidBatch::Size(_))));
    }

    #[test]
    fn unknown_missing_or_wrong_field_is_refused() {
        let good = serde_json::to_string(&batch(&[1])).unwrap();
        for (from, to) in [
            ("\"v\":1", "\"v\":1,\"nt_hash\":\"\""),
            ("\"usn\":7", "\"usn\":-7"),
            ("\"usn\":7", "\"usn\":7,\"unicodePwd\":\"AA==\""),
            ("\"lock\":\"open\"", "\"lock\":\"shut\""),
            ("\"must_change\":false", "\"must_change\":0"),
            ("S-1-5-21-1-2-3-1105", "S-1"),
            ("PPH1_MD4", "PPH1_MD5"),
            (",\"left\":0", ""),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from}");
            assert!(Batch::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
