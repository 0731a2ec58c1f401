//! Unit tests of the module.

use super::*;

/// Errors are not boxed, because a refusal must not allocate memory. So every function that returns the error to its
/// caller copies the whole error, which must therefore stay small.
#[test]
fn error_has_at_most_512_octets() {
    assert!(size_of::<Error>() <= 512, "{}", size_of::<Error>());
}
