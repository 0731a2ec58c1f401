//! Nothing, where the feature `tracing` is off: it compiles to no instruction.

use super::Stage;
use crate::accept::Accepted;
use crate::error::Error;
use crate::keys::KeyQuery;
use crate::time::UnixTime;

/// A stage that nobody watches.
pub(crate) struct Entered;

impl Entered {
    #[inline(always)]
    pub(crate) const fn stage(_: Stage) -> Self {
        Self
    }

    #[inline(always)]
    #[expect(clippy::unused_self, reason = "a stage that is watched ends here")]
    pub(crate) const fn end(self) {}
}

#[inline(always)]
pub(crate) const fn accepted(_: &Accepted, _: Option<UnixTime>) {}

#[inline(always)]
pub(crate) const fn refused(_: &Error, _: Option<&KeyQuery<'_>>) {}

#[inline(always)]
pub(crate) const fn goes_on() {}
