//! How much is told of a token that is read, but not taken.

use crate::der::{Detail, Full, Terse, Unread};
use crate::error::Error;

/// As [`Detail`], of a token as a whole.
pub(super) trait Verdict: Detail {
    /// What is told.
    type Error: From<Self::Malformed>;

    /// `error`, as far as it is told; it is made only if it is.
    fn refuse(error: impl FnOnce() -> Error) -> Self::Error;
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
