//! How much is told of bytes that cannot be read.
//!
//! Nearly all can. Naming each field, its place and what may be wrong with it takes more code than reading it, and code that
//! runs once for each request is fetched as slowly as data. So a message is read by a reader that tells nothing; and if that
//! fails, once more by one that tells all.

use super::{Malformed, Problem};
use core::fmt;

/// What a reader keeps in order to tell what is wrong, and what it tells.
pub(crate) trait Detail: Copy + fmt::Debug {
    /// What is told.
    type Malformed;

    /// For a message that begins with `bytes`.
    fn of(bytes: &[u8]) -> Self;

    /// `problem`, with the field `what` where `rest` begins.
    fn malformed(self, rest: &[u8], what: &'static str, problem: Problem) -> Self::Malformed;
}

/// Tells all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Full {
    /// The address of the token's first byte, from which errors count: the same for every reader within a token.
    origin: usize,
}

impl Detail for Full {
    type Malformed = Malformed;

    fn of(bytes: &[u8]) -> Self {
        Self { origin: bytes.as_ptr().addr() }
    }

    #[cold]
    fn malformed(self, rest: &[u8], what: &'static str, problem: Problem) -> Malformed {
        Malformed { what, at: rest.as_ptr().addr().saturating_sub(self.origin), problem }
    }
}

/// Tells nothing but that it could not be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terse;

impl Detail for Terse {
    type Malformed = Unread;

    #[inline(always)]
    fn of(_: &[u8]) -> Self {
        Self
    }

    #[inline(always)]
    fn malformed(self, _: &[u8], _: &'static str, _: Problem) -> Unread {
        Unread
    }
}

/// What is told of an error that is no [`Malformed`]: of a PAC that cannot be read, of a request that is refused.
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

    #[inline(always)]
    fn tell(_: impl FnOnce() -> E) -> Unread {
        Unread
    }
}

/// It could not be read; a [`Full`] reader says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unread;
