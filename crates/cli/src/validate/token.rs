//! Reads a TOKEN argument from a file or standard input, and recognises a token or a header value.

use crate::arguments::Form;
use crate::input;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;

pub(crate) enum Token {
    Bytes(Vec<u8>),
    Header(Vec<u8>),
}

impl Token {
    pub(crate) fn read(path: &Path, form: Form) -> Result<Self, String> {
        let contents = input::token(path)?;
        Ok(match form {
            Form::Header => Self::Header(contents),
            Form::Any => Self::recognise(contents),
        })
    }

    /// Recognises a header by its scheme, and base64 by its alphabet. A binary token is neither a header nor base64: no
    /// token begins with letters and a blank, or consists of base64 digits only.
    fn recognise(contents: Vec<u8>) -> Self {
        if names_a_scheme(&contents) {
            return Self::Header(contents);
        }
        let text: Vec<u8> = contents.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        match STANDARD.decode(text) {
            Ok(token) if !token.is_empty() => Self::Bytes(token),
            _ => Self::Bytes(contents),
        }
    }
}

/// Returns whether the octets are ASCII and begin with a scheme and a blank (RFC 9110 section 11.4), or are `Negotiate`
/// alone.
fn names_a_scheme(contents: &[u8]) -> bool {
    let value = contents.trim_ascii();
    let mut words = value.splitn(2, |byte| *byte == b' ');
    let scheme = words.next().unwrap_or_default();
    let is_scheme = !scheme.is_empty() && scheme.iter().all(u8::is_ascii_alphabetic);
    is_scheme && value.is_ascii() && (words.next().is_some() || scheme.eq_ignore_ascii_case(b"Negotiate"))
}
