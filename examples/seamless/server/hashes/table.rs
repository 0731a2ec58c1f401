//! The records of a tenant's accounts in the store.
//!
//! Each object has one entry, with the number of its last change. A removed account leaves its entry, so an older record cannot
//! bring it back. Each name has an entry that leads to an object. A name that an account has no longer leads to nobody, because
//! [`Table::find`] compares the name with those of the account.
//!
//! A batch is written in this order: names, records, and last the cursor. So after a crash the source sends the batch again, and
//! what was written changes nothing.

use crate::store::{Change, FOR_EVER, Key, Kind, Records, Secret, StoreError, When, open_text, seal_text};
use crate::user_name::UserName;
use kerberos_sso::UnixTime;
use seamless_phs::batch::Refused;
use seamless_phs::rules::Known;
use seamless_phs::{Account, Answer, Batch, ObjectId, Record, Refusal, Rules};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinSet;

/// The records of one tenant. Clones share the store.
#[derive(Clone)]
pub(crate) struct Table {
    tenant: Arc<str>,
    realm: Arc<str>,
    records: Records,
    /// The key of a file of its own, which seals accounts.
    pepper: Secret,
    rules: Arc<Rules>,
    /// The time after the last batch for which the verifiers decide, in hours.
    max_hours: i64,
    /// What this node last read or wrote of the source.
    latest: Arc<Mutex<Option<Synchronised>>>,
}

/// What the server knows of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Synchronised {
    /// The directory server that numbers the changes.
    pub(crate) source: ObjectId,
    /// The place in the source's changes.
    pub(crate) cursor: Option<String>,
    /// The time of the last batch, in seconds since 1970.
    pub(crate) last: i64,
    /// The number of accounts that the source had still to send then.
    pub(crate) left: u64,
    /// The number of iterations of the last verifier, with which an unknown name is derived.
    pub(crate) iterations: Option<u32>,
}

/// The entry of an object.
#[derive(Serialize, Deserialize)]
struct Kept {
    known: Known,
    /// The account, sealed with the pepper, or `None` if it was removed.
    account: Option<String>,
}

impl Table {
    pub(crate) fn new(
        (tenant, realm): (&str, &str),
        records: Records,
        pepper: Secret,
        rules: Rules,
        max_hours: i64,
    ) -> Self {
        let (tenant, realm, rules) = (tenant.into(), realm.into(), Arc::new(rules));
        Self { tenant, realm, records, pepper, rules, max_hours, latest: Arc::default() }
    }

    pub(crate) const fn max_hours(&self) -> i64 {
        self.max_hours
    }

    pub(crate) fn tenant(&self) -> &str {
        &self.tenant
    }

    /// Returns what the server knows of the source, or `None` before its first batch.
    pub(crate) async fn synchronised(&self) -> Result<Option<Synchronised>, StoreError> {
        let synchronised: Option<Synchronised> = self.records.get(&self.status_key()).await?;
        self.latest().clone_from(&synchronised);
        Ok(synchronised)
    }

    /// Returns what this node last read or wrote of the source.
    pub(crate) fn last_known(&self) -> Option<Synchronised> {
        self.latest().clone()
    }

    fn latest(&self) -> MutexGuard<'_, Option<Synchronised>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a batch. Its records are written at the same time, and its cursor after them.
    pub(crate) async fn take(&self, batch: Batch, now: UnixTime) -> Result<Answer, StoreError> {
        let Batch { source, cursor, records, left, .. } = batch;
        let before = self.synchronised().await?.filter(|before| {
            // The cursor of another directory server says nothing here.
            before.source == source || {
                tracing::warn!(
                    tenant = %self.tenant,
                    %source,
                    "another directory server numbers the changes of passwords from now on"
                );
                false
            }
        });
        let cursor = cursor.or_else(|| before.as_ref()?.cursor.clone());
        let iterations =
            records.iter().rev().find_map(|record| Some(record.account.as_ref()?.verifier.parameters().iterations()));
        let iterations = iterations.or(before.and_then(|before| before.iterations));
        let mut written = JoinSet::new();
        let (mut taken, mut refused) = (0_u64, Vec::new());
        let mut note = |object, done: Result<(), Refusal>| match done {
            Ok(()) => taken = taken.saturating_add(1),
            Err(code) => refused.push(Refused { object, code }),
        };
        for record in records {
            let (table, object) = (self.clone(), record.object);
            if written.len() >= AT_ONCE
                && let Some(done) = written.join_next().await
            {
                let (object, done) = joined(done)?;
                note(object, done);
            }
            written.spawn(async move { table.write(record, source).await.map(|done| (object, done)) });
        }
        while let Some(done) = written.join_next().await {
            let (object, done) = joined(done)?;
            note(object, done);
        }
        let status = Synchronised { source, cursor: cursor.clone(), last: now.seconds(), left, iterations };
        self.records.put(&self.status_key(), &status, FOR_EVER, When::Always).await?;
        *self.latest() = Some(status);
        refused.sort_by_key(|one: &Refused| one.object);
        Ok(Answer { taken, refused, cursor })
    }

    /// Writes one record, if the rules take it.
    async fn write(&self, record: Record, source: ObjectId) -> Result<Result<(), Refusal>, StoreError> {
        let key = self.object_key(record.object);
        let before: Option<Kept> = self.records.get(&key).await?;
        if let Err(refusal) = self.rules.check(&record, source, before.as_ref().map(|kept| kept.known)) {
            return Ok(Err(refusal));
        }
        for name in record.account.iter().flat_map(Account::names) {
            self.records.put(&self.name_key(&name), &record.object, FOR_EVER, When::Always).await?;
        }
        let sealed = record.account.as_ref().map(|account| {
            let sealed = seal_text(&self.pepper, Kind::HashRecord, account);
            sealed.ok_or(StoreError::TooLong(usize::MAX))
        });
        let (sealed, known) = (sealed.transpose()?, Known { source, usn: record.usn });
        // Another node may have written a later change meanwhile.
        let change = |kept: Option<Kept>| match self.rules.check(&record, source, kept.as_ref().map(|kept| kept.known))
        {
            Ok(()) => (Change::Put(Kept { known, account: sealed.clone() }, FOR_EVER), Ok(kept)),
            Err(refusal) => (Change::Keep, Err(refusal)),
        };
        match self.records.update(&key, change).await? {
            Ok(before) => {
                self.forget_names(before, &record).await?;
                Ok(Ok(()))
            }
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// Deletes the names that led to an object before, and lead to it no longer.
    async fn forget_names(&self, before: Option<Kept>, record: &Record) -> Result<(), StoreError> {
        let Some(before) = before.and_then(|kept| self.opened(&kept)) else { return Ok(()) };
        let now: Vec<_> = record.account.iter().flat_map(Account::names).collect();
        for name in before.names().filter(|name| !now.contains(name)) {
            let key = self.name_key(&name);
            // Another account may have the name by now.
            if self.records.get::<ObjectId>(&key).await? == Some(record.object) {
                self.records.delete(&key).await?;
            }
        }
        Ok(())
    }

    /// Returns the account that a user's name leads to.
    pub(crate) async fn find(&self, user: &UserName) -> Result<Option<Account>, StoreError> {
        for name in self.names(user) {
            let Some(object) = self.records.get::<ObjectId>(&self.name_key(&name)).await? else { continue };
            let kept: Option<Kept> = self.records.get(&self.object_key(object)).await?;
            let account = kept.and_then(|kept| self.opened(&kept));
            // The configuration may have become stricter since the record came.
            let account = account.filter(|account| self.rules.check_account(account).is_ok());
            if let Some(account) = account.filter(|account| account.names().any(|own| own == name)) {
                return Ok(Some(account));
            }
        }
        Ok(None)
    }

    /// Returns the names by which an account is looked for, in lower case. An account's name with the DNS name of its domain is a
    /// user principal name in any case (MS-ADTS section 5.1.1.1.1).
    fn names(&self, user: &UserName) -> Vec<String> {
        let account = user.clone().into_account().to_lowercase();
        match user {
            UserName::Account(_) | UserName::DownLevel { .. } => vec![account],
            UserName::Principal { name, .. } if user.leads_to(&self.realm, std::iter::empty()) => {
                vec![name.to_lowercase(), account]
            }
            UserName::Principal { name, .. } => vec![name.to_lowercase()],
        }
    }

    fn opened(&self, kept: &Kept) -> Option<Account> {
        let sealed = kept.account.as_deref()?;
        let account = open_text(&self.pepper, Kind::HashRecord, sealed);
        if account.is_none() {
            tracing::error!(
                tenant = %self.tenant,
                "an account in the store does not open with the key of password hashes; is it another key?"
            );
        }
        account
    }

    fn object_key(&self, object: ObjectId) -> Key {
        Key::new(Kind::HashRecord, &self.records.secret().name(&[b"object", self.tenant.as_bytes(), &object.0]))
    }

    fn name_key(&self, name: &str) -> Key {
        Key::new(Kind::HashName, &self.records.secret().name(&[b"name", self.tenant.as_bytes(), name.as_bytes()]))
    }

    fn status_key(&self) -> Key {
        Key::new(Kind::HashSource, &self.records.secret().name(&[b"source", self.tenant.as_bytes()]))
    }
}

/// Returns the result of a task. A task that panicked wrote nothing for sure, so the batch fails and comes again.
fn joined<T>(done: Result<Result<T, StoreError>, tokio::task::JoinError>) -> Result<T, StoreError> {
    done.map_err(|error| StoreError::Unreachable(error.to_string()))?
}

/// The number of records that are written at the same time. The disk takes the writes of one moment together.
const AT_ONCE: usize = 64;
