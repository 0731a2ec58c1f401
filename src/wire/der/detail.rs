//! How much a reader says about an error. Only the reader of the PAC still uses this.

use core::fmt;

/// Returns errors with all details.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Full;

/// Returns errors without details.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terse;

/// How much a reader says about an error.
pub(crate) trait Tell<E>: Copy + fmt::Debug {
    /// The type of the error that the reader returns.
    type Told;

    /// Returns the error. `error` is called only for a reader that returns details.
    fn tell(error: impl FnOnce() -> E) -> Self::Told;
}

impl<E> Tell<E> for Full {
    type Told = E;

    fn tell(error: impl FnOnce() -> E) -> E {
        error()
    }
}

impl<E> Tell<E> for Terse {
    type Told = Unread;

    #[inline(always)]
    fn tell(_: impl FnOnce() -> E) -> Unread {
        Unread
    }
}

/// The error without details. A [`Full`] reader returns the details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unread;
