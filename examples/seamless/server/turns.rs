//! Turns for the callers that use the same key. Only one caller has the turn at a time, and the other callers wait.

use crate::store::Key;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Mutex as Lock, OwnedMutexGuard};

#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<Key, Arc<Lock<()>>>>);

/// The turn of a caller, or the caller's wait for the turn. When this value is dropped, the next caller has the turn.
pub(crate) struct Turn {
    turns: Arc<Turns>,
    key: Key,
    lock: Arc<Lock<()>>,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits for the turn of a key. The callers get the turn in the order in which they came.
    pub(crate) async fn take(self: &Arc<Self>, key: &Key) -> Turn {
        let lock = Arc::clone(self.locks().entry(key.clone()).or_default());
        // The value exists before the wait, so a caller that stops waiting leaves nothing in the table.
        let mut turn = Turn { turns: Arc::clone(self), key: key.clone(), lock, held: None };
        turn.held = Some(Arc::clone(&turn.lock).lock_owned().await);
        turn
    }

    fn locks(&self) -> MutexGuard<'_, HashMap<Key, Arc<Lock<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.held.take());
        let mut locks = self.turns.locks();
        // If only the table and this value own the lock, no other caller waits for it.
        if Arc::strong_count(&self.lock) == 2 {
            locks.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Kind;
    use std::time::Duration;
    use tokio::time::timeout;

    fn key(octet: u8) -> Key {
        Key::new(Kind::WrongPasswords, &[octet])
    }

    #[tokio::test(start_paused = true)]
    async fn second_caller_of_a_key_waits_for_the_first_and_a_caller_of_another_key_does_not() {
        let turns = Arc::new(Turns::default());
        let first = turns.take(&key(1)).await;
        let second = timeout(Duration::from_secs(9), turns.take(&key(1))).await;
        assert!(second.is_err());
        drop(turns.take(&key(2)).await);
        drop(first);
        drop(turns.take(&key(1)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn table_is_empty_when_every_caller_has_ended_or_stopped_waiting() {
        let turns = Arc::new(Turns::default());
        let first = turns.take(&key(1)).await;
        assert!(timeout(Duration::from_secs(9), turns.take(&key(1))).await.is_err());
        assert_eq!(turns.locks().len(), 1);
        drop(first);
        assert!(turns.locks().is_empty());
    }
}
