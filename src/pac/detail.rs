//! How much is told of a PAC that cannot be read: as [`Detail`](crate::der::Detail), for the errors of a PAC.

use crate::der::{Full, Terse, Unread};
use crate::error::PacMalformed;
use core::fmt;

/// What a reader of a PAC tells.
pub(crate) trait PacDetail: Copy + fmt::Debug {
    /// What is told.
    type Malformed;

    /// What is told of `malformed`, which is made only if it is told.
    fn tell(malformed: impl FnOnce() -> PacMalformed) -> Self::Malformed;
}

impl PacDetail for Full {
    type Malformed = PacMalformed;

    #[cold]
    fn tell(malformed: impl FnOnce() -> PacMalformed) -> PacMalformed {
        malformed()
    }
}

impl PacDetail for Terse {
    type Malformed = Unread;

    #[inline(always)]
    fn tell(_: impl FnOnce() -> PacMalformed) -> Unread {
        Unread
    }
}
