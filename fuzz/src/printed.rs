//! Checks that printed text is safe in a log: it has no control character and no bidirectional mark, and errors are
//! short.

use std::error::Error;
use std::fmt::{Debug, Display};

/// Checks the text of a value by `Display` and by `Debug`.
pub fn harmless(value: &(impl Display + Debug)) {
    harmless_text(&value.to_string());
    harmless_debug(value);
}

/// Checks the text of a value by `Debug`.
pub fn harmless_debug(value: &impl Debug) {
    harmless_text(&format!("{value:?}"));
}

/// Checks the text of an error and of its sources, and the length of each text.
pub fn harmless_error(error: &dyn Error) {
    let mut next = Some(error);
    while let Some(error) = next {
        bounded_text(&error.to_string());
        bounded_text(&format!("{error:?}"));
        next = error.source();
    }
}

/// Checks a printed text as [`harmless_text`] does, and checks that the text has at most 4,096 octets.
pub fn bounded_text(text: &str) {
    harmless_text(text);
    assert!(text.len() <= LONGEST, "{} octets: {text}", text.len());
}

/// Checks that a printed text has no control characters, no marks of direction, and no separators of lines or
/// paragraphs.
pub fn harmless_text(text: &str) {
    assert!(!text.contains(is_harmful), "{text:?}");
}

fn is_harmful(character: char) -> bool {
    let is_mark =
        matches!(character, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    character.is_control() || is_mark || matches!(character, '\u{2028}' | '\u{2029}')
}

/// The largest number of octets of an error's text. An error contains at most three texts of a peer, of at most 94
/// octets each. One octet of a peer's text is printed as at most nine octets.
const LONGEST: usize = 4096;
