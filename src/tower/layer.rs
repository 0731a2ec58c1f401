//! The layer and its settings.

use super::cookie::ContinuationCookie;
use super::service::Negotiate;
use super::settings::{Demand, Settings};
use crate::http::{SealingKey, SignedIn};
use crate::negotiate::Refused;
use crate::randomness::Randomness;
use crate::replay::AsyncReplayCache;
use crate::shared_validator::SharedValidator;
use crate::time::UnixTime;
use ::http::request::Parts;
use core::fmt;
use std::sync::Arc;
use tower_layer::Layer;

/// A layer that signs users in before a service runs. It puts [`Negotiate`] in front of the service.
#[derive(Clone)]
#[must_use]
pub struct NegotiateLayer {
    settings: Arc<Settings>,
}

impl NegotiateLayer {
    /// Makes a layer whose service runs for signed-in users only.
    ///
    /// `clock` returns the time, and `randomness` returns 64 octets of the operating system's generator at every call:
    /// this crate has neither. The validator is a [`Validator`](crate::Validator), or a [`SharedValidator`] whose keys the
    /// server replaces while it runs. Its replay cache is a [`ReplayCache`](crate::replay::ReplayCache) or an
    /// [`AsyncReplayCache`], and lives as long as the layer.
    ///
    /// A function that makes a validator for each request would make a replay cache for each, and so admit every replay. The
    /// layer takes none:
    ///
    /// ```compile_fail
    /// # use kerberos_sso::tower::NegotiateLayer;
    /// # use kerberos_sso::{KeySet, Policy, Randomness, UnixTime, Validator, replay::MemoryReplayCache};
    /// # let (clock, randomness) = (|| UnixTime::from_seconds(0), || Randomness::new([0; 64]));
    /// # let policy = Policy::default();
    /// let validator = move || {
    ///     let cache = MemoryReplayCache::new(60_000, policy.clock_skew(), clock());
    ///     Validator::new(KeySet::new(), policy.clone(), cache)
    /// };
    /// let layer = NegotiateLayer::new(validator, clock, randomness);
    /// ```
    pub fn new<R: AsyncReplayCache + Send + Sync + 'static>(
        validator: impl Into<SharedValidator<R>>,
        clock: impl Fn() -> UnixTime + Send + Sync + 'static,
        randomness: impl Fn() -> Randomness + Send + Sync + 'static,
    ) -> Self {
        let settings = Settings {
            source: Arc::new(validator.into()),
            clock: Arc::new(clock),
            randomness: Arc::new(randomness),
            demand: Demand::SignedIn,
            cookie: None,
            on_signed_in: Arc::new(|_, _| {}),
            on_fall_back: Arc::new(|_, _| {}),
        };
        Self { settings: Arc::new(settings) }
    }

    /// Runs the service for everyone. It finds [`NotSignedIn`](super::NotSignedIn) among the extensions of a request
    /// without identity.
    pub fn optional(self) -> Self {
        self.with(|settings| settings.demand = Demand::Everybody)
    }

    /// Lets clients send several tokens. The state between two of them is in a cookie named `name`, sealed under `key`.
    ///
    /// If the name begins with `__Host-`, browsers accept the cookie from this host over TLS only. The cookie is
    /// removed when the negotiation is over. A negotiation whose state is too large for a cookie is refused.
    pub fn with_continuation_cookie(self, key: SealingKey, name: impl Into<Arc<str>>) -> Self {
        let cookie = ContinuationCookie { key, name: name.into() };
        self.with(|settings| settings.cookie = Some(cookie))
    }

    /// Calls `hook` when a user has signed in, before the service runs.
    pub fn on_signed_in(self, hook: impl Fn(&SignedIn, &Parts) + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.on_signed_in = Arc::new(hook))
    }

    /// Calls `hook` when a request was refused: log it there.
    pub fn on_fall_back(self, hook: impl Fn(&Refused, &Parts) + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.on_fall_back = Arc::new(hook))
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }
}

impl<S> Layer<S> for NegotiateLayer {
    type Service = Negotiate<S>;

    fn layer(&self, inner: S) -> Negotiate<S> {
        Negotiate::new(inner, Arc::clone(&self.settings))
    }
}

impl fmt::Debug for NegotiateLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.settings, f)
    }
}
