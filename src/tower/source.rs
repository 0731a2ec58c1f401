//! The layer's validator as a trait object, which hides the type of the replay cache.

use super::future::{Headers, Refusal};
use super::settings::Settings;
use crate::http::SignInStep;
use crate::replay::AsyncReplayCache;
use crate::shared_validator::SharedValidator;
use ::http::HeaderMap;
use ::http::header::AUTHORIZATION;
use ::http::request::Parts;
use core::pin::Pin;
use std::sync::Arc;

/// A [`SharedValidator`] with any type of replay cache.
pub(super) trait Decide: Send + Sync {
    /// Returns the token of a request, or the step for a request without a token.
    fn token(&self, headers: &HeaderMap) -> Result<Vec<u8>, SignInStep>;

    /// Decides on a request with a token, under the current keys.
    fn decide(&self, settings: Arc<Settings>, token: Vec<u8>, parts: Parts) -> Decision;
}

/// A decision that may have to be awaited.
pub(super) type Decision = Pin<Box<dyn Future<Output = Decided> + Send>>;

/// A request for the inner service, or the response that the layer sends without the service.
pub(super) type Decided = Result<(Parts, Headers), Refusal>;

impl<R: AsyncReplayCache + Send + Sync + 'static> Decide for SharedValidator<R> {
    fn token(&self, headers: &HeaderMap) -> Result<Vec<u8>, SignInStep> {
        self.validator().token_or_step(headers.get_all(AUTHORIZATION))
    }

    fn decide(&self, settings: Arc<Settings>, token: Vec<u8>, parts: Parts) -> Decision {
        let validator = self.validator();
        Box::pin(async move { settings.decide(&validator, &token, parts).await })
    }
}
