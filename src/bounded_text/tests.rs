use super::*;
use alloc::string::ToString;

#[test]
fn control_and_format_characters_are_escaped() {
    let hostile = "a\r\nb\u{202E}c\u{200B}d\u{0}e\u{85}f\u{2028}g\\h";
    let printed = BoundedText::new(hostile).to_string();
    assert_eq!(printed, r"a\u{d}\u{a}b\u{202e}c\u{200b}d\u{0}e\u{85}f\u{2028}g\u{5c}h");
    assert_eq!(BoundedText::new("Łukasz O'Neill 李 \"x\"").to_string(), "Łukasz O'Neill 李 \"x\"");
}

/// Tries all invisible characters, and the visible characters next to the ranges of invisible characters.
#[test]
fn invisible_characters_are_escaped_and_visible_characters_with_adjacent_numbers_are_not() {
    for (first, last) in DEFAULT_IGNORABLE.iter().chain(BLANK) {
        for hidden in *first..=*last {
            assert_eq!(
                BoundedText::new(&alloc::format!("a{hidden}b")).to_string(),
                alloc::format!("a{}b", hidden.escape_unicode())
            );
        }
    }
    // White space and controls of bidirectional text that are not in Default_Ignorable_Code_Point.
    for hidden in "\u{A0}\u{1680}\u{2000}\u{200A}\u{2028}\u{2029}\u{202F}\u{205F}\u{3000}\u{FFF9}\u{FFFB}".chars() {
        assert_eq!(Escaped(hidden.encode_utf8(&mut [0; 4])).to_string(), hidden.escape_unicode().to_string());
    }
    for neighbour in
        "\u{AC}\u{AE}\u{61B}\u{115E}\u{1161}\u{17B3}\u{17B6}\u{180A}\u{2010}\u{2027}\u{3163}\u{3165}\u{FE10}\u{FFA1}\u{FFFD}\
         \u{27FF}\u{2801}\u{1D158}\u{1D15A}"
            .chars()
    {
        let text = neighbour.encode_utf8(&mut [0; 4]).to_string();
        assert_eq!(Escaped(&text).to_string(), text, "{}", neighbour.escape_unicode());
    }
}

#[test]
fn long_text_is_cut_between_characters() {
    let long = "é".repeat(BoundedText::CAPACITY);
    let text = BoundedText::new(&long);
    assert_eq!(text.as_str(), "é".repeat(BoundedText::CAPACITY / 2));
    assert!(text.to_string().ends_with("é…"));
    assert_eq!(BoundedText::new("short").to_string(), "short");
}

#[test]
fn text_is_kept_up_to_the_capacity() {
    for (length, kept, shown) in [
        (BoundedText::CAPACITY - 1, BoundedText::CAPACITY - 1, ""),
        (BoundedText::CAPACITY, BoundedText::CAPACITY, ""),
        (BoundedText::CAPACITY + 1, BoundedText::CAPACITY, "…"),
    ] {
        let text = BoundedText::new(&"x".repeat(length));
        assert_eq!(text.as_str(), "x".repeat(kept));
        assert_eq!(text.to_string(), "x".repeat(kept) + shown);
    }
}

#[test]
fn text_after_a_cut_is_dropped() {
    let mut text = BoundedText::new(&("x".repeat(BoundedText::CAPACITY - 1) + "é"));
    text.append("y");
    assert_eq!(text.as_str(), "x".repeat(BoundedText::CAPACITY - 1));
}
