//! The records of a tenant's accounts in the store.
//!
//! Each object has one entry, with the number of its last change. The entry of a removed account stays, so an older record cannot
//! restore the account. A former name of an account leads to no account, because [`Table::find`] compares the name with the
//! present names of the account.
//!
//! A batch is written in this order: list of objects, names, records, and last the cursor. So after a crash, the source sends the
//! batch again, and the records that were already written do not change.

use super::names::{self, Names, Rank, Ranked};
use super::objects::{Objects, Room};
use super::packed::Packed;
use super::sources::{Sources, Synchronised, numbering};
use crate::store::{Change, FOR_EVER, Key, Kind, Records, Secret, StoreError, open_text, seal_text};
use crate::user_name::UserName;
use kerberos_sso::{Sid, UnixTime};
use seamless_phs::batch::{Progress, Refused};
use seamless_phs::rules::Known;
use seamless_phs::{Account, Answer, Batch, Complete, ObjectId, Record, Refusal, Rules};
use seamless_pta::AgentId;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinSet;

/// The records of one tenant. Clones share the store.
#[derive(Clone)]
pub(crate) struct Table {
    tenant: Arc<str>,
    records: Records,
    names: Names,
    objects: Objects,
    sources: Sources,
    /// The key with which the server seals the accounts. The key comes from a file outside the store.
    pepper: Secret,
    rules: Arc<Rules>,
    /// The number of hours after the last batch during which the verifiers may decide.
    max_hours: i64,
    /// The status of the synchronisation that this node last read or wrote.
    latest: Arc<Mutex<Option<Synchronised>>>,
    /// Lets this node take one batch of the tenant at a time. So simultaneous batches cannot exceed the limit of
    /// objects.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// The limits that the configuration sets for a tenant's table.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// The number of hours after the last batch during which the verifiers may decide.
    pub(crate) max_hours: i64,
    /// The largest number of objects, including removed objects.
    pub(crate) max_accounts: u64,
}

/// The sender of a batch.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) agent: AgentId,
    /// The domains whose accounts another source sends.
    pub(crate) of_others: Vec<Sid>,
}

/// A batch that is being taken.
struct Taking {
    numbering: ObjectId,
    of_others: Vec<Sid>,
    room: Room,
}

/// The store's entry for one object of the directory.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// The last change of the object. Its field `source` has the [`numbering`].
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
        limits: Limits,
    ) -> Self {
        let tenant: Arc<str> = tenant.into();
        Self {
            names: Names::new(Arc::clone(&tenant), realm.into(), records.clone()),
            objects: Objects::new(Arc::clone(&tenant), records.clone(), limits.max_accounts),
            sources: Sources::new(Arc::clone(&tenant), records.clone()),
            tenant,
            records,
            pepper,
            rules: Arc::new(rules),
            max_hours: limits.max_hours,
            latest: Arc::default(),
            turn: Arc::default(),
        }
    }

    pub(crate) const fn max_hours(&self) -> i64 {
        self.max_hours
    }

    pub(crate) fn tenant(&self) -> &str {
        &self.tenant
    }

    /// Returns the domains whose accounts the table takes.
    pub(crate) fn domains(&self) -> &[Sid] {
        &self.rules.domains
    }

    /// Returns the agent that sends the accounts of a domain.
    pub(crate) async fn owner(&self, domain: Sid) -> Result<Option<AgentId>, StoreError> {
        self.sources.owner(domain).await
    }

    /// Makes an agent the source of a domain in place of `before`. Returns the agent that is now the source.
    pub(crate) async fn set_owner(
        &self,
        domain: Sid,
        before: Option<AgentId>,
        agent: AgentId,
    ) -> Result<AgentId, StoreError> {
        self.sources.set_owner(domain, before, agent).await
    }

    /// Returns the position of an agent in the changes of a directory server. With `None`, the newest position for any directory
    /// server is returned.
    pub(crate) async fn progress(&self, agent: AgentId, source: Option<ObjectId>) -> Result<Progress, StoreError> {
        let at = self.sources.cursor(agent, source).await?;
        Ok(Progress { v: 1, at: at.map(|(source, cursor)| (source, Some(cursor))) })
    }

    /// Returns the facts about the tenant's last batch, or `None` before the first batch.
    pub(crate) async fn synchronised(&self) -> Result<Option<Synchronised>, StoreError> {
        let synchronised = self.sources.synchronised().await?;
        self.latest().clone_from(&synchronised);
        Ok(synchronised)
    }

    /// Returns the status of the synchronisation that this node last read or wrote.
    pub(crate) fn last_known(&self) -> Option<Synchronised> {
        self.latest().clone()
    }

    fn latest(&self) -> MutexGuard<'_, Option<Synchronised>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the records of a batch, several at the same time, and then the cursor of the batch.
    pub(crate) async fn take(&self, batch: Batch, from: &Sender, now: UnixTime) -> Result<Answer, StoreError> {
        let _turn = self.turn.lock().await;
        let Batch { source, cursor, records, left, complete, .. } = batch;
        let iterations =
            records.iter().rev().find_map(|record| Some(record.account.as_ref()?.verifier.parameters().iterations()));
        let before = self.synchronised().await?;
        let iterations = iterations.or(before.and_then(|before| before.iterations));
        let taking = Arc::new(Taking {
            numbering: numbering(from.agent, source),
            of_others: from.of_others.clone(),
            room: Room::default(),
        });
        let (mut taken, mut refused) = (0_u64, Vec::new());
        let writes = records.into_iter().map(|record| {
            let (table, taking, object) = (self.clone(), Arc::clone(&taking), record.object);
            async move { table.write(record, &taking).await.map(|done| (object, done)) }
        });
        for (object, done) in at_once(writes).await? {
            match done {
                Ok(()) => taken = taken.saturating_add(1),
                Err(code) => refused.push(Refused { object, code }),
            }
        }
        if let Some(complete) = complete {
            taken = taken.saturating_add(self.remove_others(complete, &taking).await?);
        }
        if let Some(cursor) = &cursor {
            self.sources.set_cursor(from.agent, source, cursor).await?;
        }
        let status = Synchronised { agent: from.agent, last: now.seconds(), left, iterations };
        self.sources.set_synchronised(&status).await?;
        *self.latest() = Some(status);
        refused.sort_by_key(|one: &Refused| one.object);
        let cursor = match cursor {
            Some(cursor) => Some(cursor),
            None => self.sources.cursor(from.agent, Some(source)).await?.map(|(_, cursor)| cursor),
        };
        Ok(Answer { taken, refused, cursor })
    }

    /// Writes one record, if the rules allow it. If the rules refuse a later record of a known object, the server
    /// removes the account that it has for this object, because the old password may no longer be valid.
    async fn write(&self, record: Record, taking: &Taking) -> Result<Result<(), Refusal>, StoreError> {
        let key = self.object_key(record.object);
        let before: Option<Kept> = self.records.get(&key).await?;
        let account_before = before.as_ref().and_then(|kept| self.opened(kept));
        let domains = [&account_before, &record.account].map(|account| account.as_ref()?.sid.domain());
        if domains.into_iter().flatten().any(|domain| taking.of_others.contains(&domain)) {
            return Ok(Err(Refusal::OtherSource));
        }
        let known = before.as_ref().map(|kept| kept.known);
        match self.rules.check(&record, taking.numbering, known) {
            Ok(()) => {}
            Err(refusal @ (Refusal::Older | Refusal::UnknownObject)) => return Ok(Err(refusal)),
            Err(refusal) => {
                if known.is_some() {
                    self.remove(&record, account_before.as_ref(), taking).await?;
                }
                return Ok(Err(refusal));
            }
        }
        let has_room = self.objects.add(record.object, &taking.room).await?;
        if !has_room && known.is_none() {
            return Ok(Err(Refusal::Full));
        }
        for name in record.account.iter().flat_map(names::of_account) {
            self.names.claim(&name, record.object).await?;
        }
        match self.put(&record, account_before.as_ref(), taking).await {
            // The store would refuse the record every time. So the server refuses the record, and takes the rest of the
            // batch.
            Err(StoreError::TooLong(_)) => {
                self.forget_names(record.account.as_ref(), None, record.object).await?;
                if known.is_some() {
                    self.remove(&record, account_before.as_ref(), taking).await?;
                }
                Ok(Err(Refusal::TooLarge))
            }
            done => done,
        }
    }

    /// Removes the stored account of a record's object, and does not store the account in the record.
    async fn remove(&self, record: &Record, before: Option<&Account>, taking: &Taking) -> Result<(), StoreError> {
        let gone = Record { object: record.object, usn: record.usn, account: None };
        self.put(&gone, before, taking).await.map(drop)
    }

    /// Writes the entry of an object, unless another node has written a later change meanwhile.
    async fn put(
        &self,
        record: &Record,
        before: Option<&Account>,
        taking: &Taking,
    ) -> Result<Result<(), Refusal>, StoreError> {
        let sealed = record.account.as_ref().map(|account| {
            let sealed = seal_text(&self.pepper, Kind::HashRecord, &Packed::new(account));
            sealed.ok_or(StoreError::TooLong(usize::MAX))
        });
        let (sealed, known) = (sealed.transpose()?, Known { source: taking.numbering, usn: record.usn });
        let change = |kept: Option<Kept>| {
            let present = kept.as_ref().map(|kept| kept.known);
            match self.rules.check(record, taking.numbering, present) {
                Ok(()) => (Change::Put(Kept { known, account: sealed.clone() }, FOR_EVER), Ok(())),
                Err(refusal) => (Change::Keep, Err(refusal)),
            }
        };
        let done = self.records.update(&self.object_key(record.object), change).await?;
        if done.is_ok() {
            self.forget_names(before, record.account.as_ref(), record.object).await?;
        }
        Ok(done)
    }

    /// Gives up the names that an account had before and no longer has.
    async fn forget_names(
        &self,
        before: Option<&Account>,
        now: Option<&Account>,
        object: ObjectId,
    ) -> Result<(), StoreError> {
        let now: Vec<Ranked> = now.into_iter().flat_map(names::of_account).collect();
        for name in before.into_iter().flat_map(names::of_account).filter(|name| !now.contains(name)) {
            self.names.give_up(&name, object).await?;
        }
        Ok(())
    }

    /// Removes each of a domain's accounts that the source has not sent. Returns the number of removed accounts.
    async fn remove_others(&self, complete: Complete, taking: &Arc<Taking>) -> Result<u64, StoreError> {
        if taking.of_others.contains(&complete.domain) {
            return Ok(0);
        }
        let objects = self.objects.part(complete.part).await?;
        let removals = objects.into_iter().map(|object| {
            let (table, taking) = (self.clone(), Arc::clone(taking));
            async move { table.remove_unless_sent(object, complete, &taking).await }
        });
        let removed = at_once(removals).await?.into_iter().filter(|is_removed| *is_removed).count();
        if removed > 0 {
            tracing::warn!(tenant = %self.tenant, domain = %complete.domain, removed, "removed accounts that the source has not sent");
        }
        Ok(u64::try_from(removed).unwrap_or(u64::MAX))
    }

    async fn remove_unless_sent(
        &self,
        object: ObjectId,
        complete: Complete,
        taking: &Taking,
    ) -> Result<bool, StoreError> {
        let Some(kept) = self.records.get::<Kept>(&self.object_key(object)).await? else { return Ok(false) };
        let is_sent = kept.known.source == taking.numbering && kept.known.usn >= complete.since;
        let account = self.opened(&kept).filter(|account| account.sid.domain() == Some(complete.domain));
        let Some(account) = account.filter(|_| !is_sent) else { return Ok(false) };
        let gone = Record { object, usn: complete.since, account: None };
        Ok(self.put(&gone, Some(&account), taking).await?.is_ok())
    }

    /// Returns the account that a user's name leads to. A principal name or an alternate name of several accounts leads to no
    /// account.
    pub(crate) async fn find(&self, user: &UserName) -> Result<Option<Account>, StoreError> {
        for name in self.names.of_user(user) {
            let mut found: Option<Account> = None;
            for object in self.names.claimants(&name).await?.into_iter().rev() {
                let kept: Option<Kept> = self.records.get(&self.object_key(object)).await?;
                let account = kept.and_then(|kept| self.opened(&kept));
                // The configuration may have become stricter since the record came.
                let account = account.filter(|account| self.rules.check_account(account).is_ok());
                let Some(account) = account.filter(|account| names::of_account(account).contains(&name)) else {
                    continue;
                };
                match &found {
                    None => found = Some(account),
                    // A domain has each account name only once, so the newest claim is right.
                    Some(other) if other.sid == account.sid || name.0 == Rank::Account => {}
                    Some(_) => {
                        tracing::warn!(tenant = %self.tenant, "a name that a user typed is of several accounts, so it signs nobody in");
                        return Ok(None);
                    }
                }
            }
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn opened(&self, kept: &Kept) -> Option<Account> {
        let sealed = kept.account.as_deref()?;
        let account = open_text(&self.pepper, Kind::HashRecord, sealed).map(Packed::unpacked);
        if account.is_none() {
            tracing::error!(
                tenant = %self.tenant,
                "an account in the store does not open with the key of password hashes; has the key changed?"
            );
        }
        account
    }

    fn object_key(&self, object: ObjectId) -> Key {
        Key::new(Kind::HashRecord, &self.records.secret().name(&[b"object", self.tenant.as_bytes(), &object.0]))
    }
}

/// Runs tasks on the store, several at the same time, and returns their results. After an error, the batch fails, and the source
/// sends it again.
async fn at_once<T: Send + 'static>(
    tasks: impl Iterator<Item = impl Future<Output = Result<T, StoreError>> + Send + 'static>,
) -> Result<Vec<T>, StoreError> {
    let (mut running, mut done) = (JoinSet::new(), Vec::new());
    for task in tasks {
        if running.len() >= AT_ONCE
            && let Some(one) = running.join_next().await
        {
            done.push(joined(one)?);
        }
        running.spawn(task);
    }
    while let Some(one) = running.join_next().await {
        done.push(joined(one)?);
    }
    Ok(done)
}

/// Returns the result of a task. A task that panicked may not have written its record, so the batch fails, and the source sends
/// it again.
fn joined<T>(done: Result<Result<T, StoreError>, tokio::task::JoinError>) -> Result<T, StoreError> {
    done.map_err(|error| StoreError::Unreachable(error.to_string()))?
}

/// The number of records that are written at the same time. The store writes simultaneous changes to the disk together.
const AT_ONCE: usize = 64;
