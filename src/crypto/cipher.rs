//! Decryption and encryption with one key for one usage. The preparation of a [`Cipher`] does all work that does not
//! depend on the message.
//!
//! The ciphertexts are those of the field `EncryptedData.cipher`. The integrity of every returned plaintext has been
//! verified. This module does not check the contents of a plaintext.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use super::enc_type::EncType;
use super::rfc3962::{self, AesSha1};
#[cfg(feature = "rc4")]
use super::rfc4757::{self, Rc4Hmac};
use super::rfc8009::{self, Aes128Sha256, Aes256Sha384, AesSha2};
use super::scheme::{Confounder, DecryptError, Scheme};
use zeroize::zeroize_bytes;

/// A key that is prepared for any number of messages of one usage. [`Key::cipher`](super::Key::cipher) returns a
/// `Cipher`.
///
/// A cipher has about one kilobyte, mostly AES round keys. The keys are zeroized when the cipher is dropped.
#[derive(Clone)]
pub struct Cipher(pub(super) Prepared);

#[derive(Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "the variants in common use are the large variants, and a box would allocate in every request"
)]
pub(super) enum Prepared {
    Aes128Sha1(AesSha1<aes::Aes128>),
    Aes256Sha1(AesSha1<aes::Aes256>),
    Aes128Sha256(AesSha2<Aes128Sha256>),
    Aes256Sha384(AesSha2<Aes256Sha384>),
    #[cfg(feature = "rc4")]
    Rc4(Rc4Hmac),
}

impl Cipher {
    /// Returns the encryption type of the key.
    #[must_use]
    pub fn etype(&self) -> EncType {
        match self.0 {
            Prepared::Aes128Sha1(_) => EncType::AES128_CTS_HMAC_SHA1_96,
            Prepared::Aes256Sha1(_) => EncType::AES256_CTS_HMAC_SHA1_96,
            Prepared::Aes128Sha256(_) => EncType::AES128_CTS_HMAC_SHA256_128,
            Prepared::Aes256Sha384(_) => EncType::AES256_CTS_HMAC_SHA384_192,
            #[cfg(feature = "rc4")]
            Prepared::Rc4(_) => EncType::RC4_HMAC,
        }
    }

    /// Decrypts `ciphertext` into `out`, which must be at least as long as `ciphertext`.
    ///
    /// Returns the range of the plaintext in `out`. The confounder is before this range, and octets without meaning may
    /// follow the range. If the MAC is wrong, the function overwrites the decrypted octets in `out` with zeros.
    ///
    /// # Errors
    ///
    /// Returns [`DecryptError::TooShort`] if `ciphertext` has fewer octets than
    /// [`min_ciphertext_len`](Self::min_ciphertext_len). Returns [`DecryptError::OutputTooSmall`] if `out` is shorter
    /// than `ciphertext`. Returns [`DecryptError::Integrity`] if the message was not encrypted with this key for this
    /// usage, or was altered.
    pub fn decrypt(&self, ciphertext: &[u8], out: &mut [u8]) -> Result<Range<usize>, DecryptError> {
        decrypt(self.scheme(), ciphertext, out)
    }

    /// Encrypts `plaintext` and appends the ciphertext to `out`.
    ///
    /// The confounder must be random, and must not be used twice with one key.
    pub fn encrypt(&self, confounder: &Confounder, plaintext: &[u8], out: &mut Vec<u8>) {
        self.encrypt_pieces(confounder, &[plaintext], out);
    }

    /// Encrypts a plaintext given in pieces, as [`encrypt`](Self::encrypt) does.
    pub(crate) fn encrypt_pieces(&self, confounder: &Confounder, plaintext: &[&[u8]], out: &mut Vec<u8>) {
        // A saturated sum is safe, because `reserve` then panics.
        let length = plaintext.iter().fold(self.overhead(), |length, piece| length.saturating_add(piece.len()));
        // A vector that grows leaves a copy of its contents in memory, so the vector grows before the plaintext is
        // appended.
        out.reserve(length);
        self.scheme().encrypt(confounder, plaintext, out);
    }

    /// Decrypts a ciphertext in place. The arguments are the first 16 octets of the ciphertext and the rest. The first 16
    /// octets are the encrypted confounder of AES or the MAC of RC4. With AES, the plaintext then begins at the start of
    /// `rest` and need not be moved.
    ///
    /// Returns the range of the plaintext in `rest`. If the MAC is wrong, the function overwrites `rest` with zeros.
    pub(crate) fn decrypt_in_place(&self, first: &[u8; 16], rest: &mut [u8]) -> Result<Range<usize>, DecryptError> {
        let scheme = self.scheme();
        // The addition does not saturate, because a slice has at most `isize::MAX` octets.
        let (actual, minimum) = (rest.len().saturating_add(first.len()), scheme.overhead());
        if actual < minimum {
            return Err(DecryptError::TooShort { actual, minimum });
        }
        scheme.decrypt_in_place(first, rest).inspect_err(|_| zeroize_bytes(rest))
    }

    /// Returns the number of octets that encryption adds to a plaintext: those of the confounder and of the MAC.
    #[must_use]
    pub fn overhead(&self) -> usize {
        self.scheme().overhead()
    }

    /// Returns the number of octets in the shortest ciphertext, which encrypts an empty plaintext.
    #[must_use]
    pub fn min_ciphertext_len(&self) -> usize {
        self.overhead()
    }

    /// Returns the MAC inside a ciphertext. With AES, the MAC is the last 12, 16 or 24 octets. With RC4, the MAC is the
    /// first 16 octets.
    ///
    /// The MAC identifies the message only after the ciphertext was decrypted without error. Returns `None` if the
    /// ciphertext is too short.
    #[must_use]
    pub fn mac_of<'a>(&self, ciphertext: &'a [u8]) -> Option<&'a [u8]> {
        mac_of(self.etype(), ciphertext)
    }

    fn scheme(&self) -> &dyn Scheme {
        match &self.0 {
            Prepared::Aes128Sha1(scheme) => scheme,
            Prepared::Aes256Sha1(scheme) => scheme,
            Prepared::Aes128Sha256(scheme) => scheme,
            Prepared::Aes256Sha384(scheme) => scheme,
            #[cfg(feature = "rc4")]
            Prepared::Rc4(scheme) => scheme,
        }
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cipher({})", self.etype())
    }
}

/// Decrypts with any scheme, as [`Cipher::decrypt`] does.
pub(super) fn decrypt(scheme: &dyn Scheme, ciphertext: &[u8], out: &mut [u8]) -> Result<Range<usize>, DecryptError> {
    let (actual, minimum) = (ciphertext.len(), scheme.overhead());
    if actual < minimum {
        return Err(DecryptError::TooShort { actual, minimum });
    }
    let available = out.len();
    let out = out.get_mut(..actual).ok_or(DecryptError::OutputTooSmall { available, needed: actual })?;
    scheme.decrypt(ciphertext, out).inspect_err(|_| zeroize_bytes(out))
}

/// Returns the MAC inside a ciphertext, as [`Cipher::mac_of`] does, for a key of type `etype`. Returns `None` if the type
/// is not supported.
pub(crate) fn mac_of(etype: EncType, ciphertext: &[u8]) -> Option<&[u8]> {
    match etype {
        EncType::AES128_CTS_HMAC_SHA1_96 | EncType::AES256_CTS_HMAC_SHA1_96 => {
            rfc3962::mac_of(ciphertext).map(<[u8; 12]>::as_slice)
        }
        EncType::AES128_CTS_HMAC_SHA256_128 => rfc8009::mac_of::<Aes128Sha256>(ciphertext),
        EncType::AES256_CTS_HMAC_SHA384_192 => rfc8009::mac_of::<Aes256Sha384>(ciphertext),
        #[cfg(feature = "rc4")]
        EncType::RC4_HMAC => rfc4757::mac_of(ciphertext).map(<[u8; 16]>::as_slice),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
