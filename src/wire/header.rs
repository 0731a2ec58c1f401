//! The `Authorization` value of HTTP Negotiate (RFC 4559): decodes the scheme and the base64 into the octets of the
//! token, and encodes a token.

use alloc::string::String;
use alloc::vec::Vec;
use base64::Engine as _;
use thiserror::Error;

/// The reason why an `Authorization` value holds no Negotiate token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeaderProblem {
    /// The value has another scheme. The error does not repeat the scheme: a password may follow it.
    #[error("another scheme")]
    OtherScheme,
    /// The value is `Negotiate` without a token.
    #[error("no token follows the scheme")]
    NoToken,
    /// The token is not base64 in its one canonical, padded spelling.
    #[error("the token is not canonical base64")]
    Base64,
    /// The token contains white space: its base64 was broken into lines, as for mail.
    #[error("the token's base64 contains white space")]
    Wrapped,
    /// The token is base64 without the `=` at its end.
    #[error("the token's base64 has no padding: its length is not a multiple of four")]
    Unpadded,
    /// The request has two `Negotiate` values, or a `Negotiate` value in a list with other values.
    #[error("more than one value, or a list of values")]
    Several,
}

/// The reason why a value cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    Problem(HeaderProblem),
    TooLarge { size: usize, limit: usize },
}

/// Decodes the token in `Negotiate <base64>`.
///
/// The case of the scheme's letters is ignored (RFC 9110 section 11.1), and so is white space around the value. The
/// base64 must be the canonical, padded spelling, so that every token has exactly one header value. If the token must
/// have more than `max_token_size` octets, the function refuses the token before it decodes the base64.
pub(crate) fn decode(value: &[u8], max_token_size: usize) -> Result<Vec<u8>, HeaderFault> {
    let encoded = base64_part(value).map_err(HeaderFault::Problem)?;
    // Four characters encode three octets. Up to two of the octets may be padding, which only decoding finds, so the
    // check allows two octets more. No slice has more than half of the address space, so the multiplication cannot
    // saturate. `base64_part` returns at least one character, so the subtraction cannot saturate either.
    let decoded_size = encoded.len().div_ceil(4).saturating_mul(3);
    if decoded_size.saturating_sub(2) > max_token_size {
        return Err(HeaderFault::TooLarge { size: decoded_size, limit: max_token_size });
    }
    let mut token = Vec::with_capacity(decoded_size);
    ENGINE.decode_vec(encoded, &mut token).map_err(|_| HeaderFault::Problem(base64_problem(encoded)))?;
    Ok(token)
}

/// Returns the reason why the base64 of a token cannot be decoded.
#[cold]
fn base64_problem(encoded: &[u8]) -> HeaderProblem {
    let is_of_alphabet = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/' | b'=');
    if !encoded.iter().all(|octet| is_of_alphabet(octet) || octet.is_ascii_whitespace()) {
        HeaderProblem::Base64
    } else if encoded.iter().any(u8::is_ascii_whitespace) {
        HeaderProblem::Wrapped
    } else if !encoded.contains(&b'=') && matches!(encoded.len() % 4, 2 | 3) {
        HeaderProblem::Unpadded
    } else {
        HeaderProblem::Base64
    }
}

/// Splits a value into its scheme and the credentials after the scheme (RFC 9110 section 11.4).
pub(crate) fn split_scheme(value: &[u8]) -> (&[u8], &[u8]) {
    let value = value.trim_ascii();
    let end = value.iter().position(|octet| matches!(octet, b' ' | b'\t')).unwrap_or(value.len());
    let (scheme, rest) = value.split_at(end);
    (scheme, rest.trim_ascii_start())
}

/// Returns whether a scheme is Negotiate, ignoring the case of its letters.
pub(crate) fn is_negotiate(scheme: &[u8]) -> bool {
    scheme.eq_ignore_ascii_case(b"Negotiate")
}

/// Encodes a token as `Negotiate <base64>`.
pub(crate) fn encode(token: &[u8]) -> String {
    let mut value = String::from("Negotiate ");
    ENGINE.encode_string(token, &mut value);
    value
}

/// The base64 engine for the standard alphabet, canonical and padded. The engine uses the processor's vector
/// instructions. The engine is made once, because making its tables takes longer than decoding a header.
#[cfg(all(feature = "std", any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon"))))]
static ENGINE: std::sync::LazyLock<base64::engine::Simd> =
    std::sync::LazyLock::new(|| base64::engine::Simd::standard(base64::engine::general_purpose::PAD));

#[cfg(not(all(feature = "std", any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")))))]
static ENGINE: base64::engine::GeneralPurpose = base64::engine::general_purpose::STANDARD;

fn base64_part(value: &[u8]) -> Result<&[u8], HeaderProblem> {
    match split_scheme(value) {
        (scheme, _) if !is_negotiate(scheme) => Err(HeaderProblem::OtherScheme),
        (_, []) => Err(HeaderProblem::NoToken),
        (_, encoded) => Ok(encoded),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn scheme_is_accepted_in_any_case() {
        for value in ["Negotiate YII=", "negotiate YII=", "NEGOTIATE \t YII=", "  Negotiate YII= \t"] {
            assert_eq!(decode(value.as_bytes(), 100).unwrap(), [0x60, 0x82], "{value:?}");
        }
    }

    #[test]
    fn authorization_value_without_a_token_is_refused_with_its_reason() {
        for (value, problem) in [
            ("", HeaderProblem::OtherScheme),
            ("Basic dXNlcjpwYXNz", HeaderProblem::OtherScheme),
            ("NTLM TlRMTVNTUAAB", HeaderProblem::OtherScheme),
            ("Negotiated YII=", HeaderProblem::OtherScheme),
            ("Negotiate\u{A0}YII=", HeaderProblem::OtherScheme),
            ("Negotiate", HeaderProblem::NoToken),
            ("Negotiate   ", HeaderProblem::NoToken),
            ("Negotiate YII", HeaderProblem::Unpadded),
            ("Negotiate YA", HeaderProblem::Unpadded),
            ("Negotiate Y", HeaderProblem::Base64),
            ("Negotiate YA=", HeaderProblem::Base64),
            ("Negotiate YIJ=", HeaderProblem::Base64),
            ("Negotiate YI I=", HeaderProblem::Wrapped),
            ("Negotiate YII=\r\n YII=", HeaderProblem::Wrapped),
            ("Negotiate YI\nI", HeaderProblem::Wrapped),
            ("Negotiate YII=\r\nX: y", HeaderProblem::Base64),
            ("Negotiate YII=, Basic eA==", HeaderProblem::Base64),
            ("Negotiate YI_-", HeaderProblem::Base64),
        ] {
            assert_eq!(decode(value.as_bytes(), 100).unwrap_err(), HeaderFault::Problem(problem), "{value:?}");
        }
    }

    /// The vector engine decodes 32 octets at a time, the scalar engine one. Both engines must return the same result
    /// for every octet at every offset and for every length.
    #[test]
    fn vector_engine_decodes_every_value_as_the_scalar_engine_does() {
        for length in 0..100 {
            let token: Vec<u8> = (0..length).map(|octet: u8| octet.wrapping_mul(83)).collect();
            let mut value = encode(&token).into_bytes();
            assert_eq!(value, alloc::format!("Negotiate {}", STANDARD.encode(&token)).into_bytes());
            let all = value.len();
            for at in (10..all).filter(|at| length > 90 || at + 8 > all) {
                let good = value[at];
                // `decode` trims white space from the end of the header, and the scalar engine does not.
                for octet in (0..=u8::MAX).filter(|octet| !octet.is_ascii_whitespace()) {
                    value[at] = octet;
                    assert_eq!(decode(&value, 100).ok(), STANDARD.decode(&value[10..]).ok(), "{length} {at} {octet}");
                }
                value[at] = good;
            }
        }
    }

    #[test]
    fn authorization_value_over_the_size_limit_is_refused_before_decoding() {
        let at_limit = STANDARD.encode([0x60; 100]);
        let value = alloc::format!("Negotiate {at_limit}");
        assert_eq!(decode(value.as_bytes(), 100).unwrap().len(), 100);
        // By its length, this header could hold up to 102 octets. The exact size of a token is checked when the token
        // is read.
        assert!(decode(value.as_bytes(), 99).is_err());
        let rubbish = alloc::format!("Negotiate {}", "!".repeat(1_000_000));
        assert!(matches!(decode(rubbish.as_bytes(), 65_536).unwrap_err(), HeaderFault::TooLarge { size: 750_000, .. }));
    }
}
