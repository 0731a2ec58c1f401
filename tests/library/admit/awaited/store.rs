//! A store whose answers come late, as over a network. The tests poll these answers themselves.

use crate::common::NOW;
use kerberos_sso::replay::{Admission, AsyncReplayCache, ReplayEntry, ReplayTag};
use kerberos_sso::testing::{TestRealm, TestToken};
use kerberos_sso::{KeySet, Policy, UnixTime, Validator};
use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

/// A store whose answers are pending for `pending` polls. The store records the authenticator at poll number `takes_at`,
/// counted from zero.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) pending: usize,
    pub(crate) takes_at: usize,
    taken: Mutex<HashSet<ReplayTag>>,
}

struct Answer<'s> {
    store: &'s Store,
    tag: ReplayTag,
    polls: usize,
    admission: Admission,
}

impl AsyncReplayCache for Store {
    fn admit(&self, entry: &ReplayEntry<'_>, _: UnixTime) -> impl Future<Output = Admission> + Send {
        Answer { store: self, tag: entry.tag, polls: 0, admission: Admission::Failed }
    }
}

impl Future for Answer<'_> {
    type Output = Admission;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Admission> {
        if self.polls == self.store.takes_at {
            let is_new = self.store.taken.lock().unwrap().insert(self.tag);
            self.admission = if is_new { Admission::New } else { Admission::Seen };
        }
        self.polls += 1;
        if self.polls > self.store.pending { Poll::Ready(self.admission) } else { Poll::Pending }
    }
}

/// Returns a store for each number of pending polls below four, and for each poll at which such a store can record the
/// authenticator.
pub(crate) fn stores() -> impl Iterator<Item = Store> {
    (0..4).flat_map(|pending| (0..=pending).map(move |takes_at| Store { pending, takes_at, taken: Mutex::default() }))
}

impl Store {
    pub(crate) fn new(pending: usize, takes_at: usize) -> Self {
        Self { pending, takes_at, taken: Mutex::default() }
    }
}

/// A server whose replay cache is a [`Store`], and the realm whose tickets the server accepts.
pub(crate) struct Server {
    pub(crate) realm: TestRealm,
    pub(crate) validator: Validator<Store>,
}

impl Server {
    pub(crate) fn new(store: Store) -> Self {
        let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$");
        Self { validator: Validator::new(realm.key_set(), Policy::default(), store), realm }
    }

    pub(crate) fn good(&self) -> TestToken {
        self.realm.ticket_for("alice").at(NOW)
    }

    pub(crate) fn with_keys(self, keys: KeySet) -> Self {
        Self { validator: self.validator.with_keys(keys), ..self }
    }
}

pub(crate) fn poll<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls the future until it is ready.
pub(crate) fn finish<F: Future + ?Sized>(mut future: Pin<Box<F>>) -> F::Output {
    for _ in 0..10 {
        if let Poll::Ready(output) = poll(&mut future) {
            return output;
        }
    }
    panic!("the future is still pending")
}
