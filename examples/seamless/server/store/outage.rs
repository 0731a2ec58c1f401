//! A store for tests. A test can make the store unreachable, or make its replicas confirm no write.

use super::{Key, Memory, Pending, Store, StoreError, When};
use kerberos_sso::UnixTime;
use std::future::ready;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) struct Outage {
    memory: Memory,
    is_away: AtomicBool,
    is_unconfirmed: AtomicBool,
}

impl Outage {
    pub(crate) fn new(clock: fn() -> UnixTime) -> Self {
        Self { memory: Memory::new(clock), is_away: AtomicBool::new(false), is_unconfirmed: AtomicBool::new(false) }
    }

    pub(crate) fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Relaxed);
    }

    pub(crate) fn set_unconfirmed(&self, is_unconfirmed: bool) {
        self.is_unconfirmed.store(is_unconfirmed, Ordering::Relaxed);
    }

    fn answer<'a, T: Send + 'a>(&'a self, answer: impl FnOnce(&'a Memory) -> Pending<'a, T>) -> Pending<'a, T> {
        if self.is_away.load(Ordering::Relaxed) {
            return Box::pin(ready(Err(StoreError::Unreachable("the test says so".into()))));
        }
        answer(&self.memory)
    }

    /// Returns the answer to a write. Returns an error if the write was done and needs a replica, but no replica confirms the
    /// write.
    fn confirmed<'a, T: Send + 'a>(
        &'a self,
        needs_replica: bool,
        pending: Pending<'a, T>,
        is_done: impl FnOnce(&T) -> bool + Send + 'a,
    ) -> Pending<'a, T> {
        Box::pin(async move {
            let answer = pending.await?;
            let is_lost = needs_replica && self.is_unconfirmed.load(Ordering::Relaxed) && is_done(&answer);
            if is_lost { Err(StoreError::Unconfirmed) } else { Ok(answer) }
        })
    }
}

impl Store for Outage {
    fn get<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Vec<u8>>> {
        self.answer(|memory| memory.get(key))
    }

    fn put<'a>(&'a self, key: &'a Key, value: Vec<u8>, end: UnixTime, when: When<'a>) -> Pending<'a, bool> {
        let put = self.answer(|memory| Store::put(memory, key, value, end, when));
        self.confirmed(key.is_of_one_use(), put, |applied| *applied)
    }

    fn mark<'a>(&'a self, key: &'a Key, end: UnixTime) -> Pending<'a, ()> {
        self.confirmed(true, self.answer(|memory| memory.mark(key, end)), |()| true)
    }

    fn take<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Vec<u8>>> {
        self.confirmed(key.is_of_one_use(), self.answer(|memory| memory.take(key)), Option::is_some)
    }
}
