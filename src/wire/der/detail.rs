//! How much is told of an error; the PAC still reads so.

use core::fmt;

/// Tells all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Full;

/// Tells nothing but that it could not be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terse;

/// What is told of an error.
pub(crate) trait Tell<E>: Copy + fmt::Debug {
    /// What is told.
    type Told;

    /// `error`, as far as it is told; it is made only if it is.
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

    fn tell(_: impl FnOnce() -> E) -> Unread {
        Unread
    }
}

/// It could not be read; a [`Full`] reader says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unread;
