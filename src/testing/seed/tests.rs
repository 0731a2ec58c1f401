//! Unit tests of the module.

use super::numbers;

/// The length of a part is hashed with 64 bits, even if `usize` has 32 bits. The expected numbers come from Python's
/// SHA-512.
#[test]
fn derived_numbers_are_equal_on_machines_of_32_and_64_bits() {
    assert_eq!(numbers("domain SID", &[b"CONTOSO.TEST"]), [2_414_420_194, 2_443_536_277, 2_568_925_871]);
}
