//! Checksum type numbers (RFC 3961 section 8, IANA "Kerberos Checksum Type Numbers") and their names.
//!
//! [`ChecksumType`] holds any number that a message contains, also an unknown number.

use core::fmt;

/// A Kerberos checksum type, by its number in messages. The number may be unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChecksumType(pub i32);

impl ChecksumType {
    /// CRC-32. This checksum has no key, so an attacker can make it.
    pub const CRC32: Self = Self(1);
    /// MD4. This checksum has no key.
    pub const RSA_MD4: Self = Self(2);
    /// MD5. This checksum has no key.
    pub const RSA_MD5: Self = Self(7);
    /// SHA-1. This checksum has no key.
    pub const SHA1: Self = Self(14);
    /// HMAC-SHA1 with an AES-128 key, cut to 96 bits (RFC 3962).
    pub const HMAC_SHA1_96_AES128: Self = Self(15);
    /// HMAC-SHA1 with an AES-256 key, cut to 96 bits (RFC 3962).
    pub const HMAC_SHA1_96_AES256: Self = Self(16);
    /// HMAC-SHA-256 with an AES-128 key, cut to 128 bits (RFC 8009).
    pub const HMAC_SHA256_128_AES128: Self = Self(19);
    /// HMAC-SHA-384 with an AES-256 key, cut to 192 bits (RFC 8009).
    pub const HMAC_SHA384_192_AES256: Self = Self(20);
    /// HMAC-MD5 with an RC4 key (RFC 4757 section 4).
    pub const HMAC_MD5: Self = Self(-138);
    /// The flags, channel bindings and delegated credentials of a GSS initiator, which are not a checksum (RFC 4121
    /// section 4.1.1).
    pub const GSSAPI: Self = Self(0x8003);

    /// Returns the registered name, or `None` for a number without a registered name.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        NAMES.iter().find(|(number, _)| *number == self.0).map(|(_, name)| *name)
    }

    /// Returns the number of octets in a checksum of this type, or `None` if this crate cannot compute the type.
    #[must_use]
    pub fn checksum_len(self) -> Option<usize> {
        match self {
            Self::HMAC_SHA1_96_AES128 | Self::HMAC_SHA1_96_AES256 => Some(12),
            Self::HMAC_SHA256_128_AES128 => Some(16),
            #[cfg(feature = "rc4")]
            Self::HMAC_MD5 => Some(16),
            Self::HMAC_SHA384_192_AES256 => Some(24),
            _ => None,
        }
    }

    /// Returns whether this crate can compute checksums of this type. All supported types are keyed.
    #[must_use]
    pub fn is_supported(self) -> bool {
        self.checksum_len().is_some()
    }
}

impl fmt::Display for ChecksumType {
    /// Writes the name and the number: `hmac-sha1-96-aes256 (16)`, or `unknown (99)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name().unwrap_or("unknown"), self.0)
    }
}

impl From<i32> for ChecksumType {
    fn from(number: i32) -> Self {
        Self(number)
    }
}

const NAMES: &[(i32, &str)] = &[
    (1, "crc32"),
    (2, "rsa-md4"),
    (3, "rsa-md4-des"),
    (4, "des-mac"),
    (5, "des-mac-k"),
    (6, "rsa-md4-des-k"),
    (7, "rsa-md5"),
    (8, "rsa-md5-des"),
    (9, "rsa-md5-des3"),
    (10, "sha1"),
    (12, "hmac-sha1-des3-kd"),
    (13, "hmac-sha1-des3"),
    (14, "sha1"),
    (15, "hmac-sha1-96-aes128"),
    (16, "hmac-sha1-96-aes256"),
    (17, "cmac-camellia128"),
    (18, "cmac-camellia256"),
    (19, "hmac-sha256-128-aes128"),
    (20, "hmac-sha384-192-aes256"),
    (0x8003, "gssapi"),
    (-137, "md5-hmac"),
    (-138, "hmac-md5"),
];

#[cfg(test)]
mod tests;
