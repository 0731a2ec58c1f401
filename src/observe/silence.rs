//! The functions for events and spans, in a build without the feature `tracing`. These functions do nothing and compile to no
//! instruction.

use super::Stage;
use crate::accept::Accepted;
use crate::error::Error;
#[cfg(feature = "tower")]
use crate::error::Remedy;
use crate::keys::{KeyQuery, KeySet};
use crate::policy::Policy;
#[cfg(feature = "tower")]
use crate::sid::Sid;
use crate::time::UnixTime;
#[cfg(feature = "tower")]
use core::fmt::Display;

/// The span of a stage that awaits the replay cache's answer. Such a stage runs in several pieces.
pub(crate) struct StageSpan;

impl StageSpan {
    pub(crate) const fn of(_: Stage) -> Self {
        Self
    }

    /// Runs one piece of the stage.
    #[expect(clippy::unused_self, reason = "the `run` of a build with `tracing` enters the span in `self`")]
    pub(crate) fn run<T>(&self, piece: impl FnOnce() -> T) -> T {
        piece()
    }
}

/// Runs a stage.
pub(crate) fn in_stage<T>(_: Stage, run: impl FnOnce() -> T) -> T {
    run()
}

pub(crate) const fn keys_in_use(_: &KeySet, _: &Policy) {}

pub(crate) const fn accepted(_: &Accepted, _: Option<UnixTime>) {}

pub(crate) const fn refused(_: &Error, _: Option<&KeyQuery<'_>>) {}

pub(crate) const fn goes_on() {}

#[cfg(feature = "tower")]
pub(crate) const fn challenged(_: &dyn Display, _: bool, _: Remedy<'_>, _: Option<&str>) {}

#[cfg(feature = "tower")]
pub(crate) const fn no_ticket(_: &Error, _: Option<&str>) {}

#[cfg(feature = "tower")]
pub(crate) fn cross_site(_: &dyn Display, _: &'static str, _: &str, _: Option<&str>, _: Option<&str>) {}

#[cfg(feature = "tower")]
pub(crate) fn not_member(_: &str, _: &str, _: Option<Sid>, _: &dyn Display) {}

#[cfg(feature = "tower")]
pub(crate) fn layer_missing(_: &str, _: Option<&str>) {}
