//! The settings of a layer.

use super::challenge::ChallengeCause;
use super::cookie::ContinuationCookie;
use super::cross_site::{CrossSite, CrossSiteCheck};
use super::source::Decide;
use crate::http::SignedIn;
use crate::negotiate::Refused;
use crate::randomness::Randomness;
use crate::time::UnixTime;
use ::http::request::Parts;
use core::fmt;
use std::sync::Arc;

/// The settings of a [`NegotiateLayer`](super::NegotiateLayer).
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) source: Arc<dyn Decide>,
    pub(super) clock: Arc<dyn Fn() -> UnixTime + Send + Sync>,
    pub(super) randomness: Arc<dyn Fn() -> Randomness + Send + Sync>,
    pub(super) demand: Demand,
    pub(super) cookie: Option<ContinuationCookie>,
    /// The cross-site check, or `None` if the server has turned the check off.
    pub(super) cross_site: Option<CrossSiteCheck>,
    pub(super) on_signed_in: Hook<SignedIn>,
    pub(super) on_fall_back: Hook<Refused>,
    pub(super) on_challenged: Hook<ChallengeCause>,
    pub(super) on_cross_site: Hook<CrossSite>,
}

/// A function that the layer calls with the head of a request.
type Hook<T> = Arc<dyn Fn(&T, &Parts) + Send + Sync>;

/// The users for whom the inner service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    SignedIn,
    Everybody,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NegotiateLayer")
            .field("demand", &self.demand)
            .field("cookie", &self.cookie)
            .field("cross_site", &self.cross_site)
            .finish_non_exhaustive()
    }
}
