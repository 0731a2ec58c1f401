//! AES with HMAC-SHA2: encryption types 19 and 20, and checksum types 19 and 20 (RFC 8009).
//!
//! A scheme is made from a protocol key and a usage. The scheme returns only plaintexts whose MAC is right. The MAC is
//! computed over the ciphertext, so the scheme verifies every ciphertext before decrypting it.

use alloc::vec::Vec;
use core::ops::Range;

use aes::cipher::Key;
use aes::cipher::array::{Array, ArraySize};
use aes::cipher::consts::{U16, U24};
use hmac::digest::OutputSizeUser;
use hmac::digest::typenum::Unsigned;
use hmac::{EagerHash, Hmac, Mac};
use sha2::{Sha256, Sha384};

use super::aes_cts::{Aes, AesCts};
use super::key_usage::{CHECKSUM, ENCRYPTION, INTEGRITY, KeyUsage};
use super::mac::{keyed, same, truncated};
use super::scheme::{Confounder, DecryptError, Scheme, append};
use super::zeroing::Wiped;

/// The parameters in which the two encryption types differ (section 2).
pub(super) trait Profile: Clone {
    /// The name of the encryption type, which becomes part of the salt (section 4).
    const NAME: &'static str;
    /// The block cipher.
    type Aes: Aes;
    /// The hash function of the MACs and key derivations.
    type Hash: EagerHash;
    /// The number of octets in a sent MAC and in its key, which is half of the hash's output.
    type Half: ArraySize;
}

/// The parameters of encryption type 19.
#[derive(Clone)]
pub(super) struct Aes128Sha256;

impl Profile for Aes128Sha256 {
    const NAME: &'static str = "aes128-cts-hmac-sha256-128";
    type Aes = aes::Aes128;
    type Hash = Sha256;
    type Half = U16;
}

/// The parameters of encryption type 20.
#[derive(Clone)]
pub(super) struct Aes256Sha384;

impl Profile for Aes256Sha384 {
    const NAME: &'static str = "aes256-cts-hmac-sha384-192";
    type Aes = aes::Aes256;
    type Hash = Sha384;
    type Half = U24;
}

/// The prepared keys Ke and Ki of one usage.
#[derive(Clone)]
pub(super) struct AesSha2<P: Profile> {
    aes: AesCts<P::Aes>,
    /// A MAC that is prepared with Ki and the initial vector, which is zero.
    mac: Hmac<P::Hash>,
}

impl<P: Profile> AesSha2<P> {
    pub(super) fn new(key: &Key<P::Aes>, usage: KeyUsage) -> Self {
        let key = keyed(key);
        let mut mac = derived_mac::<P>(&key, &usage.label(INTEGRITY));
        mac.update(&[0; BLOCK]);
        Self { aes: AesCts::new(&kdf::<P::Hash, _>(&key, &usage.label(ENCRYPTION), &[])), mac }
    }

    /// Returns the MAC of a ciphertext, given as its first block and all octets after that block.
    fn mac(&self, first: &[u8], rest: &[u8]) -> Array<u8, P::Half> {
        truncated(&self.mac.clone().chain_update(first).chain_update(rest).finalize().into_bytes())
    }
}

impl<P: Profile> Scheme for AesSha2<P> {
    fn overhead(&self) -> usize {
        overhead::<P>()
    }

    fn decrypt(&self, ciphertext: &[u8], out: &mut [u8]) -> Result<Range<usize>, DecryptError> {
        let (encrypted, mac) = split_mac::<P>(ciphertext).ok_or(DecryptError::Integrity)?;
        let out = out.get_mut(..encrypted.len()).ok_or(DecryptError::Integrity)?;
        if !same(&self.mac(encrypted, &[]), mac) {
            return Err(DecryptError::Integrity);
        }
        self.aes.decrypt_into(encrypted, out)?;
        Ok(BLOCK..out.len())
    }

    fn decrypt_in_place(&self, first: &[u8; 16], rest: &mut [u8]) -> Result<Range<usize>, DecryptError> {
        let length = rest.len().checked_sub(P::Half::USIZE).ok_or(DecryptError::Integrity)?;
        let (encrypted, mac) = rest.split_at_mut(length);
        if !same(&self.mac(first, encrypted), mac) {
            return Err(DecryptError::Integrity);
        }
        self.aes.decrypt(&mut first.clone(), encrypted);
        Ok(0..encrypted.len())
    }

    fn encrypt(&self, confounder: &Confounder, plaintext: &[&[u8]], out: &mut Vec<u8>) {
        let (first, rest) = append(*confounder, plaintext.iter().copied(), out);
        self.aes.encrypt(first, rest);
        let mac = self.mac(first, rest);
        out.extend_from_slice(&mac);
    }
}

const fn overhead<P: Profile>() -> usize {
    const { BLOCK + P::Half::USIZE }
}

/// Splits a ciphertext into its encrypted octets and its MAC.
fn split_mac<P: Profile>(ciphertext: &[u8]) -> Option<(&[u8], &[u8])> {
    ciphertext.split_at_checked(ciphertext.len().checked_sub(P::Half::USIZE)?)
}

/// Returns the MAC inside a ciphertext, or `None` if the ciphertext is too short to have a confounder and a MAC.
pub(super) fn mac_of<P: Profile>(ciphertext: &[u8]) -> Option<&[u8]> {
    let (_, rest) = ciphertext.split_first_chunk::<BLOCK>()?;
    split_mac::<P>(rest).map(|(_, mac)| mac)
}

/// Returns the prepared key Kc of one usage.
pub(super) fn checksum_key<P: Profile>(key: &Key<P::Aes>, usage: KeyUsage) -> Hmac<P::Hash> {
    derived_mac::<P>(&keyed(key), &usage.label(CHECKSUM))
}

/// Returns the first half of the MAC's output, which is sent as the checksum.
pub(super) fn checksum<P: Profile>(mac: Hmac<P::Hash>) -> Array<u8, P::Half> {
    truncated(&mac.finalize().into_bytes())
}

/// Returns the protocol key for a password (section 4).
pub(super) fn string_to_key<P: Profile>(password: &[u8], salt: &[u8], iterations: u32) -> Wiped<Key<P::Aes>> {
    let salt = [P::NAME.as_bytes(), &[0], salt].concat();
    let mut intermediate = Wiped::new(Key::<P::Aes>::default());
    pbkdf2::pbkdf2_hmac::<P::Hash>(password, &salt, iterations, intermediate.as_mut_slice());
    kdf::<P::Hash, _>(&keyed(&*intermediate), b"kerberos", &[])
}

/// Computes the pseudo-random function (section 5). The result has the length of the hash's output.
pub(super) fn prf<P: Profile>(key: &Key<P::Aes>, input: &[u8]) -> Vec<u8> {
    kdf::<P::Hash, <Hmac<P::Hash> as OutputSizeUser>::OutputSize>(&keyed(key), b"prf", input).to_vec()
}

/// Computes KDF-HMAC-SHA2 (section 3) with a prepared key. One block of the counter mode of SP 800-108 suffices for
/// every key.
pub(super) fn kdf<H: EagerHash, N: ArraySize>(key: &Hmac<H>, label: &[u8], context: &[u8]) -> Wiped<Array<u8, N>> {
    let block = key
        .clone()
        .chain_update([0, 0, 0, 1])
        .chain_update(label)
        .chain_update([0])
        .chain_update(context)
        .chain_update(const { N::U32 * 8 }.to_be_bytes())
        .finalize();
    Wiped::new(truncated(&Wiped::new(block.into_bytes())))
}

/// Returns a MAC with a derived key, which is half as long as the MAC's output.
fn derived_mac<P: Profile>(key: &Hmac<P::Hash>, label: &[u8]) -> Hmac<P::Hash> {
    keyed(&*kdf::<P::Hash, P::Half>(key, label, &[]))
}

const BLOCK: usize = 16;
