//! AES with HMAC-SHA2: encryption types 19 and 20, checksum types of the same numbers (RFC 8009).
//!
//! In: a protocol key and a usage; then ciphertexts. Out: plaintexts that the MAC vouches for.
//! The MAC is over the ciphertext, so nothing is decrypted that has not been verified.

use alloc::vec::Vec;
use core::ops::Range;

use aes::cipher::Key;
use hmac::digest::array::Array;
use hmac::{EagerHash, Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384};
use zeroize::Zeroizing;

use super::aes_cts::{Aes, AesCts};
use super::cipher::{Confounder, DecryptError, Scheme};
use super::key_usage::{CHECKSUM, ENCRYPTION, INTEGRITY};
use super::{KeyUsage, same};

/// Etype 19.
pub(super) type Aes128Sha256 = AesSha2<aes::Aes128, Hmac<Sha256>>;

/// Etype 20.
pub(super) type Aes256Sha384 = AesSha2<aes::Aes256, Hmac<Sha384>>;

/// Ke and Ki of one usage, ready.
#[derive(Clone)]
pub(super) struct AesSha2<C: Aes, M> {
    aes: AesCts<C>,
    /// Has absorbed Ki and the initial vector, which is zero.
    mac: M,
}

impl<C: Aes, M: Mac + KeyInit + Clone> AesSha2<C, M> {
    pub(super) fn new(key: &Key<C>, usage: KeyUsage) -> Self {
        let mut encryption = Zeroizing::new(Key::<C>::default());
        let key = keyed::<M>(key);
        kdf_hmac_sha2(&key, &usage.label(ENCRYPTION), &[], &mut encryption);
        let mut mac = derived_mac(&key, &usage.label(INTEGRITY));
        mac.update(&[0; BLOCK]);
        Self { aes: AesCts::new(&encryption), mac }
    }

    fn verify(&self, encrypted: &[u8], mac: &[u8]) -> bool {
        let expected = self.mac.clone().chain_update(encrypted).finalize().into_bytes();
        same(truncated(&expected), mac)
    }
}

impl<C: Aes, M: Mac + KeyInit + Clone> Scheme for AesSha2<C, M> {
    fn decrypt(&self, ciphertext: &[u8], out: &mut [u8]) -> Result<Range<usize>, DecryptError> {
        let split = ciphertext.len().checked_sub(mac_len::<M>()).ok_or(DecryptError::Integrity)?;
        let (encrypted, mac) = ciphertext.split_at_checked(split).ok_or(DecryptError::Integrity)?;
        let out = out.get_mut(..encrypted.len()).ok_or(DecryptError::Integrity)?;
        if !self.verify(encrypted, mac) {
            return Err(DecryptError::Integrity);
        }
        self.aes.decrypt(encrypted, out);
        Ok(BLOCK..out.len())
    }

    fn decrypt_in_place(&self, first: &[u8; 16], rest: &mut [u8]) -> Result<Range<usize>, DecryptError> {
        let split = rest.len().checked_sub(mac_len::<M>()).ok_or(DecryptError::Integrity)?;
        let (encrypted, mac) = rest.split_at_mut_checked(split).ok_or(DecryptError::Integrity)?;
        let expected = self.mac.clone().chain_update(first).chain_update(&*encrypted).finalize().into_bytes();
        if !same(truncated(&expected), mac) {
            return Err(DecryptError::Integrity);
        }
        self.aes.decrypt_in_place(&mut first.clone(), encrypted);
        Ok(0..encrypted.len())
    }

    fn encrypt(&self, confounder: &Confounder, plaintext: &[&[u8]], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(confounder);
        for piece in plaintext {
            out.extend_from_slice(piece);
        }
        let Some(data) = out.get_mut(start..) else {
            return;
        };
        self.aes.encrypt(data);
        let mac = self.mac.clone().chain_update(&*data).finalize().into_bytes();
        out.extend_from_slice(truncated(&mac));
    }
}

/// Kc of one usage, absorbed.
pub(super) fn checksum_key<M: Mac + KeyInit + Clone>(key: &[u8], usage: KeyUsage) -> M {
    derived_mac(&keyed(key), &usage.label(CHECKSUM))
}

/// The protocol key for a password (section 4). `name` is the encryption type's, which becomes part of the salt.
pub(super) fn string_to_key<H: EagerHash, const N: usize>(
    name: &str,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
) -> [u8; N] {
    let salt = [name.as_bytes(), &[0], salt].concat();
    let mut intermediate = Zeroizing::new([0; N]);
    pbkdf2::pbkdf2_hmac::<H>(password, &salt, iterations, intermediate.as_mut_slice());
    let mut key = [0; N];
    kdf_hmac_sha2(&keyed::<Hmac<H>>(intermediate.as_slice()), b"kerberos", &[], &mut key);
    key
}

/// The pseudo-random function (section 5).
pub(super) fn prf<M: Mac + KeyInit + Clone, const N: usize>(key: &[u8], input: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    kdf_hmac_sha2(&keyed::<M>(key), b"prf", input, &mut out);
    out
}

/// KDF-HMAC-SHA2 (section 3) under a key already absorbed: one block of the counter mode of SP 800-108 fills every key there is.
pub(super) fn kdf_hmac_sha2<M: Mac + Clone>(key: &M, label: &[u8], context: &[u8], out: &mut [u8]) {
    let bits = u32::try_from(out.len()).unwrap_or(0).wrapping_mul(8);
    let block = key
        .clone()
        .chain_update([0, 0, 0, 1])
        .chain_update(label)
        .chain_update([0])
        .chain_update(context)
        .chain_update(bits.to_be_bytes())
        .finalize();
    for (to, from) in out.iter_mut().zip(Zeroizing::new(block.into_bytes()).iter()) {
        *to = *from;
    }
}

/// A MAC whose key is derived, and half as long as its output.
fn derived_mac<M: Mac + KeyInit + Clone>(key: &M, label: &[u8]) -> M {
    let mut derived = Zeroizing::new([0; 24]);
    let Some(derived) = derived.get_mut(..mac_len::<M>()) else {
        return keyed(&[]);
    };
    kdf_hmac_sha2(key, label, &[], derived);
    keyed(derived)
}

/// HMAC fills its key up with zeros to a whole block, and here that is done beforehand, so that it cannot fail.
pub(super) fn keyed<M: KeyInit>(key: &[u8]) -> M {
    let mut block = Zeroizing::new(Array::default());
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    M::new(&block)
}

/// Half of the hash is sent.
pub(super) fn truncated(mac: &[u8]) -> &[u8] {
    mac.get(..mac.len() / 2).unwrap_or_default()
}

fn mac_len<M: Mac>() -> usize {
    M::output_size() / 2
}

const BLOCK: usize = 16;
