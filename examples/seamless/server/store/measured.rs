//! A store that measures the time and the outcome of each operation.

use super::{Key, Pending, Store, StoreError, When};
use crate::metrics::Metrics;
use kerberos_sso::UnixTime;
use std::sync::Arc;
use std::time::Instant;

pub(crate) struct Measured {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
}

impl Measured {
    pub(crate) fn new(store: Arc<dyn Store>, metrics: Arc<Metrics>) -> Self {
        Self { store, metrics }
    }

    async fn measure<T>(&self, operation: &'static str, pending: Pending<'_, T>) -> Result<T, StoreError> {
        let began = Instant::now();
        let done = pending.await;
        let outcome = match &done {
            Ok(_) => "done",
            Err(StoreError::Unreachable(_)) => "unreachable",
            Err(StoreError::Full) => "full",
            Err(StoreError::TooLong(_)) => "too-long",
            Err(StoreError::Foreign(_)) => "foreign",
            Err(StoreError::Unconfirmed) => "unconfirmed",
            Err(StoreError::Contended) => "contended",
        };
        self.metrics.store(operation, outcome, began.elapsed());
        done
    }
}

impl Store for Measured {
    fn get<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Vec<u8>>> {
        Box::pin(self.measure("get", self.store.get(key)))
    }

    fn put<'a>(&'a self, key: &'a Key, value: Vec<u8>, end: UnixTime, when: When<'a>) -> Pending<'a, bool> {
        Box::pin(self.measure("put", self.store.put(key, value, end, when)))
    }

    fn mark<'a>(&'a self, key: &'a Key, end: UnixTime) -> Pending<'a, ()> {
        Box::pin(self.measure("mark", self.store.mark(key, end)))
    }

    fn take<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Vec<u8>>> {
        Box::pin(self.measure("take", self.store.take(key)))
    }
}
