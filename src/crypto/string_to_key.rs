//! Keys from passwords: `string-to-key` of RFC 3962 section 4, RFC 8009 section 4 and RFC 4757 section 2.
//!
//! A password, a salt and an iteration count determine the key that the KDC holds for the account. The directory
//! determines the salt of an account. The default salt is the realm and the name without a separator. The case of
//! letters in a salt matters.

use alloc::string::String;

use zeroize::Zeroizing;

use super::enc_type::EncType;
use super::key::{Key, Secret};
#[cfg(feature = "rc4")]
use super::rfc4757;
use super::rfc8009::{Aes128Sha256, Aes256Sha384};
use super::{rfc3962, rfc8009};

/// Makes the key of an account from its password.
///
/// RC4 ignores `salt` and `iterations`. An iteration count of `None` means the default of the encryption type: 4,096
/// for types 17 and 18, and 32,768 for types 19 and 20.
///
/// # Errors
///
/// Returns [`StringToKeyError::Unsupported`] if this crate does not support the encryption type. Returns
/// [`StringToKeyError::Iterations`] if the iteration count is zero or above [`MAX_ITERATIONS`].
pub fn string_to_key(
    enc_type: EncType,
    password: &str,
    salt: &[u8],
    iterations: Option<u32>,
) -> Result<Key, StringToKeyError> {
    #[cfg(feature = "rc4")]
    if enc_type == EncType::RC4_HMAC {
        return Ok(Key::from_nt_hash(Key::nt_hash(password)));
    }
    let iterations = checked_iterations(enc_type, iterations)?;
    aes_key(enc_type, password.as_bytes(), salt, iterations)
}

/// Makes the key of an account from a password in UTF-16 units. Active Directory stores the passwords of computers and
/// of managed service accounts in this form.
///
/// The units of such a password are random, so they need not be valid text. For AES, this function converts the units
/// to UTF-8 as Windows does: an invalid unit becomes U+FFFD, and U+0000 becomes U+0001. RC4 uses the units unchanged.
///
/// # Errors
///
/// Returns the errors of [`string_to_key()`].
pub fn string_to_key_utf16(
    enc_type: EncType,
    password: &[u16],
    salt: &[u8],
    iterations: Option<u32>,
) -> Result<Key, StringToKeyError> {
    #[cfg(feature = "rc4")]
    if enc_type == EncType::RC4_HMAC {
        return Ok(Key::from_nt_hash(rfc4757::nt_hash(password.iter().copied())));
    }
    // Three octets suffice for every unit, so the string never grows and never leaves a copy in memory. A slice of
    // units is too short for the product to saturate.
    let mut text = Zeroizing::new(String::with_capacity(password.len().saturating_mul(3)));
    text.extend(char::decode_utf16(password.iter().copied()).map(|decoded| match decoded {
        Ok('\0') => '\u{1}',
        Ok(character) => character,
        Err(_) => char::REPLACEMENT_CHARACTER,
    }));
    string_to_key(enc_type, &text, salt, iterations)
}

fn aes_key(enc_type: EncType, password: &[u8], salt: &[u8], iterations: u32) -> Result<Key, StringToKeyError> {
    let secret = match enc_type {
        EncType::AES128_CTS_HMAC_SHA1_96 => {
            Secret::Aes128Sha1((*rfc3962::string_to_key::<aes::Aes128>(password, salt, iterations)).into())
        }
        EncType::AES256_CTS_HMAC_SHA1_96 => {
            Secret::Aes256Sha1((*rfc3962::string_to_key::<aes::Aes256>(password, salt, iterations)).into())
        }
        EncType::AES128_CTS_HMAC_SHA256_128 => {
            Secret::Aes128Sha256((*rfc8009::string_to_key::<Aes128Sha256>(password, salt, iterations)).into())
        }
        EncType::AES256_CTS_HMAC_SHA384_192 => {
            Secret::Aes256Sha384((*rfc8009::string_to_key::<Aes256Sha384>(password, salt, iterations)).into())
        }
        _ => return Err(StringToKeyError::Unsupported { enc_type }),
    };
    Ok(secret.into())
}

fn checked_iterations(enc_type: EncType, iterations: Option<u32>) -> Result<u32, StringToKeyError> {
    let default = match enc_type {
        EncType::AES128_CTS_HMAC_SHA1_96 | EncType::AES256_CTS_HMAC_SHA1_96 => 4096,
        EncType::AES128_CTS_HMAC_SHA256_128 | EncType::AES256_CTS_HMAC_SHA384_192 => 32768,
        _ => return Err(StringToKeyError::Unsupported { enc_type }),
    };
    match iterations.unwrap_or(default) {
        iterations @ 1..=MAX_ITERATIONS => Ok(iterations),
        iterations => Err(StringToKeyError::Iterations { iterations }),
    }
}

/// The reason why no key was made from a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StringToKeyError {
    /// The encryption type is unknown, or too weak for this crate to support.
    #[error("keys of encryption type {enc_type} are not supported")]
    Unsupported {
        /// The encryption type of the requested key.
        enc_type: EncType,
    },
    /// The iteration count is zero, or so large that the computation would take too long.
    #[error("the iteration count {iterations} is not between 1 and {MAX_ITERATIONS}")]
    Iterations {
        /// The iteration count that was given.
        iterations: u32,
    },
}

/// The largest iteration count that this crate accepts. The derivation of a key with this count takes some seconds. MIT
/// krb5 has the same limit. (In RFC 3962, a count of 0 means 2³²; this crate refuses 0.)
pub const MAX_ITERATIONS: u32 = 0x0100_0000;
