//! What somebody has pasted, to a header value or a token: the whole header line, its value, base64 with line breaks, or the
//! bytes themselves.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub(crate) enum Pasted {
    /// The value of an `Authorization` header.
    Header(Vec<u8>),
    Token(Vec<u8>),
}

impl Pasted {
    /// What is neither a header nor base64 is taken for the token's own bytes.
    pub(crate) fn recognise(contents: &[u8]) -> Self {
        Self::of_text(contents).unwrap_or_else(|| Self::Token(contents.to_vec()))
    }

    /// A header or base64; `None` for anything else.
    pub(crate) fn of_text(text: &[u8]) -> Option<Self> {
        let value = without_name(text.trim_ascii());
        if names_a_scheme(value) {
            return Some(Self::Header(without_line_breaks(value)));
        }
        let encoded: Vec<u8> = value.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        STANDARD.decode(encoded).ok().filter(|token| !token.is_empty()).map(Self::Token)
    }
}

/// `Authorization: Negotiate …` is a header with its name before it, as a browser's tools and curl show it.
fn without_name(contents: &[u8]) -> &[u8] {
    let contents = contents.strip_prefix(b"> ").unwrap_or(contents);
    let name = contents.get(..NAME.len()).unwrap_or_default();
    let rest = contents.get(NAME.len()..).unwrap_or_default();
    if name.eq_ignore_ascii_case(NAME) { rest.trim_ascii() } else { contents }
}

/// Whether the bytes are ASCII and begin with a scheme and a blank (RFC 9110 section 11.4).
fn names_a_scheme(value: &[u8]) -> bool {
    let mut words = value.splitn(2, |byte| is_blank(*byte));
    let scheme = words.next().unwrap_or_default();
    let is_scheme = !scheme.is_empty() && scheme.len() <= MAX_SCHEME && scheme.iter().all(u8::is_ascii_alphabetic);
    is_scheme && value.is_ascii() && (words.next().is_some() || scheme.eq_ignore_ascii_case(b"Negotiate"))
}

/// The scheme, and what follows it without the line breaks that a mail or a terminal has put in.
fn without_line_breaks(value: &[u8]) -> Vec<u8> {
    let scheme = value.iter().position(|byte| is_blank(*byte)).unwrap_or(value.len());
    let (scheme, rest) = value.split_at_checked(scheme).unwrap_or((value, &[]));
    let rest = rest.trim_ascii().iter().filter(|byte| !matches!(byte, b'\r' | b'\n'));
    scheme.iter().chain(b" ").chain(rest).copied().collect()
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

const NAME: &[u8] = b"Authorization:";

/// Longer than any scheme that is registered; the first line of a token in base64 is longer.
const MAX_SCHEME: usize = 20;
