//! References to protocol keys, and all operations with a key.
//!
//! A key that is moved leaves a copy of its octets in memory. A key from a message is therefore used by reference. The
//! key stays in the buffer of the message, which is zeroized when it is dropped.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use super::checksum::{self, Checksummer};
use super::checksum_type::ChecksumType;
use super::cipher::{self, Cipher};
use super::enc_type::EncType;
use super::key::{InvalidKey, Key, Secret};
use super::key_usage::KeyUsage;
use super::rfc3962::{self, AesSha1};
#[cfg(feature = "rc4")]
use super::rfc4757::{self, GssStreams, Rc4Hmac};
use super::rfc8009::{self, Aes128Sha256, Aes256Sha384, AesSha2};
use super::scheme::{DecryptError, Scheme};

/// A reference to a key of a supported type. Each encryption type is a variant, so a key cannot be used with the
/// algorithm of another encryption type.
#[derive(Clone, Copy)]
pub(crate) enum KeyRef<'k> {
    Aes128Sha1(&'k [u8; 16]),
    Aes256Sha1(&'k [u8; 32]),
    Aes128Sha256(&'k [u8; 16]),
    Aes256Sha384(&'k [u8; 32]),
    #[cfg(feature = "rc4")]
    Rc4(&'k [u8; 16]),
}

impl<'k> KeyRef<'k> {
    /// Makes a reference to a key from its octets, with the checks of [`Key::new`].
    #[inline]
    pub(crate) fn new(enc_type: EncType, octets: &'k [u8]) -> Result<Self, InvalidKey> {
        let length = |expected| InvalidKey::Length { enc_type, expected, actual: octets.len() };
        let short = || octets.try_into().map_err(|_| length(16));
        let long = || octets.try_into().map_err(|_| length(32));
        Ok(match enc_type {
            EncType::AES128_CTS_HMAC_SHA1_96 => Self::Aes128Sha1(short()?),
            EncType::AES256_CTS_HMAC_SHA1_96 => Self::Aes256Sha1(long()?),
            EncType::AES128_CTS_HMAC_SHA256_128 => Self::Aes128Sha256(short()?),
            EncType::AES256_CTS_HMAC_SHA384_192 => Self::Aes256Sha384(long()?),
            #[cfg(feature = "rc4")]
            EncType::RC4_HMAC => Self::Rc4(short()?),
            _ => return Err(InvalidKey::Unsupported { enc_type }),
        })
    }

    /// Copies the octets into a [`Key`].
    #[inline]
    pub(crate) fn to_key(self) -> Key {
        Key::from(match self {
            Self::Aes128Sha1(octets) => Secret::Aes128Sha1(*octets),
            Self::Aes256Sha1(octets) => Secret::Aes256Sha1(*octets),
            Self::Aes128Sha256(octets) => Secret::Aes128Sha256(*octets),
            Self::Aes256Sha384(octets) => Secret::Aes256Sha384(*octets),
            #[cfg(feature = "rc4")]
            Self::Rc4(octets) => Secret::Rc4(*octets),
        })
    }

    /// Returns the encryption type.
    pub(crate) fn etype(self) -> EncType {
        match self {
            Self::Aes128Sha1(_) => EncType::AES128_CTS_HMAC_SHA1_96,
            Self::Aes256Sha1(_) => EncType::AES256_CTS_HMAC_SHA1_96,
            Self::Aes128Sha256(_) => EncType::AES128_CTS_HMAC_SHA256_128,
            Self::Aes256Sha384(_) => EncType::AES256_CTS_HMAC_SHA384_192,
            #[cfg(feature = "rc4")]
            Self::Rc4(_) => EncType::RC4_HMAC,
        }
    }

    /// Prepares the key to decrypt and encrypt messages of one usage.
    pub(crate) fn cipher(self, usage: KeyUsage) -> Cipher {
        Cipher(match self {
            Self::Aes128Sha1(key) => cipher::Prepared::Aes128Sha1(AesSha1::new(key.into(), usage)),
            Self::Aes256Sha1(key) => cipher::Prepared::Aes256Sha1(AesSha1::new(key.into(), usage)),
            Self::Aes128Sha256(key) => cipher::Prepared::Aes128Sha256(AesSha2::<Aes128Sha256>::new(key.into(), usage)),
            Self::Aes256Sha384(key) => cipher::Prepared::Aes256Sha384(AesSha2::<Aes256Sha384>::new(key.into(), usage)),
            #[cfg(feature = "rc4")]
            Self::Rc4(key) => cipher::Prepared::Rc4(Rc4Hmac::new(key, usage)),
        })
    }

    /// Decrypts one message of one usage, as [`Cipher::decrypt`] does. The prepared key is not kept and not moved.
    pub(crate) fn decrypt(
        self,
        usage: KeyUsage,
        ciphertext: &[u8],
        out: &mut [u8],
    ) -> Result<Range<usize>, DecryptError> {
        let mut decrypt = |scheme: &dyn Scheme| cipher::decrypt(scheme, ciphertext, out);
        match self {
            Self::Aes128Sha1(key) => decrypt(&AesSha1::<aes::Aes128>::new(key.into(), usage)),
            Self::Aes256Sha1(key) => decrypt(&AesSha1::<aes::Aes256>::new(key.into(), usage)),
            Self::Aes128Sha256(key) => decrypt(&AesSha2::<Aes128Sha256>::new(key.into(), usage)),
            Self::Aes256Sha384(key) => decrypt(&AesSha2::<Aes256Sha384>::new(key.into(), usage)),
            #[cfg(feature = "rc4")]
            Self::Rc4(key) => decrypt(&Rc4Hmac::new(key, usage)),
        }
    }

    /// Prepares the key to make and verify checksums of one usage.
    pub(crate) fn checksummer(self, usage: KeyUsage) -> Checksummer {
        use checksum::Prepared;
        let (checksum_type, prepared) = match self {
            Self::Aes128Sha1(key) => {
                let key = rfc3962::checksum_key::<aes::Aes128>(key.into(), usage);
                (ChecksumType::HMAC_SHA1_96_AES128, Prepared::Sha1(key))
            }
            Self::Aes256Sha1(key) => {
                let key = rfc3962::checksum_key::<aes::Aes256>(key.into(), usage);
                (ChecksumType::HMAC_SHA1_96_AES256, Prepared::Sha1(key))
            }
            Self::Aes128Sha256(key) => (
                ChecksumType::HMAC_SHA256_128_AES128,
                Prepared::Sha256(rfc8009::checksum_key::<Aes128Sha256>(key.into(), usage)),
            ),
            Self::Aes256Sha384(key) => (
                ChecksumType::HMAC_SHA384_192_AES256,
                Prepared::Sha384(rfc8009::checksum_key::<Aes256Sha384>(key.into(), usage)),
            ),
            #[cfg(feature = "rc4")]
            Self::Rc4(key) => (ChecksumType::HMAC_MD5, Prepared::Md5 { signing: rfc4757::checksum_key(key), usage }),
        };
        Checksummer { checksum_type, prepared }
    }

    /// Returns the number of octets in checksums and MACs with this key.
    pub(crate) fn checksum_len(self) -> u8 {
        match self {
            Self::Aes128Sha1(_) | Self::Aes256Sha1(_) => 12,
            Self::Aes128Sha256(_) => 16,
            Self::Aes256Sha384(_) => 24,
            #[cfg(feature = "rc4")]
            Self::Rc4(_) => 16,
        }
    }

    /// Prepares the RC4 streams of GSS per-message tokens. Returns `None` if the key is not an RC4 key.
    #[cfg(feature = "rc4")]
    pub(crate) fn gss_streams(self) -> Option<GssStreams> {
        match self {
            Self::Rc4(key) => Some(GssStreams::new(key)),
            _ => None,
        }
    }

    /// Computes the pseudo-random function, as [`Key::prf`] does.
    pub(crate) fn prf(self, input: &[u8]) -> Vec<u8> {
        match self {
            Self::Aes128Sha1(key) => rfc3962::prf::<aes::Aes128>(key.into(), input).into(),
            Self::Aes256Sha1(key) => rfc3962::prf::<aes::Aes256>(key.into(), input).into(),
            Self::Aes128Sha256(key) => rfc8009::prf::<Aes128Sha256>(key.into(), input),
            Self::Aes256Sha384(key) => rfc8009::prf::<Aes256Sha384>(key.into(), input),
            #[cfg(feature = "rc4")]
            Self::Rc4(key) => rfc4757::prf(key, input).into(),
        }
    }

    /// Returns the secret octets of the key.
    pub(crate) fn octets(self) -> &'k [u8] {
        match self {
            Self::Aes128Sha1(octets) | Self::Aes128Sha256(octets) => octets,
            #[cfg(feature = "rc4")]
            Self::Rc4(octets) => octets,
            Self::Aes256Sha1(octets) | Self::Aes256Sha384(octets) => octets,
        }
    }
}

/// Shows only the encryption type, because the octets of the key are secret.
impl fmt::Debug for KeyRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRef({})", self.etype())
    }
}
