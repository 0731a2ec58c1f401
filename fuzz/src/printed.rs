//! What is printed is fit for a log: no control character, no mark of direction, and for an error no endless text.

use std::error::Error;
use std::fmt::{Debug, Display};

/// Checks what a value prints, by `Display` and by `Debug`.
pub fn harmless(value: &(impl Display + Debug)) {
    harmless_text(&value.to_string());
    harmless_debug(value);
}

/// Checks what a value without `Display` prints.
pub fn harmless_debug(value: &impl Debug) {
    harmless_text(&format!("{value:?}"));
}

/// Checks what an error and its causes print, and how much.
pub fn harmless_error(error: &dyn Error) {
    let mut next = Some(error);
    while let Some(error) = next {
        bounded_text(&error.to_string());
        bounded_text(&format!("{error:?}"));
        next = error.source();
    }
}

/// Checks a text that is printed, and that it is no longer than a log takes.
pub fn bounded_text(text: &str) {
    harmless_text(text);
    assert!(text.len() <= LONGEST, "{} octets: {text}", text.len());
}

/// Checks a text that is printed.
pub fn harmless_text(text: &str) {
    assert!(!text.contains(is_harmful), "{text:?}");
}

fn is_harmful(character: char) -> bool {
    let is_mark =
        matches!(character, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    character.is_control() || is_mark || matches!(character, '\u{2028}' | '\u{2029}')
}

/// A text of a peer has at most 94 octets in an error, and each is printed as at most nine. No error has more than three.
const LONGEST: usize = 4096;
