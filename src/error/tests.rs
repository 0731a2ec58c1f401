//! Unit tests of the module.

use super::*;

/// Errors are not boxed, because a refusal must not allocate memory. Each function on the path moves all these octets.
#[test]
fn error_has_at_most_512_octets() {
    assert!(size_of::<Error>() <= 512, "{}", size_of::<Error>());
}
