//! Decryption and encryption under one key for one usage. All work that depends on these alone is done beforehand.
//!
//! In: ciphertexts as they stand in `EncryptedData.cipher`. Out: plaintexts whose integrity has been verified.
//! The contents of a plaintext are not checked here.

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

/// A key that is prepared for any number of messages of one usage. [`Key::cipher`](super::Key::cipher) makes it.
///
/// It takes about one kilobyte, mostly for AES round keys. It is wiped when it is dropped.
#[derive(Clone)]
pub struct Cipher(pub(super) Prepared);

#[derive(Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "the usual variants are the large ones, and a box would be an allocation in every request"
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

    /// Decrypts `ciphertext`, which stays as it is, into `out`, which must be at least as long.
    ///
    /// Returns where in `out` the plaintext lies. The confounder and octets without meaning lie before and after it. On failure
    /// `out` holds zeros as far as it was written.
    ///
    /// # Errors
    ///
    /// [`DecryptError::TooShort`] for fewer octets than [`min_ciphertext_len`](Self::min_ciphertext_len),
    /// [`DecryptError::OutputTooSmall`] if `out` is shorter than `ciphertext`, and [`DecryptError::Integrity`] if the
    /// message was not made with this key for this usage, or has been altered since.
    pub fn decrypt(&self, ciphertext: &[u8], out: &mut [u8]) -> Result<Range<usize>, DecryptError> {
        decrypt(self.scheme(), ciphertext, out)
    }

    /// Encrypts `plaintext` and appends the ciphertext to `out`.
    ///
    /// The confounder must be random, and never be used twice with one key.
    pub fn encrypt(&self, confounder: &Confounder, plaintext: &[u8], out: &mut Vec<u8>) {
        self.encrypt_pieces(confounder, &[plaintext], out);
    }

    /// Encrypts a plaintext in pieces as [`encrypt`](Self::encrypt) does.
    pub(crate) fn encrypt_pieces(&self, confounder: &Confounder, plaintext: &[&[u8]], out: &mut Vec<u8>) {
        // Where a sum of lengths saturates, the reservation panics.
        let length = plaintext.iter().fold(self.overhead(), |length, piece| length.saturating_add(piece.len()));
        // A vector that grows leaves a copy of its contents behind, so it grows before the plaintext is in it.
        out.reserve(length);
        self.scheme().encrypt(confounder, plaintext, out);
    }

    /// Decrypts in place a ciphertext whose first 16 octets lie apart from the rest. They are the encrypted confounder of AES or
    /// the MAC of RC4. So the plaintext can begin where the rest does, and is not moved there.
    ///
    /// Returns where in `rest` the plaintext lies. On failure `rest` holds zeros.
    pub(crate) fn decrypt_in_place(&self, first: &[u8; 16], rest: &mut [u8]) -> Result<Range<usize>, DecryptError> {
        let scheme = self.scheme();
        // The length of a slice is at most half of what `usize` holds.
        let (actual, minimum) = (rest.len().saturating_add(first.len()), scheme.overhead());
        if actual < minimum {
            return Err(DecryptError::TooShort { actual, minimum });
        }
        scheme.decrypt_in_place(first, rest).inspect_err(|_| zeroize_bytes(rest))
    }

    /// Returns how many octets a ciphertext has more than its plaintext: the confounder and the MAC.
    #[must_use]
    pub fn overhead(&self) -> usize {
        self.scheme().overhead()
    }

    /// Returns how many octets the shortest ciphertext has: that of an empty plaintext.
    #[must_use]
    pub fn min_ciphertext_len(&self) -> usize {
        self.overhead()
    }

    /// Returns the MAC inside a ciphertext: its last 12, 16 or 24 octets, or with RC4 its first 16.
    ///
    /// After the ciphertext was decrypted, the MAC identifies the message. Returns `None` if the ciphertext is too short.
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

/// Decrypts as [`Cipher::decrypt`] does, with any scheme.
pub(super) fn decrypt(scheme: &dyn Scheme, ciphertext: &[u8], out: &mut [u8]) -> Result<Range<usize>, DecryptError> {
    let (actual, minimum) = (ciphertext.len(), scheme.overhead());
    if actual < minimum {
        return Err(DecryptError::TooShort { actual, minimum });
    }
    let available = out.len();
    let out = out.get_mut(..actual).ok_or(DecryptError::OutputTooSmall { available, needed: actual })?;
    scheme.decrypt(ciphertext, out).inspect_err(|_| zeroize_bytes(out))
}

/// Returns the same as [`Cipher::mac_of`] for a key of type `etype`, and `None` for a type without support.
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
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
    use super::*;
    use crate::crypto::{Key, KeyUsage};
    use alloc::vec;

    #[test]
    fn decryption_in_place_gives_the_same_plaintext() {
        for etype in EncType::SUPPORTED {
            let key = Key::new(etype, &vec![5; etype.key_len().unwrap()]).unwrap();
            let cipher = key.cipher(KeyUsage::GSS_ACCEPTOR_SEAL);
            for length in [0, 1, 4, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 200, 1000] {
                let plaintext: Vec<u8> = (0..length).map(|i| u8::try_from(i % 251).unwrap()).collect();
                let mut ciphertext = Vec::new();
                cipher.encrypt_pieces(&[3; 16], &[&plaintext[..length / 3], &plaintext[length / 3..]], &mut ciphertext);
                let mut out = vec![0; ciphertext.len()];
                let at = cipher.decrypt(&ciphertext, &mut out).unwrap();
                assert_eq!(&out[at], plaintext);

                let (first, rest) = ciphertext.split_first_chunk().unwrap();
                let mut in_place = rest.to_vec();
                let at = cipher.decrypt_in_place(first, &mut in_place).unwrap();
                assert_eq!(&in_place[at], plaintext);
                let mut altered = rest.to_vec();
                *altered.last_mut().unwrap() ^= 1;
                assert_eq!(cipher.decrypt_in_place(first, &mut altered), Err(DecryptError::Integrity));
                assert_eq!(altered, vec![0; rest.len()]);
            }
            let minimum = cipher.min_ciphertext_len();
            let short = cipher.decrypt_in_place(&[0; 16], &mut vec![0; minimum - 17]);
            assert_eq!(short, Err(DecryptError::TooShort { actual: minimum - 1, minimum }));
        }
    }
}
