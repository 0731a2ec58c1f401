//! The same functions without the feature `tracing`. They do nothing and compile to no instruction.

use super::Stage;
use crate::accept::Accepted;
use crate::error::Error;
use crate::keys::KeyQuery;
use crate::time::UnixTime;

/// The span of a stage that runs in pieces, since its answer is awaited.
pub(crate) struct StageSpan;

impl StageSpan {
    pub(crate) const fn of(_: Stage) -> Self {
        Self
    }

    /// Runs a piece of the stage.
    #[expect(clippy::unused_self, reason = "with the feature `tracing` the span is entered")]
    pub(crate) fn run<T>(&self, piece: impl FnOnce() -> T) -> T {
        piece()
    }
}

/// Runs a stage.
pub(crate) fn in_stage<T>(_: Stage, run: impl FnOnce() -> T) -> T {
    run()
}

pub(crate) const fn accepted(_: &Accepted, _: Option<UnixTime>) {}

pub(crate) const fn refused(_: &Error, _: Option<&KeyQuery<'_>>) {}

pub(crate) const fn goes_on() {}
