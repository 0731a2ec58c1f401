//! Text from a peer's message, for an error. The text has a limited length, needs no allocation, and is safe to print.

use core::fmt::{self, Write as _};

/// The beginning of a text from a message: at most [`BoundedText::CAPACITY`] octets, cut between characters.
///
/// `Display` prints `…` at the place where the text was cut. `Display` also escapes control, format and other invisible
/// characters. So a name with line breaks or direction marks cannot forge a line of a log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BoundedText {
    octets: [u8; Self::CAPACITY],
    length: u8,
    cut: bool,
}

impl BoundedText {
    /// The largest number of octets that are kept.
    pub const CAPACITY: usize = 94;

    /// The empty text.
    pub(crate) const EMPTY: Self = Self { octets: [0; Self::CAPACITY], length: 0, cut: false };

    /// Keeps the beginning of `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut bounded = Self::EMPTY;
        bounded.append(text);
        bounded
    }

    /// Keeps the beginning of the text that `characters` yields.
    pub(crate) fn spelled(characters: impl Iterator<Item = char>) -> Self {
        let mut bounded = Self::EMPTY;
        for character in characters {
            bounded.append(character.encode_utf8(&mut [0; 4]));
        }
        bounded
    }

    /// Keeps the beginning of the text that `value` displays.
    pub(crate) fn displayed(value: &impl fmt::Display) -> Self {
        let mut bounded = Self::EMPTY;
        // The call fails only if the `Display` of `value` fails. The text then ends at that place.
        let _ = write!(bounded, "{value}");
        bounded
    }

    /// Returns the kept text unchanged. Use `Display` for a log instead, because this text is not escaped.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.kept()
    }

    /// Returns whether the text was longer than the kept text.
    pub(crate) const fn is_cut(&self) -> bool {
        self.cut
    }

    #[expect(clippy::expect_used, reason = "`append` copies whole characters, and counts the octets that it copies")]
    fn kept(&self) -> &str {
        let kept = self.octets.get(..usize::from(self.length)).expect("no more octets than there are");
        core::str::from_utf8(kept).expect("whole characters")
    }

    /// Appends as much of `text` as fits. After a cut, this function appends nothing.
    pub(crate) fn append(&mut self, text: &str) {
        if self.cut {
            return;
        }
        let (_, free) = self.octets.split_at_mut(usize::from(self.length));
        let mut end = text.len().min(free.len());
        while !text.is_char_boundary(end) {
            end = end.wrapping_sub(1); // zero is a boundary
        }
        self.cut = end < text.len();
        let (kept, _) = text.split_at(end);
        free.split_at_mut(end).0.copy_from_slice(kept.as_bytes());
        // `length` plus `end` is at most CAPACITY, so the sum does not wrap.
        self.length = self.length.wrapping_add(u8::try_from(end).unwrap_or(u8::MAX));
    }
}

impl fmt::Write for BoundedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.append(text);
        Ok(())
    }
}

impl fmt::Display for BoundedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ellipsis = if self.cut { "…" } else { "" };
        write!(f, "{}{ellipsis}", Escaped(self.as_str()))
    }
}

impl fmt::Debug for BoundedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Text whose `Display` escapes control, invisible and similar characters.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| {
            if is_harmless(character) { f.write_char(character) } else { write!(f, "{}", character.escape_unicode()) }
        })
    }
}

/// Returns whether a character can be printed without an escape. `escape_debug` escapes control, format, unassigned and
/// combining characters, and white space. `escape_debug` also escapes backslashes, because plain backslashes would make the
/// escapes ambiguous. Quotes are harmless in a name, so this function exempts them.
fn is_harmless(character: char) -> bool {
    matches!(character, '"' | '\'') || character.escape_debug().len() == 1 && !is_invisible(character)
}

/// Returns whether a character is invisible, or changes how other characters are displayed.
fn is_invisible(character: char) -> bool {
    DEFAULT_IGNORABLE.iter().chain(BLANK).any(|(first, last)| (*first..=*last).contains(&character))
}

/// The first and the last character of each range of Default_Ignorable_Code_Point (Unicode Standard Annex 44, the file
/// `DerivedCoreProperties.txt`). The ranges include the Hangul fillers, whose category is letter, and the controls of
/// bidirectional text (Unicode Standard Annex 9).
const DEFAULT_IGNORABLE: &[(char, char)] = &[
    ('\u{AD}', '\u{AD}'),
    ('\u{34F}', '\u{34F}'),
    ('\u{61C}', '\u{61C}'),
    ('\u{115F}', '\u{1160}'),
    ('\u{17B4}', '\u{17B5}'),
    ('\u{180B}', '\u{180F}'),
    ('\u{200B}', '\u{200F}'),
    ('\u{202A}', '\u{202E}'),
    ('\u{2060}', '\u{206F}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{FE00}', '\u{FE0F}'),
    ('\u{FEFF}', '\u{FEFF}'),
    ('\u{FFA0}', '\u{FFA0}'),
    ('\u{FFF0}', '\u{FFF8}'),
    ('\u{1BCA0}', '\u{1BCA3}'),
    ('\u{1D173}', '\u{1D17A}'),
    ('\u{E0000}', '\u{E0FFF}'),
];

/// Characters that are blank although their category is symbol or letter: the Braille pattern without dots, the Egyptian
/// blanks, and the musical null notehead.
const BLANK: &[(char, char)] = &[('\u{2800}', '\u{2800}'), ('\u{13441}', '\u{13442}'), ('\u{1D159}', '\u{1D159}')];

#[cfg(test)]
mod tests;
