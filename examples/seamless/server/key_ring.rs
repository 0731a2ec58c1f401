//! Keys that the server makes for itself. All nodes have the same keys. The keys survive a restart, and the server
//! replaces each key after some time (`period`).
//!
//! The ring of keys is one value in the store. The server writes a new key some time before the first use of the key
//! (`ahead`). So all nodes and all receivers of the key set know the key at its first use. An old key verifies tokens until
//! every token that it signed has ended (`overlap`).

use crate::store::{Entry, FOR_EVER, Key, Kind, Records, StoreError};
use kerberos_sso::UnixTime;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

/// A key that the server makes and keeps in the store.
pub(crate) trait RingKey: Sized + Send + Sync + 'static {
    /// The name of the ring in the store.
    const NAME: &'static str;
    const PLAN: Plan;

    /// Makes a new key in its text form. Making a key may take a second.
    fn make() -> Zeroizing<String>;

    /// Reads the text form.
    fn read(text: &str) -> Option<Self>;
}

/// The times of a key, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// The time from the first use of a key to the first use of the next key.
    pub(crate) period: i64,
    /// The time from the making of a key to its first use.
    pub(crate) ahead: i64,
    /// The time for which an old key stays valid after the first use of the next key.
    pub(crate) overlap: i64,
}

/// The keys of one purpose, in the store and in the memory of this node.
pub(crate) struct KeyRing<K> {
    records: Records,
    /// The entry of the ring in the store.
    entry: Key,
    known: RwLock<Option<Known<K>>>,
    /// Only one request at a time asks the store for the keys.
    asking: Mutex<()>,
}

struct Known<K> {
    keys: Keys<K>,
    /// The same keys, as the store has them. This node writes these keys again if the store loses its data.
    stored: Vec<Stored>,
    read_at: UnixTime,
}

/// The keys of a ring, as this node read them at one time. The first key is the oldest.
pub(crate) struct Keys<K>(Arc<[Dated<K>]>);

struct Dated<K> {
    /// The time of the first use.
    from: UnixTime,
    key: K,
}

/// A key as the store has it.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    from: i64,
    key: Zeroizing<String>,
}

impl<K: RingKey> KeyRing<K> {
    /// Returns the ring that all tenants share.
    pub(crate) fn new(records: Records) -> Self {
        Self::at(Key::new(Kind::Keys, K::NAME.as_bytes()), records)
    }

    /// Returns the ring of one tenant.
    pub(crate) fn of_tenant(records: Records, tenant: &str) -> Self {
        let name = records.secret().name(&[K::NAME.as_bytes(), tenant.as_bytes()]);
        Self::at(Key::new(Kind::Keys, &name), records)
    }

    const fn at(entry: Key, records: Records) -> Self {
        Self { records, entry, known: RwLock::new(None), asking: Mutex::const_new(()) }
    }

    /// Returns the keys. The ring asks the store at most once in [`READ_EVERY`] seconds. While the store cannot be
    /// reached, the ring returns the keys that this node read last.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked and this node has no keys yet.
    pub(crate) async fn keys(&self, now: UnixTime) -> Result<Keys<K>, StoreError> {
        if let Some(keys) = self.known_at(now) {
            return Ok(keys);
        }
        let _asking = self.asking.lock().await;
        if let Some(keys) = self.known_at(now) {
            return Ok(keys);
        }
        let read = self.read(now).await.and_then(|stored| Ok((Keys::of(&stored)?, stored)));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let (keys, stored) = match (read, &*known) {
            (Ok(read), _) => read,
            (Err(error), Some(known)) => {
                tracing::error!("the key ring {} cannot be read, so its last keys stay in use: {error}", K::NAME);
                (known.keys.clone(), known.stored.clone())
            }
            (Err(error), None) => return Err(error),
        };
        *known = Some(Known { keys: keys.clone(), stored, read_at: now });
        Ok(keys)
    }

    /// Returns the keys that this node read last.
    fn last_read(&self) -> Vec<Stored> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().map(|known| known.stored.clone()).unwrap_or_default()
    }

    /// Returns the time of the first use of the current key.
    pub(crate) fn current_since(&self, now: UnixTime) -> Option<UnixTime> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().and_then(|known| known.keys.dated(now)).map(|current| current.from)
    }

    /// Returns whether this node has keys.
    pub(crate) fn is_known(&self) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn known_at(&self, now: UnixTime) -> Option<Keys<K>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let is_new = |known: &&Known<K>| (0..READ_EVERY).contains(&now.seconds_since(known.read_at));
        known.as_ref().filter(is_new).map(|known| known.keys.clone())
    }

    /// Reads the ring from the store, and adds a key if the newest key will soon be replaced. If the store lost the
    /// ring, this node writes the keys that it read last.
    async fn read(&self, now: UnixTime) -> Result<Vec<Stored>, StoreError> {
        let key = &self.entry;
        let mut made = None;
        for _ in 0..MAX_TRIES {
            let old: Entry<Vec<Stored>> = self.records.entry(key).await?;
            if old.is_foreign() {
                return Err(StoreError::Foreign(K::NAME));
            }
            let stored = old.value.clone().unwrap_or_else(|| self.last_read());
            if !K::PLAN.needs_key(&stored, now) {
                if old.value.is_some() || self.records.replace(key, &old, &stored, FOR_EVER).await? {
                    return Ok(stored);
                }
                continue;
            }
            let new = match made.take() {
                Some(new) => new,
                None => spawn_blocking(K::make).await.map_err(|_| StoreError::Unreachable("no key was made".into()))?,
            };
            let next = K::PLAN.with_key(stored, new.clone(), now);
            if self.records.replace(key, &old, &next, FOR_EVER).await? {
                tracing::info!(ring = K::NAME, keys = next.len(), "the server made a new key");
                return Ok(next);
            }
            made = Some(new);
        }
        Err(StoreError::Contended)
    }
}

impl Plan {
    fn needs_key(&self, stored: &[Stored], now: UnixTime) -> bool {
        let next = |last: &Stored| last.from.saturating_add(self.period).saturating_sub(self.ahead);
        stored.last().is_none_or(|last| now.seconds() >= next(last))
    }

    /// Adds a key, and drops the keys that have ended. The first key of a ring is used at once.
    fn with_key(&self, stored: Vec<Stored>, key: Zeroizing<String>, now: UnixTime) -> Vec<Stored> {
        let ahead = if stored.is_empty() { 0 } else { self.ahead };
        let from = now.seconds().saturating_add(ahead);
        let ends = stored.iter().skip(1).map(|next| next.from.saturating_add(self.overlap)).chain([i64::MAX]);
        let ends: Vec<_> = ends.collect();
        let live = stored.into_iter().zip(ends).filter(|(_, end)| *end > now.seconds()).map(|(one, _)| one);
        live.chain([Stored { from, key }]).collect()
    }
}

impl<K: RingKey> Keys<K> {
    fn of(stored: &[Stored]) -> Result<Self, StoreError> {
        let dated = |one: &Stored| Some(Dated { from: UnixTime::from_seconds(one.from), key: K::read(&one.key)? });
        let keys: Option<Arc<[_]>> = stored.iter().map(dated).collect();
        keys.map(Self).ok_or(StoreError::Foreign(K::NAME))
    }

    /// Returns the key that signs now.
    pub(crate) fn current(&self, now: UnixTime) -> Option<&K> {
        self.dated(now).map(|one| &one.key)
    }

    fn dated(&self, now: UnixTime) -> Option<&Dated<K>> {
        let used = self.0.iter().rev().find(|one| one.from <= now);
        // If the clock of this node is behind, the first use of every key may seem to be in the future. Then the oldest
        // key is used.
        used.or_else(|| self.0.first())
    }

    /// Returns the keys that verify now, and the key that will sign next. The key set has all these keys.
    pub(crate) fn all(&self, now: UnixTime) -> impl Iterator<Item = &K> {
        let ends = self.0.iter().skip(1).map(|next| Some(next.from)).chain([None]);
        let ended =
            move |next: Option<UnixTime>| next.is_some_and(|next| next.saturating_add_seconds(K::PLAN.overlap) <= now);
        self.0.iter().zip(ends).filter(move |(_, next)| !ended(*next)).map(|(one, _)| &one.key)
    }
}

#[cfg(test)]
impl<K: RingKey> Keys<K> {
    /// Makes a ring of one key, which is the current key at every time.
    pub(crate) fn one(key: K) -> Self {
        Self(Arc::new([Dated { from: UnixTime::from_seconds(0), key }]))
    }
}

impl<K> Clone for Keys<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// The longest time for which a node uses its copy of the keys, in seconds. Every [`Plan::ahead`] is longer than this
/// time, so every node reads a new key before its first use.
const READ_EVERY: i64 = 60;

const MAX_TRIES: usize = 8;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::{Memory, Secret, Store as _};
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A key that is a number. Each new key is larger by one.
    #[derive(Debug, PartialEq, Eq)]
    struct Number(u64);

    static MADE: AtomicU64 = AtomicU64::new(1);

    impl RingKey for Number {
        const NAME: &'static str = "numbers";
        const PLAN: Plan = Plan { period: 1_000, ahead: 100, overlap: 50 };

        fn make() -> Zeroizing<String> {
            Zeroizing::new(MADE.fetch_add(1, Ordering::Relaxed).to_string())
        }

        fn read(text: &str) -> Option<Self> {
            text.parse().ok().map(Self)
        }
    }

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    fn records(secret: u8, store: &Arc<Memory>) -> Records {
        Records::new(store.clone(), Secret::new([secret; 32]))
    }

    fn store() -> Arc<Memory> {
        Arc::new(Memory::new(|| UnixTime::from_seconds(0)))
    }

    /// Returns the position of the current key among all keys, and the number of all keys.
    async fn shape(ring: &KeyRing<Number>, seconds: i64) -> (usize, usize) {
        let keys = ring.keys(at(seconds)).await.unwrap();
        let current = keys.current(at(seconds)).unwrap();
        (keys.all(at(seconds)).position(|one| one == current).unwrap(), keys.all(at(seconds)).count())
    }

    #[tokio::test]
    async fn next_key_is_listed_before_its_first_use_and_the_old_key_after_its_last_use() {
        let (store, start) = (store(), 1_000_000);
        let ring = KeyRing::new(records(1, &store));
        for (seconds, expected) in [
            (0, (0, 1)),
            (899, (0, 1)),
            (960, (0, 2)),
            (1_059, (0, 2)),
            (1_060, (1, 2)),
            (1_109, (1, 2)),
            (1_110, (0, 1)),
            (1_170, (0, 1)),
        ] {
            assert_eq!(shape(&ring, start + seconds).await, expected, "{seconds}");
        }
    }

    #[tokio::test]
    async fn other_node_and_restarted_node_have_the_same_keys() {
        let store = store();
        let rings: Vec<_> = (0..3).map(|_| KeyRing::<Number>::new(records(1, &store))).collect();
        let mut numbers = Vec::new();
        for ring in &rings {
            numbers.push(ring.keys(at(5)).await.unwrap().current(at(5)).unwrap().0);
        }
        assert!(numbers.windows(2).all(|pair| pair.first() == pair.last()), "{numbers:?}");
    }

    #[tokio::test]
    async fn keys_of_a_running_node_are_written_again_after_the_store_lost_them() {
        let store = store();
        let [ring, other] = [(), ()].map(|()| KeyRing::<Number>::new(records(1, &store)));
        let number = async |ring: &KeyRing<Number>, now| ring.keys(at(now)).await.unwrap().current(at(now)).unwrap().0;
        let first = number(&ring, 5).await;
        store.take(&Key::new(Kind::Keys, b"numbers")).await.unwrap();
        assert_eq!(number(&ring, 65).await, first);
        assert_eq!(number(&other, 65).await, first);
    }

    #[tokio::test]
    async fn keys_under_another_secret_are_refused_and_not_replaced() {
        let store = store();
        let ours = KeyRing::<Number>::new(records(1, &store)).keys(at(5)).await.unwrap();
        let refused = KeyRing::<Number>::new(records(2, &store)).keys(at(5)).await.err();
        assert_eq!(refused, Some(StoreError::Foreign("numbers")));
        let again = KeyRing::<Number>::new(records(1, &store)).keys(at(5)).await.unwrap();
        assert_eq!(again.current(at(5)), ours.current(at(5)));
    }
}
