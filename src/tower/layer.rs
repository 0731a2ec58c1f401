//! The layer and its settings.

use super::challenge::ChallengeCause;
use super::cookie::ContinuationCookie;
use super::cross_site::{CrossSite, CrossSiteCheck};
use super::origin::InvalidOrigin;
use super::responses::EmptyResponses;
use super::service::Negotiate;
use super::settings::{Demand, Settings};
use crate::http::{SealingKey, SignedIn};
use crate::negotiate::Refused;
use crate::randomness::Randomness;
use crate::replay::AsyncReplayCache;
use crate::shared_validator::SharedValidator;
use crate::time::UnixTime;
use ::http::request::Parts;
use ::http::{Response, StatusCode};
use core::fmt;
use std::sync::Arc;
use tower_layer::Layer;

/// A layer that signs users in before a service runs. The layer puts [`Negotiate`] in front of the service.
///
/// `R` makes the responses that the layer sends without the service: see [`with_responses`](Self::with_responses).
#[derive(Clone)]
#[must_use]
pub struct NegotiateLayer<R = EmptyResponses> {
    settings: Arc<Settings>,
    responses: R,
}

impl NegotiateLayer {
    /// Makes a layer that runs its service for signed-in users only.
    ///
    /// `clock` returns the time, and `randomness` returns 64 new octets from the operating system's generator at every call.
    /// This crate has no clock and no random number generator. The validator is a [`Validator`](crate::Validator), or a
    /// [`SharedValidator`] whose keys the server replaces while it runs. The validator's replay cache is a
    /// [`ReplayCache`](crate::replay::ReplayCache) or an [`AsyncReplayCache`], and lives as long as the layer.
    ///
    /// ```
    /// use kerberos_sso::replay::MemoryReplayCache;
    /// use kerberos_sso::tower::NegotiateLayer;
    /// use kerberos_sso::{ComputerAccount, KeySet, Password, Policy, Randomness, Validator};
    /// use std::time::SystemTime;
    ///
    /// let account = ComputerAccount::new("WEB$", "EXAMPLE.COM").with_password(&Password::from_text("A.Long.Secret.1"), None);
    /// let clock = || SystemTime::now().into();
    /// let randomness = || {
    ///     let mut octets = [0; 64];
    ///     getrandom::fill(&mut octets).expect("the operating system has randomness");
    ///     Randomness::new(octets)
    /// };
    /// let policy = Policy::default();
    /// let cache = MemoryReplayCache::new(60_000, policy.clock_skew(), clock());
    /// let layer = NegotiateLayer::new(Validator::new(KeySet::from(account), policy, cache), clock, randomness);
    /// let app: axum::Router = axum::Router::new().route("/", axum::routing::get(|| async { "Hello" })).layer(layer);
    /// ```
    ///
    /// With a new validator and replay cache for each request, every replay would be admitted. So `new` accepts no
    /// function that makes a validator:
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
            cross_site: Some(CrossSiteCheck::default()),
            on_signed_in: Arc::new(|_, _| {}),
            on_fall_back: Arc::new(|_, _| {}),
            on_challenged: Arc::new(|_, _| {}),
            on_cross_site: Arc::new(|_, _| {}),
        };
        Self { settings: Arc::new(settings), responses: EmptyResponses }
    }
}

impl<R> NegotiateLayer<R> {
    /// Runs the service for all clients, whether they are signed in or not. If a request has no identity, the service finds
    /// [`NotSignedIn`](super::NotSignedIn) in its extensions.
    pub fn optional(self) -> Self {
        self.with(|settings| settings.demand = Demand::Everybody)
    }

    /// Lets clients send several tokens. Between two tokens, the client keeps the state of the negotiation in a cookie. The
    /// cookie has the name `name` and is sealed under `key`.
    ///
    /// If the name begins with `__Host-`, browsers accept the cookie from this host over TLS only. The layer removes the
    /// cookie when the negotiation is over. The layer refuses a negotiation whose state is too large for a cookie.
    pub fn with_continuation_cookie(self, key: SealingKey, name: impl Into<Arc<str>>) -> Self {
        let cookie = ContinuationCookie { key, name: name.into() };
        self.with(|settings| settings.cookie = Some(cookie))
    }

    /// Lets pages of `origin` make requests as the user. An origin has the form `https://app.example.com`, without a path.
    ///
    /// See [cross-site requests](super#cross-site-requests). Name an origin only if you trust all its pages.
    ///
    /// # Errors
    /// Returns [`InvalidOrigin`] if the text does not have the form of an origin. The function does not accept `null`, because
    /// sandboxed pages of every site have this origin.
    pub fn with_trusted_origin(mut self, origin: &str) -> Result<Self, InvalidOrigin> {
        match &mut Arc::make_mut(&mut self.settings).cross_site {
            Some(check) => check.trust(origin)?,
            None => CrossSiteCheck::default().trust(origin)?,
        }
        Ok(self)
    }

    /// Lets pages of every site make requests as the user. Use this function only if another layer checks [cross-site
    /// requests](super#cross-site-requests).
    pub fn without_cross_site_check(self) -> Self {
        self.with(|settings| settings.cross_site = None)
    }

    /// Sets the function that makes the layer's own responses. The function gets the status and the head of the request.
    ///
    /// The layer sets the status, and adds the challenge and the cookie. Without this function the bodies are empty. The layer
    /// does not use this function for gRPC calls: see [gRPC](super#grpc).
    ///
    /// ```
    /// use axum::http::StatusCode;
    /// use axum::response::{Html, IntoResponse};
    ///
    /// # fn app(layer: kerberos_sso::tower::NegotiateLayer) -> axum::Router {
    /// let layer = layer.with_responses(|status, _| {
    ///     let text = if status == StatusCode::UNAUTHORIZED { "Sign in to Windows first." } else { "No entry." };
    ///     Html(text).into_response()
    /// });
    /// # axum::Router::new().layer(layer)
    /// # }
    /// ```
    pub fn with_responses<F, B>(self, responses: F) -> NegotiateLayer<F>
    where
        F: Fn(StatusCode, &Parts) -> Response<B> + Clone + Send + Sync + 'static,
    {
        NegotiateLayer { settings: self.settings, responses }
    }

    /// Calls `hook` after a user has signed in, and before the service runs.
    pub fn on_signed_in(self, hook: impl Fn(&SignedIn, &Parts) + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.on_signed_in = Arc::new(hook))
    }

    /// Calls `hook` when a request was refused, so that the server can log the refusal.
    pub fn on_fall_back(self, hook: impl Fn(&Refused, &Parts) + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.on_fall_back = Arc::new(hook))
    }

    /// Calls `hook` when the layer challenges a client. An [optional](Self::optional) layer does not call the hook, because
    /// the service challenges its clients itself.
    ///
    /// A browser's first request is always challenged. A server can count the challenges in this hook, and the sign-ins
    /// in [`on_signed_in`](Self::on_signed_in). The difference between the two counts shows whether clients fail to
    /// sign in after a challenge.
    pub fn on_challenged(self, hook: impl Fn(&ChallengeCause, &Parts) + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.on_challenged = Arc::new(hook))
    }

    /// Calls `hook` when a request was refused because a page of another site made it.
    pub fn on_cross_site(self, hook: impl Fn(&CrossSite, &Parts) + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.on_cross_site = Arc::new(hook))
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }
}

impl<S, R: Clone> Layer<S> for NegotiateLayer<R> {
    type Service = Negotiate<S, R>;

    fn layer(&self, inner: S) -> Negotiate<S, R> {
        Negotiate::new(inner, Arc::clone(&self.settings), self.responses.clone())
    }
}

impl<R> fmt::Debug for NegotiateLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.settings, f)
    }
}
