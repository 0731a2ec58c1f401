//! A validator that several threads share, and whose keys the server can replace while it runs.

use crate::keys::KeySet;
use crate::validator::Validator;
use std::sync::{Arc, PoisonError, RwLock};

/// A validator whose keys the server can replace while it runs, for a key rollover.
///
/// The policy and the replay cache stay the same while the server runs. So the cache forgets no authenticator when the
/// keys change. Clones share the validator: a server uses one clone for its requests, and keeps another clone for the
/// rollover.
///
/// ```
/// use kerberos_sso::{KeySet, Policy, SharedValidator, UnixTime, Validator, replay::MemoryReplayCache};
///
/// # let (keys, next_keys) = (KeySet::new(), KeySet::new());
/// let now = UnixTime::from_seconds(1_795_000_000); // a server passes SystemTime::now().into()
/// let policy = Policy::default();
/// let cache = MemoryReplayCache::new(60_000, policy.clock_skew(), now);
/// let shared = SharedValidator::new(Validator::new(keys, policy, cache));
///
/// // For every request.
/// let verdict = shared.validator().validate_header("Negotiate YII=", now);
///
/// // At a rollover, on any thread. Requests in flight keep the old keys.
/// shared.replace_keys(next_keys);
/// # assert!(verdict.is_err());
/// ```
#[derive(Debug)]
pub struct SharedValidator<R> {
    current: Arc<RwLock<Validator<R>>>,
}

impl<R> SharedValidator<R> {
    /// Makes a shared validator from a validator.
    #[must_use]
    pub fn new(validator: Validator<R>) -> Self {
        Self { current: Arc::new(RwLock::new(validator)) }
    }

    /// Returns the validator with the current keys, for a request that begins now.
    pub fn validator(&self) -> Validator<R> {
        // Only a failed allocation can panic under this lock. The validator is then still complete.
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the keys for all requests that begin from now on, and returns the old keys. Requests in flight keep the
    /// old keys. A server with many accounts keeps the returned keys until no request uses them: see [`KeySet`].
    pub fn replace_keys(&self, keys: impl Into<Arc<KeySet>>) -> Arc<KeySet> {
        let keys = keys.into();
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let next = current.with_keys(keys);
        let previous = core::mem::replace(&mut *current, next);
        drop(current);
        previous.into_keys()
    }
}

/// Returns another handle to the same validator.
impl<R> Clone for SharedValidator<R> {
    fn clone(&self) -> Self {
        Self { current: Arc::clone(&self.current) }
    }
}

impl<R> From<Validator<R>> for SharedValidator<R> {
    fn from(validator: Validator<R>) -> Self {
        Self::new(validator)
    }
}
