//! Unit tests of the module.

use super::*;

#[test]
fn length_octets_have_the_shortest_form() {
    for (length, octets) in [
        (0, &[0][..]),
        (0x7F, &[0x7F]),
        (0x80, &[0x81, 0x80]),
        (0xFF, &[0x81, 0xFF]),
        (0x100, &[0x82, 1, 0]),
        (0xFFFF, &[0x82, 0xFF, 0xFF]),
        (0x1_0000, &[0x83, 1, 0, 0]),
        (0x1234_5678, &[0x84, 0x12, 0x34, 0x56, 0x78]),
    ] {
        assert_eq!(LengthOctets::of(length).as_slice(), octets, "{length:X}");
    }
    let longest = LengthOctets::of(usize::MAX);
    assert_eq!(longest.as_slice().len(), 1 + size_of::<usize>());
}
