//! How much is told of a token that is read, but not taken; and of a request that is not accepted.

use crate::der::{Detail, Full, Malformed, Problem, Terse, Unread};
use crate::error::Error;

/// As [`Detail`], of a token as a whole.
pub(super) trait Verdict: Detail {
    /// What is told.
    type Error: From<Self::Malformed>;

    /// `error`, as far as it is told; it is made only if it is.
    fn refuse(error: impl FnOnce() -> Error) -> Self::Error;
}

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

impl Verdict for Full {
    type Error = Error;

    fn refuse(error: impl FnOnce() -> Error) -> Error {
        error()
    }
}

impl Verdict for Terse {
    type Error = Unread;

    #[inline(always)]
    fn refuse(_: impl FnOnce() -> Error) -> Unread {
        Unread
    }
}
