//! AES with HMAC-SHA1: encryption types 17 and 18, checksum types 15 and 16 (RFC 3962).
//!
//! A scheme is made from a protocol key and a usage. The scheme returns only plaintexts whose MAC is right. A ciphertext is
//! the AES-CTS encryption of confounder and plaintext, followed by the MAC of both. The scheme must therefore decrypt a
//! ciphertext before it can verify the MAC.

use alloc::vec::Vec;
use core::ops::Range;

use aes::cipher::Key;
use sha1::{Digest, Sha1};

use super::aes_cts::{Aes, AesCts};
use super::hmac_sha1::HmacSha1;
use super::key_usage::KeyUsage;
use super::mac::same;
use super::parts::part;
use super::rfc3961::{FoldedUsage, KERBEROS, PRF, derive_random};
use super::scheme::{Confounder, DecryptError, Scheme, append};
use super::zeroing::Wiped;

/// The prepared keys Ke and Ki of one usage.
#[derive(Clone)]
pub(super) struct AesSha1<C: Aes> {
    aes: AesCts<C>,
    mac: HmacSha1,
}

impl<C: Aes> AesSha1<C> {
    pub(super) fn new(key: &Key<C>, usage: KeyUsage) -> Self {
        let folded = FoldedUsage::of(usage);
        let constants = [folded.encryption.into(), folded.integrity.into()];
        let [encryption, integrity]: [Wiped<Key<C>>; 2] =
            derive_random(AesCts::<C>::new(key).block_cipher(), constants);
        let mac = HmacSha1::new(&*integrity);
        Self { aes: AesCts::new(&encryption), mac }
    }
}

impl<C: Aes> Scheme for AesSha1<C> {
    fn overhead(&self) -> usize {
        CONFOUNDER + MAC
    }

    fn decrypt(&self, ciphertext: &[u8], out: &mut [u8]) -> Result<Range<usize>, DecryptError> {
        let (encrypted, mac) = ciphertext.split_last_chunk::<MAC>().ok_or(DecryptError::Integrity)?;
        let out = out.get_mut(..encrypted.len()).ok_or(DecryptError::Integrity)?;
        self.aes.decrypt_into(encrypted, out)?;
        if same(&truncated(&self.mac.mac(out)), mac) { Ok(CONFOUNDER..out.len()) } else { Err(DecryptError::Integrity) }
    }

    fn decrypt_in_place(&self, first: &[u8; 16], rest: &mut [u8]) -> Result<Range<usize>, DecryptError> {
        let (encrypted, mac) = rest.split_last_chunk_mut::<MAC>().ok_or(DecryptError::Integrity)?;
        let mut confounder = *first;
        let mut running = self.mac.start();
        self.aes.decrypt_and_show(&mut confounder, encrypted, |piece| running.update(piece));
        let right = same(&truncated(&running.finish()), mac);
        if right { Ok(0..encrypted.len()) } else { Err(DecryptError::Integrity) }
    }

    fn encrypt(&self, confounder: &Confounder, plaintext: &[&[u8]], out: &mut Vec<u8>) {
        let (first, rest) = append(*confounder, plaintext.iter().copied(), out);
        let mut running = self.mac.start();
        self.aes.encrypt_and_show(first, rest, |piece| running.update(piece));
        out.extend_from_slice(&truncated(&running.finish()));
    }
}

/// Returns the MAC inside a ciphertext, or `None` if the ciphertext is too short to have a confounder and a MAC.
pub(super) fn mac_of(ciphertext: &[u8]) -> Option<&[u8; MAC]> {
    let (_, rest) = ciphertext.split_first_chunk::<CONFOUNDER>()?;
    rest.last_chunk()
}

/// Returns the prepared key Kc of one usage.
pub(super) fn checksum_key<C: Aes>(key: &Key<C>, usage: KeyUsage) -> HmacSha1 {
    HmacSha1::new(&*derive_key::<C>(key, FoldedUsage::of(usage).checksum))
}

/// Derives the protocol key of a password from its PBKDF2 output (section 4).
pub(super) fn string_to_key<C: Aes>(password: &[u8], salt: &[u8], iterations: u32) -> Wiped<Key<C>> {
    let mut intermediate = Wiped::new(Key::<C>::default());
    pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, iterations, intermediate.as_mut_slice());
    derive_key::<C>(&intermediate, KERBEROS)
}

/// Computes the pseudo-random function of the simplified profile (RFC 3961 section 5.3).
pub(super) fn prf<C: Aes>(key: &Key<C>, input: &[u8]) -> [u8; 16] {
    let mut block = part::<0, 16, 20>(&Sha1::digest(input).into());
    AesCts::<C>::new(&derive_key::<C>(key, PRF)).encrypt(&mut block, &mut []);
    block
}

pub(super) fn derive_key<C: Aes>(key: &Key<C>, folded: [u8; 16]) -> Wiped<Key<C>> {
    let [derived] = derive_random(AesCts::<C>::new(key).block_cipher(), [folded.into()]);
    derived
}

/// Returns the first 96 bits of an HMAC-SHA1. Messages contain only these bits.
pub(super) fn truncated(mac: &[u8; 20]) -> [u8; MAC] {
    part::<0, MAC, 20>(mac)
}

const CONFOUNDER: usize = 16;

const MAC: usize = 12;
