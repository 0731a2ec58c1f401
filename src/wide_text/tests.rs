use super::*;
use alloc::string::ToString;
use alloc::vec::Vec;

fn utf16(units: impl IntoIterator<Item = u16>) -> Vec<u8> {
    units.into_iter().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn text_of_any_script_is_accepted_and_decoded() {
    for text in ["", "alice", "Łukasz O'Neill", "李小龍", "𝄞 clef"] {
        let bytes = utf16(text.encode_utf16());
        let wide = WideText::new(&bytes).unwrap();
        assert!(wide == *text && wide.decoded() == text, "{text}");
    }
    let bytes = utf16("a\u{202E}b".encode_utf16());
    assert_eq!(WideText::new(&bytes).unwrap().to_string(), r"a\u{202e}b");
}

#[test]
fn text_with_a_lone_surrogate_or_a_nul_or_half_a_unit_is_refused() {
    for units in
        [&[0xD800_u16][..], &[0xDC00], &[0xD800, 0x41], &[0xDC00, 0xD800], &[0x41, 0xD800], &[0], &[0x41, 0, 0x42]]
    {
        assert_eq!(WideText::new(&utf16(units.iter().copied())), None, "{units:04X?}");
    }
    assert_eq!(WideText::new(&[0x41]), None);
}

/// Tests the smallest and the largest plain unit and their neighbours, at every place of a text. Some of the texts fill
/// whole words of 64 bits, and some do not.
#[test]
fn invalid_utf_16_unit_is_found_at_every_place_of_a_text_of_any_length() {
    for length in 0..=20 {
        for at in 0..length {
            for unit in [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xD7FF, 0xD800, 0xDFFF, 0xE000, 0xFFFF] {
                let mut units = alloc::vec![0x61; length];
                units[at] = unit;
                let expected = String::from_utf16(&units).ok().filter(|text| !text.contains('\0'));
                let bytes = utf16(units);
                let found = WideText::new(&bytes).map(WideText::decoded);
                assert_eq!(found, expected, "{unit:04X} at {at} of {length}");
            }
        }
    }
}

#[test]
fn comparison_ignores_the_case_of_ascii_letters_only() {
    let bytes = utf16("Ärger".encode_utf16());
    let wide = WideText::new(&bytes).unwrap();
    assert!(wide.eq_ignore_ascii_case("ÄRGER".chars()));
    for other in ["ärger", "Ärge", "Ärger1", ""] {
        assert!(!wide.eq_ignore_ascii_case(other.chars()), "{other}");
    }
}
