use super::*;

/// The example of MS-XCA section 3.3.
const EXAMPLE: [u8; 59] = [
    0x38, 0xb0, 0x88, 0x46, 0x23, 0x20, 0x00, 0x20, 0x47, 0x20, 0x41, 0x00, 0x10, 0xa2, 0x47, 0x01, 0xa0, 0x45, 0x20,
    0x44, 0x00, 0x08, 0x45, 0x01, 0x50, 0x79, 0x00, 0xc0, 0x45, 0x20, 0x05, 0x24, 0x13, 0x88, 0x05, 0xb4, 0x02, 0x4a,
    0x44, 0xef, 0x03, 0x58, 0x02, 0x8c, 0x09, 0x16, 0x01, 0x48, 0x45, 0x00, 0xbe, 0x00, 0x9e, 0x00, 0x04, 0x01, 0x18,
    0x90, 0x00,
];
const PLAIN: &[u8] =
    b"F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E F# D E F# G F# D E F# G \
    F# E D E A F# F# G A A G F# E D D E F# E D D\0";

#[test]
fn lznt1_example_of_ms_xca_and_a_stored_chunk_decompress() {
    assert_eq!(lznt1(&EXAMPLE, PLAIN.len()).unwrap(), PLAIN);
    let stored = [&[0x02, 0x30][..], b"abc", &EXAMPLE, &[0, 0]].concat();
    assert_eq!(lznt1(&stored, PLAIN.len() + 3).unwrap(), [b"abc", PLAIN].concat());
}

#[test]
fn lznt1_is_refused_with_a_wrong_size_or_a_cut_input() {
    for size in [0, 1, PLAIN.len() - 1, PLAIN.len() + 1, usize::MAX] {
        assert_eq!(lznt1(&EXAMPLE, size), None, "{size}");
    }
    for length in 0..EXAMPLE.len() {
        assert_eq!(lznt1(&EXAMPLE[..length], PLAIN.len()), None, "{length}");
    }
}

#[test]
fn lznt1_match_outside_of_its_chunk_is_refused() {
    // In the first input, a match begins three octets back, but follows a single literal. In the second input, a match
    // makes the chunk longer than 4096 octets.
    assert_eq!(lznt1(&[0x03, 0xB0, 0x02, 0x61, 0x00, 0x20], 4), None);
    assert_eq!(lznt1(&[0x03, 0xB0, 0x02, 0x61, 0xFF, 0x0F], 4099), None);
    assert_eq!(lznt1(&[0x03, 0xB0, 0x02, 0x61, 0xFC, 0x0F], 4096).unwrap().len(), 4096);
}
