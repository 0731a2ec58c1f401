//! How much is told of a token that is read, but not taken; and of a request that is not accepted.

use crate::der::{Detail, Malformed, Problem, Tell, Unread};
use crate::error::Error;

/// Tells all or nothing, of whatever a request may be refused for.
pub(super) trait Verdict: Detail + Tell<Error, Told: From<Self::Malformed>> {}

impl<D: Detail + Tell<Error, Told: From<Self::Malformed>>> Verdict for D {}

/// What a check says that tells nothing; where it refuses, what the same check says that tells all. So nothing of what is
/// told stands among what every request goes through.
#[inline(always)]
pub(super) fn told(terse: Result<(), Unread>, full: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    match terse {
        Ok(()) => Ok(()),
        Err(Unread) => Err(tell(full)),
    }
}

/// They are one check, so that it refuses too; did it not, the request would still be refused.
#[cold]
#[inline(never)]
fn tell(full: impl FnOnce() -> Result<(), Error>) -> Error {
    let refused = Malformed { what: "AP-REQ", at: 0, problem: Problem::Unrecognised };
    full().err().unwrap_or(refused.into())
}
