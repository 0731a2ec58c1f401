//! The `Authorization` value of HTTP Negotiate (RFC 4559). This module decodes the token in such a value, and encodes a
//! token as a value.

use alloc::string::String;
use alloc::vec::Vec;
use base64::Engine as _;
use thiserror::Error;

/// The reason why an `Authorization` value holds no Negotiate token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeaderProblem {
    /// The value has a scheme other than Negotiate. The error does not repeat the scheme, because a password may follow
    /// it.
    #[error("the scheme is not Negotiate")]
    OtherScheme,
    /// The value is `Negotiate` without a token.
    #[error("no token follows the scheme")]
    NoToken,
    /// The token is not canonical base64 with padding.
    #[error("the token is not canonical base64")]
    Base64,
    /// The token contains white space: a program broke the base64 into lines, as programs do for mail.
    #[error("the token's base64 contains white space")]
    Wrapped,
    /// The token is base64 without the `=` at its end.
    #[error("the token's base64 has no padding: its length is not a multiple of four")]
    Unpadded,
    /// The request has two `Negotiate` values, or a `Negotiate` value in a list with other values.
    #[error("the request has more than one value, or a list of values")]
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
/// base64 must be canonical and padded, so that every token has exactly one header value. If the length of the base64
/// shows that the token has more than `max_token_size` octets, the function does not decode the base64.
pub(crate) fn decode(value: &[u8], max_token_size: usize) -> Result<Vec<u8>, HeaderFault> {
    let encoded = base64_part(value).map_err(HeaderFault::Problem)?;
    // Four characters encode three octets. Up to two of these octets may be padding. Only decoding finds the padding,
    // so the check allows `max_token_size` and two octets. No slice has more than half of the address space, so the
    // multiplication cannot saturate. `base64_part` returns at least one character, so the subtraction cannot saturate
    // either.
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

/// The base64 coder for the standard alphabet, canonical and padded, with the processor's vector instructions. The
/// program makes this value once, because making its tables takes longer than decoding a header.
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
mod tests;
