//! Text as Windows writes it: UTF-16 in little-endian order.

use crate::bounded_text::Escaped;
use alloc::string::String;
use core::fmt::{self, Write as _};

/// Text in UTF-16, borrowed from the PAC or the authenticator that holds it.
///
/// The text holds no NUL and no unpaired surrogate: the readers refuse a text that holds one. If they replaced unpaired
/// surrogates by U+FFFD, two different names could become equal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct WideText<'a>(&'a [u8]);

impl<'a> WideText<'a> {
    /// Makes a text from octets. Returns `None` if the octets are not whole code units and valid text.
    pub(crate) fn new(bytes: &'a [u8]) -> Option<Self> {
        let text = Self(bytes);
        let is_text =
            bytes.len() % 2 == 0 && (text.is_plain() || text.decode().all(|unit| unit.is_ok_and(|c| c != '\0')));
        is_text.then_some(text)
    }

    /// Makes a text from octets that [`new`](Self::new) has accepted before.
    pub(crate) const fn of_checked(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Returns the octets.
    pub(crate) const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Splits the text at the last occurrence of `character`, an ASCII character. Returns `None` if the text does not
    /// hold this character. Both parts are valid text, because no half of a surrogate pair is an ASCII character.
    pub(crate) fn rsplit_once(self, character: u8) -> Option<(Self, Self)> {
        let at = self.0.chunks_exact(2).rposition(|unit| unit == [character, 0])?.checked_mul(2)?;
        let (head, tail) = self.0.split_at_checked(at)?;
        Some((Self(head), Self(tail.get(2..)?)))
    }

    /// Returns whether the text is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Returns the characters.
    pub fn chars(self) -> impl Iterator<Item = char> {
        // `new` refused unpaired surrogates, so this line replaces no character.
        self.decode().map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    /// Returns the text without escapes. For a log use [`Display`](fmt::Display), which escapes characters that do not
    /// print as themselves.
    #[must_use]
    pub fn decoded(self) -> String {
        self.chars().collect()
    }

    /// Returns whether this text equals `text`, ignoring the case of ASCII letters.
    pub(crate) fn eq_ignore_ascii_case(self, mut text: impl Iterator<Item = char>) -> bool {
        self.chars().all(|own| text.next().is_some_and(|other| own.eq_ignore_ascii_case(&other)))
            && text.next().is_none()
    }

    /// Returns whether this text equals `text`, ignoring the case of letters. `text` must be ASCII.
    pub(crate) fn is_ascii(self, text: &[u8]) -> bool {
        // The length check ensures that `zip` compares all units with all octets.
        self.0.len() % 2 == 0
            && self.0.len() / 2 == text.len()
            && self
                .0
                .chunks_exact(2)
                .zip(text)
                .all(|(unit, octet)| matches!(unit, [own, 0] if own.eq_ignore_ascii_case(octet) && octet.is_ascii()))
    }

    /// Returns whether the last character is `character`. `character` must be ASCII.
    pub(crate) fn ends_with(self, character: char) -> bool {
        self.0.last_chunk::<2>().is_some_and(|unit| u32::from(u16::from_le_bytes(*unit)) == u32::from(character))
    }

    fn decode(self) -> impl Iterator<Item = Result<char, core::char::DecodeUtf16Error>> {
        let units = self.0.chunks_exact(2).filter_map(<[u8]>::first_chunk);
        char::decode_utf16(units.map(|unit| u16::from_le_bytes(*unit)))
    }

    /// Returns whether the text is ASCII without NUL, like most names. The check reads four units at a time, which takes a
    /// quarter of the instructions of a check that reads one unit at a time. The last four units are checked separately,
    /// because the length need not be a multiple of four.
    fn is_plain(self) -> bool {
        const ONES: u64 = 0x0001_0001_0001_0001;
        const UPPER: u64 = 0xFF80_FF80_FF80_FF80;
        // If a unit is 1 to 127, the upper nine bits are zero in the unit and in the unit minus one. For a unit of 0,
        // the subtraction wraps and sets the upper nine bits.
        let marks_of = |word: u64| word | word.wrapping_sub(ONES);
        let marks = if let Some(last) = self.0.last_chunk() {
            let words = self.0.chunks_exact(8).filter_map(<[u8]>::first_chunk);
            words.fold(marks_of(u64::from_le_bytes(*last)), |marks, word| marks | marks_of(u64::from_le_bytes(*word)))
        } else {
            // If the text has fewer than four units, the other units of the word are 1, which passes the check.
            let units = self.0.chunks_exact(2).filter_map(<[u8]>::first_chunk);
            marks_of(units.fold(ONES, |word, unit| word << 16 | u64::from(u16::from_le_bytes(*unit))))
        };
        marks & UPPER == 0
    }
}

/// Compares the characters.
impl PartialEq<str> for WideText<'_> {
    fn eq(&self, other: &str) -> bool {
        self.chars().eq(other.chars())
    }
}

/// Prints the text, and escapes characters that do not print as themselves.
impl fmt::Display for WideText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chars().try_for_each(|character| write!(f, "{}", Escaped(character.encode_utf8(&mut [0; 4]))))
    }
}

impl fmt::Debug for WideText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        fmt::Display::fmt(self, f)?;
        f.write_char('"')
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
