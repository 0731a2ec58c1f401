//! Protocol keys (RFC 3961 section 3): the octets of a key together with its encryption type.
//!
//! A [`Key`] is made from an encryption type and as many octets as keys of this type have. For each usage, a key is
//! prepared as a [`Cipher`] or a [`Checksummer`].

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::checksum::Checksummer;
use super::cipher::Cipher;
use super::enc_type::EncType;
use super::key_ref::KeyRef;
use super::key_usage::KeyUsage;
use super::mac::same;
use super::parts::part;
#[cfg(feature = "rc4")]
use super::rfc4757;
use zeroize::zeroize_bytes;

/// A long-term key, session key or subkey of a supported encryption type.
///
/// A key is zeroized when dropped and compared in constant time. `Debug` shows only the type of a key.
#[derive(Clone)]
pub struct Key(Secret);

/// The octets of a key. Each encryption type is a variant, so a key cannot be used with the algorithm of another
/// encryption type.
#[derive(Clone)]
// Without this alignment, the value has 33 octets. The compiler then moves the value with overlapping stores and loads,
// which delay the processor. The validation of a ticket without PAC then takes 8 % longer (the mean over four layouts
// of the program). With or without the alignment, a `ServiceKey` has 44 octets.
#[repr(align(4))]
pub(super) enum Secret {
    Aes128Sha1([u8; 16]),
    Aes256Sha1([u8; 32]),
    Aes128Sha256([u8; 16]),
    Aes256Sha384([u8; 32]),
    #[cfg(feature = "rc4")]
    Rc4([u8; 16]),
}

impl Key {
    /// Makes a key from its octets, which are those of `EncryptionKey.keyvalue` or of a keytab entry.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidKey::Unsupported`] if this crate does not support the encryption type. Returns
    /// [`InvalidKey::Length`] if the number of octets is not the length of keys of this type.
    pub fn new(enc_type: EncType, octets: &[u8]) -> Result<Self, InvalidKey> {
        KeyRef::new(enc_type, octets).map(KeyRef::to_key)
    }

    /// Makes a key of type `enc_type` from random octets, or returns `None` if the type is not supported. For every
    /// supported type, random-to-key returns the octets unchanged (RFC 3961 section 5.3, RFC 8009 section 5, RFC 4757
    /// section 2).
    pub(crate) fn from_random(enc_type: EncType, octets: &[u8; 32]) -> Option<Self> {
        Some(Self(match enc_type {
            EncType::AES128_CTS_HMAC_SHA1_96 => Secret::Aes128Sha1(part::<0, 16, 32>(octets)),
            EncType::AES256_CTS_HMAC_SHA1_96 => Secret::Aes256Sha1(*octets),
            EncType::AES128_CTS_HMAC_SHA256_128 => Secret::Aes128Sha256(part::<0, 16, 32>(octets)),
            EncType::AES256_CTS_HMAC_SHA384_192 => Secret::Aes256Sha384(*octets),
            #[cfg(feature = "rc4")]
            EncType::RC4_HMAC => Secret::Rc4(part::<0, 16, 32>(octets)),
            _ => return None,
        }))
    }

    /// Makes a key from hexadecimal digits of either case. `klist -K` prints keys in this form. The running time does not
    /// depend on the digits.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`new`](Self::new), and [`InvalidKey::Hex`] if the text is not pairs of hexadecimal
    /// digits.
    pub fn from_hex(enc_type: EncType, digits: &str) -> Result<Self, InvalidKey> {
        let mut octets = Zeroizing::new(vec![0; digits.len() / 2]);
        let octets = base16ct::mixed::decode(digits, &mut octets).map_err(|_| InvalidKey::Hex)?;
        Self::new(enc_type, octets)
    }

    /// Makes the RC4 key of an account, which is the account's NT hash (RFC 4757 section 2).
    #[cfg(feature = "rc4")]
    #[must_use]
    pub fn from_nt_hash(nt_hash: [u8; 16]) -> Self {
        Self(Secret::Rc4(nt_hash))
    }

    /// Makes a key of type 20. This crate uses such keys for values that only the server itself decrypts.
    pub(crate) const fn aes256_sha384(octets: [u8; 32]) -> Self {
        Self(Secret::Aes256Sha384(octets))
    }

    /// Computes the NT hash of a password, which is the MD4 hash of the password in UTF-16LE. The hash must be kept as
    /// secret as the password, because it can be used in place of the password.
    #[cfg(feature = "rc4")]
    #[must_use]
    pub fn nt_hash(password: &str) -> [u8; 16] {
        rfc4757::nt_hash(password.encode_utf16())
    }

    /// Returns the encryption type.
    #[must_use]
    pub fn etype(&self) -> EncType {
        self.by_ref().etype()
    }

    /// Prepares the key to decrypt and encrypt messages of one usage.
    #[must_use]
    pub fn cipher(&self, usage: KeyUsage) -> Cipher {
        self.by_ref().cipher(usage)
    }

    /// Prepares the key to make and verify checksums of one usage.
    #[must_use]
    pub fn checksummer(&self, usage: KeyUsage) -> Checksummer {
        self.by_ref().checksummer(usage)
    }

    /// Computes the pseudo-random function of RFC 3961. The result has 16 octets for etypes 17 and 18, 32 for 19, 48
    /// for 20, and 20 for 23.
    ///
    /// RFC 4757 defines no such function for RC4, so RC4 uses the function of MIT krb5 and Heimdal.
    #[must_use]
    pub fn prf(&self, input: &[u8]) -> Vec<u8> {
        self.by_ref().prf(input)
    }

    /// Returns the secret octets of the key. The caller must keep these octets secret: with the key of an account, an
    /// attacker can forge tickets for the account.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8] {
        self.by_ref().octets()
    }

    /// Returns a reference to the key, without a copy of its octets.
    #[inline]
    pub(crate) const fn by_ref(&self) -> KeyRef<'_> {
        match &self.0 {
            Secret::Aes128Sha1(octets) => KeyRef::Aes128Sha1(octets),
            Secret::Aes256Sha1(octets) => KeyRef::Aes256Sha1(octets),
            Secret::Aes128Sha256(octets) => KeyRef::Aes128Sha256(octets),
            Secret::Aes256Sha384(octets) => KeyRef::Aes256Sha384(octets),
            #[cfg(feature = "rc4")]
            Secret::Rc4(octets) => KeyRef::Rc4(octets),
        }
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        match self {
            Self::Aes128Sha1(octets) | Self::Aes128Sha256(octets) => zeroize_bytes(octets),
            #[cfg(feature = "rc4")]
            Self::Rc4(octets) => zeroize_bytes(octets),
            Self::Aes256Sha1(octets) | Self::Aes256Sha384(octets) => zeroize_bytes(octets),
        }
    }
}

impl ZeroizeOnDrop for Secret {}

impl From<Secret> for Key {
    fn from(secret: Secret) -> Self {
        Self(secret)
    }
}

impl PartialEq for Key {
    /// Compares two keys in a time that depends only on their types.
    fn eq(&self, other: &Self) -> bool {
        self.etype() == other.etype() && same(self.expose_bytes(), other.expose_bytes())
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.etype())
    }
}

/// The error for octets from which no key can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKey {
    /// The encryption type is unknown, or too weak for this crate to support.
    #[error("keys of encryption type {enc_type} are not supported")]
    Unsupported {
        /// The encryption type that was given.
        enc_type: EncType,
    },
    /// The text is not hexadecimal. The text may be a secret, so the error does not show it.
    #[error("the text of the key is not pairs of hexadecimal digits")]
    Hex,
    /// The key has too many or too few octets.
    #[error("a key of encryption type {enc_type} has {expected} octets, not {actual}")]
    Length {
        /// The encryption type that was given.
        enc_type: EncType,
        /// The number of octets in keys of this type.
        expected: usize,
        /// The number of octets that were given.
        actual: usize,
    },
}

#[cfg(test)]
mod tests;
