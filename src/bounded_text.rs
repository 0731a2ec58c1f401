//! A stranger's text in an error: bounded, owned without allocation, and harmless to print.

use core::fmt::{self, Write as _};

/// The beginning of a text that a message carried: at most [`Excerpt::CAPACITY`] bytes, cut between characters.
///
/// Printed with `…` where it was cut, and with control, formatting and other invisible characters escaped, so that a
/// name with line breaks or direction marks cannot forge a line of a log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Excerpt {
    bytes: [u8; Self::CAPACITY],
    length: u8,
    cut: bool,
}

impl Excerpt {
    /// The most bytes kept.
    pub const CAPACITY: usize = 94;

    /// The beginning of `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut excerpt = Self { bytes: [0; Self::CAPACITY], length: 0, cut: false };
        excerpt.append(text);
        excerpt
    }

    /// The beginning of what `characters` spell.
    pub(crate) fn spelled(characters: impl Iterator<Item = char>) -> Self {
        let mut excerpt = Self::new("");
        for character in characters {
            excerpt.append(character.encode_utf8(&mut [0; 4]));
        }
        excerpt
    }

    /// The text kept, as it came: not fit for a log.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let kept = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        core::str::from_utf8(kept).unwrap_or_default()
    }

    /// As [`Self::append`], the bytes of a text.
    pub(crate) fn append_bytes(&mut self, text: &[u8]) {
        let end = usize::from(self.length).saturating_add(text.len());
        match self.bytes.get_mut(usize::from(self.length)..end) {
            // It need not be looked at where it need not be cut.
            Some(place) if !self.cut => {
                place.copy_from_slice(text);
                self.length = u8::try_from(end).unwrap_or(u8::MAX);
            }
            _ => self.append(core::str::from_utf8(text).unwrap_or_default()),
        }
    }

    pub(crate) fn append(&mut self, text: &str) {
        let start = usize::from(self.length);
        let room = if self.cut { 0 } else { Self::CAPACITY.saturating_sub(start) };
        let fitting = (0..=room.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        self.cut |= fitting < text.len();
        let end = start.saturating_add(fitting);
        if let (Some(place), Some(kept)) = (self.bytes.get_mut(start..end), text.as_bytes().get(..fitting)) {
            place.copy_from_slice(kept);
            self.length = u8::try_from(end).unwrap_or(u8::MAX);
        }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ellipsis = if self.cut { "…" } else { "" };
        write!(f, "{}{ellipsis}", Escaped(self.as_str()))
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Prints text with everything escaped that does not show as itself.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| {
            if is_harmless(character) { f.write_char(character) } else { write!(f, "{}", character.escape_unicode()) }
        })
    }
}

/// Whether a character shows as itself. `escape_debug` knows control, format, unassigned and combining characters; it
/// escapes quotes and backslashes too, which in a name of Active Directory are not dangerous, but a backslash left as it
/// is would make the escapes ambiguous.
fn is_harmless(character: char) -> bool {
    matches!(character, '"' | '\'') || character.escape_debug().len() == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn what_is_printed_stays_on_its_line() {
        let hostile = "a\r\nb\u{202E}c\u{200B}d\u{0}e\u{85}f\u{2028}g\\h";
        let printed = Excerpt::new(hostile).to_string();
        assert_eq!(printed, r"a\u{d}\u{a}b\u{202e}c\u{200b}d\u{0}e\u{85}f\u{2028}g\u{5c}h");
        assert_eq!(Excerpt::new("Łukasz O'Neill 李 \"x\"").to_string(), "Łukasz O'Neill 李 \"x\"");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let long = "é".repeat(Excerpt::CAPACITY);
        let excerpt = Excerpt::new(&long);
        assert_eq!(excerpt.as_str(), "é".repeat(Excerpt::CAPACITY / 2));
        assert!(excerpt.to_string().ends_with("é…"));
        assert_eq!(Excerpt::new("short").to_string(), "short");
    }

    #[test]
    fn text_is_kept_up_to_the_capacity() {
        for (length, kept, shown) in [
            (Excerpt::CAPACITY - 1, Excerpt::CAPACITY - 1, ""),
            (Excerpt::CAPACITY, Excerpt::CAPACITY, ""),
            (Excerpt::CAPACITY + 1, Excerpt::CAPACITY, "…"),
        ] {
            let excerpt = Excerpt::new(&"x".repeat(length));
            assert_eq!(excerpt.as_str(), "x".repeat(kept));
            assert_eq!(excerpt.to_string(), "x".repeat(kept) + shown);
        }
    }

    /// Bytes are appended as the text that they are, at every place and length near the end.
    #[test]
    fn bytes_are_kept_as_text_is() {
        for before in [0, 1, Excerpt::CAPACITY - 2, Excerpt::CAPACITY - 1, Excerpt::CAPACITY, Excerpt::CAPACITY + 1] {
            for after in ["", "x", "é", "xx", "xé", "李", &"é".repeat(Excerpt::CAPACITY)] {
                let mut text = Excerpt::new(&"a".repeat(before));
                let mut bytes = text;
                for _ in 0..2 {
                    text.append(after);
                    bytes.append_bytes(after.as_bytes());
                    assert_eq!((text, text.to_string()), (bytes, bytes.to_string()), "{after} after {before}");
                }
            }
        }
    }

    #[test]
    fn nothing_follows_a_cut() {
        let mut excerpt = Excerpt::new(&("x".repeat(Excerpt::CAPACITY - 1) + "é"));
        excerpt.append("y");
        assert_eq!(excerpt.as_str(), "x".repeat(Excerpt::CAPACITY - 1));
    }
}
