//! Unit tests of the module.

use super::*;

#[test]
fn message_type_differs_from_the_usage_only_for_usages_3_and_23() {
    for number in 0..1030_u32 {
        let expected = match number {
            3 => 8,
            23 => 13,
            other => other,
        };
        assert_eq!(message_type(KeyUsage(number)), expected.to_le_bytes());
    }
}
