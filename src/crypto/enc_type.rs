//! Encryption type numbers (RFC 3961 section 8, IANA "Kerberos Encryption Type Numbers") and their names.
//!
//! [`EncType`] is made from a number in a message or a name in a configuration, and also holds unknown numbers. The
//! policy decides whether a type is *allowed*; this module does not.

use core::fmt;
use core::str::FromStr;

use super::checksum_type::ChecksumType;

/// A Kerberos encryption type, by its number in messages. The number may be unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EncType(pub i32);

impl EncType {
    /// Single DES with CRC-32. This type is broken, and has a constant only so that an error can name it.
    pub const DES_CBC_CRC: Self = Self(1);
    /// Single DES with MD4. This type is broken.
    pub const DES_CBC_MD4: Self = Self(2);
    /// Single DES with MD5. This type is broken.
    pub const DES_CBC_MD5: Self = Self(3);
    /// Triple DES with SHA-1 (RFC 3961 section 6.3). RFC 8429 deprecates this type.
    pub const DES3_CBC_SHA1_KD: Self = Self(16);
    /// AES-128 with HMAC-SHA1 (RFC 3962).
    pub const AES128_CTS_HMAC_SHA1_96: Self = Self(17);
    /// AES-256 with HMAC-SHA1 (RFC 3962), the usual type in Active Directory.
    pub const AES256_CTS_HMAC_SHA1_96: Self = Self(18);
    /// AES-128 with HMAC-SHA-256 (RFC 8009).
    pub const AES128_CTS_HMAC_SHA256_128: Self = Self(19);
    /// AES-256 with HMAC-SHA-384 (RFC 8009).
    pub const AES256_CTS_HMAC_SHA384_192: Self = Self(20);
    /// RC4 with HMAC-MD5 (RFC 4757). The RC4 key of an account is the account's NT hash. RFC 8429 deprecates this type.
    pub const RC4_HMAC: Self = Self(23);
    /// RC4 with a 56-bit key (RFC 4757). This type is broken.
    pub const RC4_HMAC_EXP: Self = Self(24);
    /// Camellia-128 with CMAC (RFC 6803).
    pub const CAMELLIA128_CTS_CMAC: Self = Self(25);
    /// Camellia-256 with CMAC (RFC 6803).
    pub const CAMELLIA256_CTS_CMAC: Self = Self(26);

    /// The types that this crate can decrypt. With the feature `rc4`, these types include RC4.
    pub const SUPPORTED: [Self; if cfg!(feature = "rc4") { 5 } else { 4 }] = [
        Self::AES128_CTS_HMAC_SHA1_96,
        Self::AES256_CTS_HMAC_SHA1_96,
        Self::AES128_CTS_HMAC_SHA256_128,
        Self::AES256_CTS_HMAC_SHA384_192,
        #[cfg(feature = "rc4")]
        Self::RC4_HMAC,
    ];

    /// Returns whether this crate can decrypt ciphertexts of this type.
    #[must_use]
    pub fn is_supported(self) -> bool {
        Self::SUPPORTED.contains(&self)
    }

    /// Returns the name as IANA or Windows spells it, or `None` for a number without a name.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        NAMES.iter().find(|(number, _)| *number == self.0).map(|(_, name)| *name)
    }

    /// Returns the number of octets in a key of this type, or `None` if the type is not supported.
    #[must_use]
    pub fn key_len(self) -> Option<usize> {
        match self {
            Self::AES128_CTS_HMAC_SHA1_96 | Self::AES128_CTS_HMAC_SHA256_128 => Some(16),
            #[cfg(feature = "rc4")]
            Self::RC4_HMAC => Some(16),
            Self::AES256_CTS_HMAC_SHA1_96 | Self::AES256_CTS_HMAC_SHA384_192 => Some(32),
            _ => None,
        }
    }

    /// Returns the checksum type that uses the same keys, or `None` if the type is not supported. RFC 3961 calls this
    /// checksum type the associated checksum.
    #[must_use]
    pub fn checksum_type(self) -> Option<ChecksumType> {
        match self {
            Self::AES128_CTS_HMAC_SHA1_96 => Some(ChecksumType::HMAC_SHA1_96_AES128),
            Self::AES256_CTS_HMAC_SHA1_96 => Some(ChecksumType::HMAC_SHA1_96_AES256),
            Self::AES128_CTS_HMAC_SHA256_128 => Some(ChecksumType::HMAC_SHA256_128_AES128),
            Self::AES256_CTS_HMAC_SHA384_192 => Some(ChecksumType::HMAC_SHA384_192_AES256),
            #[cfg(feature = "rc4")]
            Self::RC4_HMAC => Some(ChecksumType::HMAC_MD5),
            _ => None,
        }
    }
}

impl fmt::Display for EncType {
    /// Writes the name and the number: `aes256-cts-hmac-sha1-96 (18)`, or `unknown (99)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name().unwrap_or("unknown"), self.0)
    }
}

impl From<i32> for EncType {
    fn from(number: i32) -> Self {
        Self(number)
    }
}

impl FromStr for EncType {
    type Err = UnknownEncType;

    /// Reads a number, a registered name, or a name that MIT krb5, Heimdal or Windows uses. The case of letters is
    /// ignored.
    fn from_str(text: &str) -> Result<Self, UnknownEncType> {
        if let Ok(number) = text.parse() {
            return Ok(Self(number));
        }
        NAMES
            .iter()
            .chain(ALIASES)
            .find(|(_, name)| name.eq_ignore_ascii_case(text))
            .map(|(number, _)| Self(*number))
            .ok_or(UnknownEncType)
    }
}

/// The error for a text that is not a number and not the name of an encryption type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text is not a number and not the name of a Kerberos encryption type")]
pub struct UnknownEncType;

/// The names of IANA, and for negative numbers the names of Windows (`KERB_ETYPE_*` in ntsecapi.h).
const NAMES: &[(i32, &str)] = &[
    (1, "des-cbc-crc"),
    (2, "des-cbc-md4"),
    (3, "des-cbc-md5"),
    (5, "des3-cbc-md5"),
    (7, "des3-cbc-sha1"),
    (16, "des3-cbc-sha1-kd"),
    (17, "aes128-cts-hmac-sha1-96"),
    (18, "aes256-cts-hmac-sha1-96"),
    (19, "aes128-cts-hmac-sha256-128"),
    (20, "aes256-cts-hmac-sha384-192"),
    (23, "rc4-hmac"),
    (24, "rc4-hmac-exp"),
    (25, "camellia128-cts-cmac"),
    (26, "camellia256-cts-cmac"),
    (65, "subkey-keymaterial"),
    (-128, "rc4-md4"),
    (-129, "rc4-plain2"),
    (-130, "rc4-lm"),
    (-131, "rc4-sha"),
    (-132, "des-plain"),
    (-133, "rc4-hmac-old"),
    (-134, "rc4-plain-old"),
    (-135, "rc4-hmac-old-exp"),
    (-136, "rc4-plain-old-exp"),
    (-140, "rc4-plain"),
    (-141, "rc4-plain-exp"),
    (-148, "aes128-cts-hmac-sha1-96-plain"),
    (-149, "aes256-cts-hmac-sha1-96-plain"),
];

/// The names in MIT's `krb5.conf`, Heimdal and `ktpass` that differ from `NAMES`.
const ALIASES: &[(i32, &str)] = &[
    (16, "des3-hmac-sha1"),
    (17, "aes128-cts"),
    (17, "aes128-sha1"),
    (18, "aes256-cts"),
    (18, "aes256-sha1"),
    (19, "aes128-sha2"),
    (20, "aes256-sha2"),
    (23, "arcfour-hmac"),
    (23, "arcfour-hmac-md5"),
    (23, "rc4-hmac-nt"),
    (24, "arcfour-hmac-exp"),
    (24, "arcfour-hmac-md5-exp"),
    (25, "camellia128-cts"),
    (26, "camellia256-cts"),
];

#[cfg(test)]
mod tests;
