//! Where the layer has its validator from: the same one for ever, or, at every request, the current one.

use crate::accept::{Connection, Negotiation};
use crate::http::SignInStep;
use crate::randomness::Randomness;
use crate::replay::ReplayCache;
use crate::time::UnixTime;
use crate::validator::Validator;
use ::http::HeaderMap;
use ::http::header::AUTHORIZATION;
use std::sync::Arc;

/// Gives the validator for a request that begins now.
///
/// A [`Validator`] is the source of itself. A closure lets keys change while the server runs, when the account's password
/// does:
///
/// ```
/// # use kerberos_sso::replay::NoReplayCache;
/// # use kerberos_sso::tower::ValidatorSource;
/// # use kerberos_sso::{Account, KeySet, Policy, Validator};
/// use std::sync::{Arc, RwLock};
///
/// # let (keys, next_keys) = (KeySet::from_iter::<[Account; 0]>([]), KeySet::from_iter::<[Account; 0]>([]));
/// let current = Arc::new(RwLock::new(Validator::new(keys, Policy::default(), NoReplayCache)));
/// let source = {
///     let current = Arc::clone(&current);
///     move || current.read().unwrap().clone() // shares keys, policy and replay cache
/// };
/// # fn layer(_: impl ValidatorSource) {}
/// # layer(source);
/// // At a rollover. Its replay cache stays the same, and so do requests that are being decided.
/// let mut current = current.write().unwrap();
/// *current = current.with_keys(next_keys);
/// ```
pub trait ValidatorSource: Send + Sync + 'static {
    /// The validator's replay cache.
    type Replay: ReplayCache;

    /// The validator.
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

/// A [`ValidatorSource`] whose replay cache is of no interest.
pub(super) trait Decide: Send + Sync {
    fn decide(
        &self,
        headers: &HeaderMap,
        turns: &Turns,
        connection: &Connection<'_>,
        randomness: &Randomness,
        now: UnixTime,
    ) -> SignInStep;
}

/// How many tokens a client may send.
#[derive(Debug)]
pub(super) enum Turns {
    One,
    /// With what the turn before left.
    Many(Option<Negotiation>),
}

impl<V: ValidatorSource> Decide for V {
    fn decide(
        &self,
        headers: &HeaderMap,
        turns: &Turns,
        connection: &Connection<'_>,
        randomness: &Randomness,
        now: UnixTime,
    ) -> SignInStep {
        let (validator, authorization) = (self.validator(), headers.get_all(AUTHORIZATION));
        match turns {
            Turns::Many(kept) => validator.sign_in(authorization, kept.as_ref(), connection, randomness, now),
            Turns::One => validator.sign_in_at_once(authorization, connection, randomness, now),
        }
    }
}
