//! Unit tests of the module.

use super::*;

/// Every refusal is returned by value, on a path that must not allocate.
#[test]
fn error_has_at_most_512_octets() {
    assert!(size_of::<Error>() <= 512, "{}", size_of::<Error>());
}
