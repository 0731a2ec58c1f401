//! Unit tests of the module.

use super::U24;

#[test]
fn u24_saturates_above_24_bits() {
    for (number, kept) in [(0, 0), (0x00FF_FFFE, 0x00FF_FFFE), (0x00FF_FFFF, 0x00FF_FFFF), (0x0100_0000, 0x00FF_FFFF)] {
        assert_eq!(U24::at_most(number).value(), kept, "{number:#x}");
    }
    assert_eq!(U24::at_most(usize::MAX).value(), 0x00FF_FFFF);
}

#[test]
fn u24_distance_wraps_around_after_24_bits() {
    let [start, end] = [U24::at_most(0x00FF_FFFE), U24::at_most(3)];
    assert_eq!((end.since(start), start.since(start)), (5, 0));
}
