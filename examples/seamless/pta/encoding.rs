//! The values in messages, each of a bounded size: octets in base64url without padding (RFC 4648 section 5), and texts.
//!
//! The reader of a message refuses a value that is too long, padded, or not canonical. No error repeats a value.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use subtle::ConstantTimeEq as _;

/// Exactly `N` octets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fixed<const N: usize>([u8; N]);

/// From one to `MAX` octets.
#[derive(Clone, PartialEq, Eq)]
pub struct Octets<const MAX: usize>(Vec<u8>);

/// A text of one to `MAX` characters without control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const MAX: usize>(String);

impl<const N: usize> Fixed<N> {
    /// Takes the octets.
    #[must_use]
    pub const fn new(octets: [u8; N]) -> Self {
        Self(octets)
    }

    /// Returns the octets.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }

    /// Reads the base64url form, which must be canonical.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// Returns whether two values are equal, in constant time.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl<const N: usize> fmt::Display for Fixed<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// Shows the number of octets only, because they may be secret.
impl<const N: usize> fmt::Debug for Fixed<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fixed({N} octets)")
    }
}

impl<const MAX: usize> Octets<MAX> {
    /// Takes the octets. Returns `None` if there are no octets or too many.
    #[must_use]
    pub fn new(octets: Vec<u8>) -> Option<Self> {
        (1..=MAX).contains(&octets.len()).then_some(Self(octets))
    }

    /// Returns the octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Shows the number of octets only, because they may be a ticket.
impl<const MAX: usize> fmt::Debug for Octets<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Octets({} octets)", self.0.len())
    }
}

impl<const MAX: usize> Text<MAX> {
    /// Takes the text. Returns `None` for an empty text, a control character, or too many characters.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        // A character has four octets at most.
        let is_short = text.len() <= MAX.saturating_mul(4) && (1..=MAX).contains(&text.chars().count());
        (is_short && !text.chars().any(char::is_control)).then_some(Self(text))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX: usize> fmt::Debug for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// Reads a JSON string with the function `read`, which returns `None` for a string that is not a valid value.
pub(crate) fn from_text<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    read: fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    struct FromText<T>(&'static str, fn(&str) -> Option<T>);

    impl<T> Visitor<'_> for FromText<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            self.1(text).ok_or_else(|| E::custom(self.0))
        }
    }

    deserializer.deserialize_str(FromText(expected, read))
}

impl<'de, const N: usize> Deserialize<'de> for Fixed<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a fixed number of octets in base64url without padding", Self::parse)
    }
}

impl<const N: usize> Serialize for Fixed<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Octets<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a bounded number of octets in base64url without padding", |text| {
            // Four characters of base64 are three octets. A text that is too long for `MAX` octets is not decoded.
            let is_short = text.len() / 4 <= MAX / 3;
            is_short.then(|| URL_SAFE_NO_PAD.decode(text).ok()).flatten().and_then(Self::new)
        })
    }
}

impl<const MAX: usize> Serialize for Octets<MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a text of bounded length without control characters", |text| Self::new(text))
    }
}

impl<const MAX: usize> Serialize for Text<MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_read_from_canonical_base64url_of_the_right_length_only() {
        let read = |text: &str| serde_json::from_value::<Fixed<4>>(text.into()).ok();
        assert_eq!(read("__79_A"), Some(Fixed::new([0xFF, 0xFE, 0xFD, 0xFC])));
        for text in ["", "__79_A==", "//79/A", "__79_B", "__79", "__79_AAA", " __79_A"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn octets_and_texts_up_to_their_limits_are_read_and_empty_or_longer_ones_are_refused() {
        for (length, is_read) in [(0, false), (1, true), (9, true), (10, false), (1_000, false)] {
            let text = URL_SAFE_NO_PAD.encode(vec![7; length]);
            assert_eq!(serde_json::from_value::<Octets<9>>(text.into()).is_ok(), is_read, "{length}");
            for letter in ["a", "é", "😀"] {
                assert_eq!(Text::<9>::new(letter.repeat(length)).is_some(), is_read, "{letter} {length}");
            }
        }
        assert_eq!(Text::<9>::new("a\nb"), None);
    }

    #[test]
    fn debug_output_of_a_value_does_not_show_its_octets() {
        let shown = format!("{:?} {:?}", Fixed::new([0xAB; 4]), Octets::<4>::new(vec![0xAB]).unwrap());
        assert_eq!(shown, "Fixed(4 octets) Octets(1 octets)");
    }
}
