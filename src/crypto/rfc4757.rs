//! RC4 with HMAC-MD5: encryption type 23, checksum type −138 (RFC 4757). RFC 8429 deprecates RC4, so the policy must
//! allow it explicitly.
//!
//! A scheme is made from a protocol key, such as an NT hash, and a usage. The scheme returns only plaintexts whose MAC
//! is right. A ciphertext begins with the MAC of the plaintext, and the key of the RC4 stream is derived from this MAC.

use alloc::vec::Vec;
use core::iter;
use core::ops::Range;

use aes::cipher::consts::U16;
use hmac::{Hmac, Mac};
use md4::{Digest, Md4};
use md5::Md5;
use rc4::{KeyInit, Rc4, StreamCipher};
use sha1::Sha1;

use super::key_usage::KeyUsage;
use super::mac::{keyed, same};
use super::parts::part;
use super::scheme::{Confounder, DecryptError, Scheme, append};
use super::zeroing::Wiped;

/// The random octets at the start of every plaintext with RC4.
pub(crate) type Rc4Confounder = [u8; CONFOUNDER];

/// The key K1 of one message type. K2 differs from K1 only with export restrictions, which this crate does not support
/// (section 5).
#[derive(Clone)]
pub(super) struct Rc4Hmac {
    mac: Hmac<Md5>,
}

impl Rc4Hmac {
    pub(super) fn new(key: &[u8; 16], usage: KeyUsage) -> Self {
        Self { mac: derived_mac(key, &message_type(usage)) }
    }

    /// Returns the RC4 stream with the key K3. Each message has its own K3.
    fn stream(&self, checksum: &[u8; MAC]) -> Rc4 {
        stream(&self.mac, checksum)
    }

    fn checksum(&self, plaintext: &[u8]) -> [u8; MAC] {
        self.mac.clone().chain_update(plaintext).finalize().into_bytes().into()
    }
}

impl Scheme for Rc4Hmac {
    fn overhead(&self) -> usize {
        CONFOUNDER + MAC
    }

    fn decrypt(&self, ciphertext: &[u8], out: &mut [u8]) -> Result<Range<usize>, DecryptError> {
        let (checksum, encrypted) = ciphertext.split_first_chunk().ok_or(DecryptError::Integrity)?;
        let out = out.get_mut(..encrypted.len()).ok_or(DecryptError::Integrity)?;
        let mut stream = self.stream(checksum);
        stream.try_apply_keystream_b2b(encrypted, out).map_err(|_| DecryptError::Integrity)?;
        if same(&self.checksum(out), checksum) { Ok(CONFOUNDER..out.len()) } else { Err(DecryptError::Integrity) }
    }

    fn decrypt_in_place(&self, first: &[u8; 16], rest: &mut [u8]) -> Result<Range<usize>, DecryptError> {
        self.stream(first).apply_keystream(rest);
        if same(&self.checksum(rest), first) { Ok(CONFOUNDER..rest.len()) } else { Err(DecryptError::Integrity) }
    }

    fn encrypt(&self, confounder: &Confounder, plaintext: &[&[u8]], out: &mut Vec<u8>) {
        let confounder = rc4_confounder(confounder);
        let pieces = iter::once(confounder.as_slice()).chain(plaintext.iter().copied());
        let (checksum, data) = append([0; MAC], pieces, out);
        *checksum = self.checksum(data);
        self.stream(checksum).apply_keystream(data);
    }
}

/// Returns the MAC inside a ciphertext, or `None` if the ciphertext is too short to have a confounder and a MAC.
pub(super) fn mac_of(ciphertext: &[u8]) -> Option<&[u8; MAC]> {
    let (mac, rest) = ciphertext.split_first_chunk()?;
    (rest.len() >= CONFOUNDER).then_some(mac)
}

/// The keys of GSS per-message tokens (section 7.3) that are the same for all tokens of a context.
#[derive(Clone)]
pub(crate) struct GssStreams {
    sequence: Hmac<Md5>,
    sealing: Hmac<Md5>,
}

impl GssStreams {
    pub(super) fn new(key: &[u8; 16]) -> Self {
        let local = Wiped::new(key.map(|octet| octet ^ 0xF0));
        Self { sequence: derived_mac(key, &[0; 4]), sealing: derived_mac(&local, &[0; 4]) }
    }

    /// Encrypts or decrypts SND_SEQ.
    pub(crate) fn apply_to_sequence(&self, checksum: [u8; 8], sequence: &mut [u8; 8]) {
        stream(&self.sequence, &checksum).apply_keystream(sequence);
    }

    /// Encrypts or decrypts the confounder and the octets after the confounder, given in pieces.
    pub(crate) fn apply_to_message<const N: usize>(&self, sequence: u32, pieces: [&mut [u8]; N]) {
        let mut stream = stream(&self.sealing, &sequence.to_be_bytes());
        for piece in pieces {
            stream.apply_keystream(piece);
        }
    }
}

/// Returns the RC4 stream whose key is the HMAC of `salt`.
#[expect(clippy::expect_used, reason = "RC4 accepts keys of up to 256 octets, and this key has 16")]
fn stream(key: &Hmac<Md5>, salt: &[u8]) -> Rc4 {
    let key = Wiped::new(key.clone().chain_update(salt).finalize().into_bytes());
    Rc4::new_from_slice(&key).expect("a key of 16 octets is a key of RC4")
}

/// Returns the prepared signing key of checksum type −138 (section 4).
pub(super) fn checksum_key(key: &[u8; 16]) -> Hmac<Md5> {
    derived_mac(key, b"signaturekey\0")
}

/// Returns the part of a confounder that RC4 uses.
pub(super) fn rc4_confounder(confounder: &Confounder) -> Rc4Confounder {
    part::<0, CONFOUNDER, 16>(confounder)
}

/// Returns the message type "T" of section 3.
///
/// For two usages, the message type is not the usage number: 8 for the AS-REP, and 13 for the checksum inside a GSS
/// wrap token. MIT krb5 and Heimdal give that checksum the usage number 23. The message type of usage 9 is 9 as in
/// other implementations, although the table of the RFC has 8.
pub(super) fn message_type(usage: KeyUsage) -> [u8; 4] {
    match usage {
        KeyUsage::AS_REP_ENC_PART => KeyUsage::TGS_REP_ENC_PART.0,
        KeyUsage::GSS_ACCEPTOR_SIGN => KeyUsage::KRB_PRIV.0,
        KeyUsage(number) => number,
    }
    .to_le_bytes()
}

/// Returns the MD4 hash of the password in UTF-16LE (section 2).
pub(super) fn nt_hash(password: impl Iterator<Item = u16>) -> [u8; 16] {
    let mut hash = Md4::new();
    for unit in password {
        hash.update(unit.to_le_bytes());
    }
    hash.finalize().into()
}

/// Computes the pseudo-random function of MIT krb5 and Heimdal. RFC 4757 does not define a pseudo-random function.
pub(super) fn prf(key: &[u8; 16], input: &[u8]) -> [u8; 20] {
    keyed::<Hmac<Sha1>, U16>(key.into()).chain_update(input).finalize().into_bytes().into()
}

/// Returns a MAC whose key is the HMAC of `message` with `key`.
fn derived_mac(key: &[u8; 16], message: &[u8]) -> Hmac<Md5> {
    let key = keyed::<Hmac<Md5>, U16>(key.into()).chain_update(message);
    keyed::<_, U16>(&*Wiped::new(key.finalize().into_bytes()))
}

const MAC: usize = 16;

const CONFOUNDER: usize = 8;

#[cfg(test)]
mod tests;
