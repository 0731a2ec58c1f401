//! The source of the layer's validator: always the same validator, or the current one at every request.

use crate::accept::Arrival;
use crate::http::SignInStep;
use crate::negotiate::RoundTrips;
use crate::randomness::Randomness;
use crate::replay::ReplayCache;
use crate::validator::Validator;
use ::http::HeaderMap;
use ::http::header::AUTHORIZATION;
use std::sync::Arc;

/// A source of the validator for a request that begins now.
///
/// A [`Validator`] is the source of itself. A closure lets the keys change while the server runs, as they do at a key
/// rollover:
///
/// ```
/// # use kerberos_sso::replay::NoReplayCache;
/// # use kerberos_sso::tower::ValidatorSource;
/// # use kerberos_sso::{KeySet, Policy, Validator};
/// use std::sync::{Arc, RwLock};
///
/// # let (keys, next_keys) = (KeySet::new(), KeySet::new());
/// let current = Arc::new(RwLock::new(Validator::new(keys, Policy::default(), NoReplayCache)));
/// let source = {
///     let current = Arc::clone(&current);
///     move || current.read().unwrap().clone() // shares keys, policy and replay cache
/// };
/// # fn layer(_: impl ValidatorSource) {}
/// # layer(source);
/// // At a rollover. The replay cache stays the same, and requests in flight keep the old keys.
/// let mut current = current.write().unwrap();
/// *current = current.with_keys(next_keys);
/// ```
pub trait ValidatorSource: Send + Sync + 'static {
    /// The type of the validator's replay cache.
    type Replay: ReplayCache;

    /// Returns the validator.
    fn validator(&self) -> Validator<Self::Replay>;
}

impl<R: ReplayCache + Send + Sync + 'static> ValidatorSource for Validator<R> {
    type Replay = R;

    fn validator(&self) -> Self {
        self.clone()
    }
}

impl<R: ReplayCache + Send + Sync + 'static> ValidatorSource for Arc<Validator<R>> {
    type Replay = R;

    fn validator(&self) -> Validator<R> {
        Validator::clone(self)
    }
}

impl<F, R> ValidatorSource for F
where
    F: Fn() -> Validator<R> + Send + Sync + 'static,
    R: ReplayCache,
{
    type Replay = R;

    fn validator(&self) -> Validator<R> {
        self()
    }
}

/// A [`ValidatorSource`] without the type of its replay cache.
pub(super) trait Decide: Send + Sync {
    fn decide(
        &self,
        headers: &HeaderMap,
        round_trips: RoundTrips<'_>,
        randomness: &Randomness,
        arrival: Arrival<'_>,
    ) -> SignInStep;
}

impl<V: ValidatorSource> Decide for V {
    fn decide(
        &self,
        headers: &HeaderMap,
        round_trips: RoundTrips<'_>,
        randomness: &Randomness,
        arrival: Arrival<'_>,
    ) -> SignInStep {
        self.validator().sign_in(headers.get_all(AUTHORIZATION), round_trips, randomness, arrival)
    }
}
