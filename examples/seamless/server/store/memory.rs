//! A store in the memory of this process. The server uses this store while Valkey cannot be reached, and in tests.

use super::{Key, MAX_ENTRIES, Pending, Store, StoreError, When, bounded};
use kerberos_sso::UnixTime;
use std::collections::HashMap;
use std::future::ready;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) struct Memory {
    clock: fn() -> UnixTime,
    max_entries: u64,
    entries: Mutex<HashMap<Key, Entry>>,
}

struct Entry {
    value: Vec<u8>,
    end: UnixTime,
}

impl Memory {
    pub(crate) fn new(clock: fn() -> UnixTime) -> Self {
        Self { clock, max_entries: MAX_ENTRIES, entries: Mutex::default() }
    }

    /// Limits the number of entries.
    pub(crate) fn with_max_entries(self, max_entries: u64) -> Self {
        Self { max_entries, ..self }
    }

    fn put(&self, key: &Key, value: Vec<u8>, end: UnixTime, when: When<'_>) -> Result<bool, StoreError> {
        let value = bounded(value)?;
        let now = (self.clock)();
        let mut entries = self.entries();
        let old = entries.get(key).filter(|entry| entry.end > now).map(|entry| entry.value.as_slice());
        if !when.applies(old) {
            return Ok(false);
        }
        if !entries.contains_key(key) && is_full(&entries, self.max_entries) {
            entries.retain(|_, entry| entry.end > now);
            if is_full(&entries, self.max_entries) {
                return Err(StoreError::Full);
            }
        }
        entries.insert(key.clone(), Entry { value, end });
        Ok(true)
    }

    fn live(&self, entry: Option<Entry>) -> Option<Vec<u8>> {
        entry.filter(|entry| entry.end > (self.clock)()).map(|entry| entry.value)
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Key, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_full(entries: &HashMap<Key, Entry>, max_entries: u64) -> bool {
    u64::try_from(entries.len()).is_ok_and(|count| count >= max_entries)
}

impl When<'_> {
    /// Returns whether the condition applies to the present value of an entry.
    pub(super) fn applies(&self, present: Option<&[u8]>) -> bool {
        match (self, present) {
            (Self::Always, _) | (Self::Absent, None) => true,
            (Self::Holds(expected), Some(present)) => *expected == present,
            (Self::Absent, Some(_)) | (Self::Holds(_), None) => false,
        }
    }
}

impl Store for Memory {
    fn get<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Vec<u8>>> {
        let now = (self.clock)();
        let value = self.entries().get(key).filter(|entry| entry.end > now).map(|entry| entry.value.clone());
        Box::pin(ready(Ok(value)))
    }

    fn put<'a>(&'a self, key: &'a Key, value: Vec<u8>, end: UnixTime, when: When<'a>) -> Pending<'a, bool> {
        Box::pin(ready(self.put(key, value, end, when)))
    }

    fn take<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Vec<u8>>> {
        let entry = self.entries().remove(key);
        Box::pin(ready(Ok(self.live(entry))))
    }
}
