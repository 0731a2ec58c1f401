//! What a layer is made of, and what may be set.

use super::cookie::LegCookie;
use super::service::Negotiate;
use super::source::{Decide, ValidatorSource};
use crate::http::{FallBack, SealingKey, SignedIn};
use crate::randomness::Randomness;
use crate::time::UnixTime;
use ::http::request::Parts;
use core::fmt;
use std::sync::Arc;
use tower_layer::Layer;

/// Puts [`Negotiate`] before a service.
#[derive(Clone)]
pub struct NegotiateLayer {
    settings: Arc<Settings>,
}

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) source: Arc<dyn Decide>,
    pub(super) clock: Arc<dyn Fn() -> UnixTime + Send + Sync>,
    pub(super) randomness: Arc<dyn Fn() -> Randomness + Send + Sync>,
    pub(super) demand: Demand,
    pub(super) cookie: Option<LegCookie>,
    pub(super) on_signed_in: Hook<SignedIn>,
    pub(super) on_fall_back: Hook<FallBack>,
}

type Hook<T> = Arc<dyn Fn(&T, &Parts) + Send + Sync>;

/// Whom the inner service is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    SignedIn,
    Everybody,
}

impl NegotiateLayer {
    /// A layer whose service is for users that are signed in.
    ///
    /// `clock` tells the time, and `randomness` gives 64 octets of the operating system's at every call; this crate has
    /// neither. The validator may change while the server runs: see [`ValidatorSource`].
    pub fn new(
        validator: impl ValidatorSource,
        clock: impl Fn() -> UnixTime + Send + Sync + 'static,
        randomness: impl Fn() -> Randomness + Send + Sync + 'static,
    ) -> Self {
        let settings = Settings {
            source: Arc::new(validator),
            clock: Arc::new(clock),
            randomness: Arc::new(randomness),
            demand: Demand::SignedIn,
            cookie: None,
            on_signed_in: Arc::new(|_, _| {}),
            on_fall_back: Arc::new(|_, _| {}),
        };
        Self { settings: Arc::new(settings) }
    }

    /// The service runs for everybody, and finds [`NotSignedIn`](super::NotSignedIn) where there is no identity.
    #[must_use]
    pub fn optional(self) -> Self {
        self.with(|settings| settings.demand = Demand::Everybody)
    }

    /// Lets clients send more than one token, with what is kept meanwhile in a cookie named `name`, sealed under `key`.
    ///
    /// With `__Host-` before its name, browsers take it from this very host over TLS only. It is gone when the
    /// conversation is over. A conversation too large for a cookie is refused.
    #[must_use]
    pub fn legs_in_cookie(self, key: SealingKey, name: impl Into<Arc<str>>) -> Self {
        let cookie = LegCookie { key, name: name.into() };
        self.with(|settings| settings.cookie = Some(cookie))
    }

    /// Is called when a user has signed in, before the service is.
    #[must_use]
    pub fn on_signed_in(self, hook: impl Fn(&SignedIn, &Parts) + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.on_signed_in = Arc::new(hook))
    }

    /// Is called when a request was refused: the place for the log.
    #[must_use]
    pub fn on_fall_back(self, hook: impl Fn(&FallBack, &Parts) + Send + Sync + 'static) -> Self {
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

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NegotiateLayer")
            .field("demand", &self.demand)
            .field("cookie", &self.cookie)
            .finish_non_exhaustive()
    }
}
