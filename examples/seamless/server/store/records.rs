//! Typed values in the store. Each value is sealed JSON.

use super::{Key, Kind, Sealer, Secret, Store, StoreError, When};
use kerberos_sso::UnixTime;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use tokio::sync::{Mutex, MutexGuard};
use zeroize::Zeroizing;

/// A store, and the secret that seals its values. Clones share the store.
#[derive(Clone)]
pub(crate) struct Records {
    store: Arc<dyn Store>,
    secret: Secret,
    turns: Arc<Turns>,
}

/// Locks, each for several entries. A request of this node holds the lock of an entry while the request changes the
/// entry. Without a lock, many requests that change one entry at the same time would have to try again often.
#[derive(Default)]
struct Turns([Mutex<()>; 32]);

impl Turns {
    async fn of(&self, key: &Key) -> Option<MutexGuard<'_, ()>> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let turn = usize::try_from(hasher.finish().checked_rem(32)?).ok()?;
        Some(self.0.get(turn)?.lock().await)
    }
}

/// An entry as it is in the store.
pub(crate) struct Entry<T> {
    sealed: Option<Vec<u8>>,
    /// The value, or `None` if the entry is absent or foreign.
    pub(crate) value: Option<T>,
}

impl<T> Entry<T> {
    /// Returns whether the entry has a value that this server did not write, or that a node wrote under another secret.
    pub(crate) const fn is_foreign(&self) -> bool {
        self.sealed.is_some() && self.value.is_none()
    }
}

/// The change of an entry.
pub(crate) enum Change<T> {
    /// The entry stays as it is.
    Keep,
    Put(T, UnixTime),
}

impl Records {
    pub(crate) fn new(store: Arc<dyn Store>, secret: Secret) -> Self {
        Self { store, secret, turns: Arc::default() }
    }

    /// Returns records in another store under the same secret.
    pub(crate) fn in_store(&self, store: Arc<dyn Store>) -> Self {
        Self::new(store, self.secret.clone())
    }

    pub(crate) const fn secret(&self) -> &Secret {
        &self.secret
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Returns whether the store answers.
    pub(crate) async fn is_reachable(&self) -> bool {
        self.store.get(&Key::new(Kind::Epoch, b"")).await.is_ok()
    }

    /// Returns the value of an entry. A value that this server did not write is logged and counts as absent.
    pub(crate) async fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, StoreError> {
        self.get_with(&self.sealer(key), key).await
    }

    /// Returns the value of an entry that `cipher` sealed.
    pub(crate) async fn get_with<T: DeserializeOwned>(
        &self,
        cipher: &Sealer<'_>,
        key: &Key,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.store.get(key).await?.and_then(|sealed| read(cipher, key, &sealed)))
    }

    /// Writes an entry if `when` applies, and returns whether `when` applied.
    pub(crate) async fn put<T: Serialize>(
        &self,
        key: &Key,
        value: &T,
        end: UnixTime,
        when: When<'_>,
    ) -> Result<bool, StoreError> {
        self.put_with(&self.sealer(key), key, value, end, when).await
    }

    /// Writes an entry that `cipher` seals.
    pub(crate) async fn put_with<T: Serialize>(
        &self,
        cipher: &Sealer<'_>,
        key: &Key,
        value: &T,
        end: UnixTime,
        when: When<'_>,
    ) -> Result<bool, StoreError> {
        let sealed = written(cipher, value)?;
        self.store.put(key, sealed, end, when).await
    }

    /// Deletes an entry that `cipher` sealed, and returns its value. If several callers
    /// delete one entry, only one caller gets the value.
    pub(crate) async fn take_with<T: DeserializeOwned>(
        &self,
        cipher: &Sealer<'_>,
        key: &Key,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.store.take(key).await?.and_then(|sealed| read(cipher, key, &sealed)))
    }

    pub(crate) async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.store.take(key).await.map(drop)
    }

    /// Returns an entry as it is in the store, for [`replace`](Self::replace).
    pub(crate) async fn entry<T: DeserializeOwned>(&self, key: &Key) -> Result<Entry<T>, StoreError> {
        let sealed = self.store.get(key).await?;
        let value = sealed.as_deref().and_then(|sealed| read(&self.sealer(key), key, sealed));
        Ok(Entry { sealed, value })
    }

    /// Writes an entry if no other request has changed it since `old` was read. Returns whether this request wrote the entry.
    pub(crate) async fn replace<T: Serialize>(
        &self,
        key: &Key,
        old: &Entry<T>,
        new: &T,
        end: UnixTime,
    ) -> Result<bool, StoreError> {
        let when = old.sealed.as_deref().map_or(When::Absent, When::Holds);
        self.put(key, new, end, when).await
    }

    /// Changes an entry as `change` says, and returns the result of `change`. If another node changes the entry at the
    /// same time, this function calls `change` again with the new value.
    pub(crate) async fn update<T, R>(
        &self,
        key: &Key,
        mut change: impl FnMut(Option<T>) -> (Change<T>, R),
    ) -> Result<R, StoreError>
    where
        T: Serialize + DeserializeOwned,
    {
        let _turn = self.turns.of(key).await;
        for _ in 0..MAX_TRIES {
            let mut old = self.entry(key).await?;
            let (new, end, result) = match change(old.value.take()) {
                (Change::Keep, result) => return Ok(result),
                (Change::Put(new, end), result) => (new, end, result),
            };
            if self.replace(key, &old, &new, end).await? {
                return Ok(result);
            }
        }
        Err(StoreError::Contended)
    }

    fn sealer<'k>(&self, key: &'k Key) -> Sealer<'k> {
        Sealer::new(&self.secret, b"", key)
    }
}

#[cfg(test)]
impl Records {
    /// Returns records in the memory of this process. The epoch of this store is 1970.
    pub(crate) fn for_tests() -> Self {
        let records = Self::new(Arc::new(super::Memory::new(crate::clock::now)), Secret::new([1; 32]));
        {
            // A store in memory answers at once.
            let begun = std::pin::pin!(super::epoch(&records, UnixTime::from_seconds(0)));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(Future::poll(begun, &mut context).is_ready());
        }
        records
    }
}

fn read<T: DeserializeOwned>(cipher: &Sealer<'_>, key: &Key, sealed: &[u8]) -> Option<T> {
    let value = cipher.open(sealed).and_then(|json| serde_json::from_slice(&json).ok());
    if value.is_none() {
        tracing::error!(
            ?key,
            "the state store has a value that this server did not write; the server ignores the value"
        );
    }
    value
}

fn written<T: Serialize>(cipher: &Sealer<'_>, value: &T) -> Result<Vec<u8>, StoreError> {
    let json = serde_json::to_vec(value).map(Zeroizing::new);
    let sealed = json.ok().and_then(|json| cipher.seal(&json));
    sealed.ok_or(StoreError::TooLong(usize::MAX))
}

/// The largest number of tries to change an entry. Each try fails only if another node changed the entry meanwhile.
const MAX_TRIES: usize = 32;
