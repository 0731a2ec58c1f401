//! Octets that no log may show.

use core::fmt;
use core::ops::Deref;

/// Octets that `Debug` does not print, such as a token, an answer, or a message with a key. `Debug` prints only the number of
/// octets, because a reader of the log could send the octets to the server. A struct with fields of this type can derive
/// `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unprinted<T>(pub(crate) T);

impl<T> Deref for Unprinted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: AsRef<[u8]>> fmt::Debug for Unprinted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} octets", self.0.as_ref().len())
    }
}
