#![allow(clippy::indexing_slicing)]
use super::*;

#[test]
fn octets_that_differ_in_a_bit_or_in_length_are_not_the_same() {
    for length in 0..40 {
        let one = [7_u8; 40];
        assert!(same(&one[..length], &one[..length]), "{length}");
        for other in (0..40).filter(|other| *other != length) {
            assert!(!same(&one[..length], &one[..other]), "{length} {other}");
        }
        for at in 0..length {
            for bit in 0..8 {
                let mut changed = one;
                changed[at] ^= 1 << bit;
                assert!(!same(&one[..length], &changed[..length]), "{length} {at} {bit}");
            }
        }
    }
}
