//! Unit tests of the module.

use super::*;
use alloc::vec::Vec;

/// A Windows KDC sets the flags 0x40A10000.
#[test]
fn flags_of_a_windows_kdc_have_the_names_of_the_rfc() {
    let names: Vec<_> = TicketFlags::from_bits(0x40A1_0000).names().collect();
    assert_eq!(names, ["forwardable", "renewable", "pre-authent", "enc-pa-rep"]);
    assert!(ApOptions::from_bits(0x2000_0000).contains(ApOptions::MUTUAL_REQUIRED));
    assert!(!ApOptions::from_bits(0x2000_0000).contains(ApOptions::USE_SESSION_KEY));
}
