//! RC4 with HMAC-MD5: encryption type 23, checksum type −138 (RFC 4757). Retired by RFC 8429; a policy must allow it.
//!
//! In: an NT hash or a session key, and a usage; then ciphertexts. Out: plaintexts that the MAC vouches for.
//! The MAC of the plaintext stands first and is what the stream's key is made from.

use alloc::vec::Vec;
use core::ops::Range;

use hmac::{Hmac, Mac};
use md4::{Digest, Md4};
use md5::Md5;
use rc4::{KeyInit, Rc4, StreamCipher};
use sha1::Sha1;
use zeroize::Zeroizing;

use super::cipher::{Confounder, DecryptError, Scheme};
use super::rfc8009::keyed;
use super::{EncType, Key, KeyUsage, same};

/// K1 of one message type, which without export restrictions is K2 as well (section 5).
#[derive(Clone)]
pub(super) struct Rc4Hmac {
    mac: Hmac<Md5>,
}

impl Rc4Hmac {
    pub(super) fn new(key: &[u8; 16], usage: KeyUsage) -> Self {
        Self { mac: keyed(hmac_md5(key, &usage.rc4_message_type()).as_slice()) }
    }

    /// K3: each message has a stream of its own.
    fn stream(&self, checksum: &[u8; MAC]) -> Option<Rc4> {
        stream(&self.mac, checksum)
    }

    fn checksum(&self, plaintext: &[u8]) -> [u8; MAC] {
        self.mac.clone().chain_update(plaintext).finalize().into_bytes().into()
    }
}

impl Scheme for Rc4Hmac {
    fn decrypt(&self, ciphertext: &[u8], out: &mut [u8]) -> Result<Range<usize>, DecryptError> {
        let (checksum, encrypted) = ciphertext.split_first_chunk().ok_or(DecryptError::Integrity)?;
        let out = out.get_mut(..encrypted.len()).ok_or(DecryptError::Integrity)?;
        let mut stream = self.stream(checksum).ok_or(DecryptError::Integrity)?;
        stream.try_apply_keystream_b2b(encrypted, out).map_err(|_| DecryptError::Integrity)?;
        if same(&self.checksum(out), checksum) { Ok(CONFOUNDER..out.len()) } else { Err(DecryptError::Integrity) }
    }

    fn decrypt_in_place(&self, first: &[u8; 16], rest: &mut [u8]) -> Result<Range<usize>, DecryptError> {
        self.stream(first).ok_or(DecryptError::Integrity)?.apply_keystream(rest);
        if same(&self.checksum(rest), first) { Ok(CONFOUNDER..rest.len()) } else { Err(DecryptError::Integrity) }
    }

    fn encrypt(&self, confounder: &Confounder, plaintext: &[&[u8]], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; MAC]);
        out.extend(confounder.iter().take(CONFOUNDER));
        for piece in plaintext {
            out.extend_from_slice(piece);
        }
        let message = out.get_mut(start..).and_then(|message| message.split_first_chunk_mut());
        let Some((checksum, data)) = message else {
            return;
        };
        *checksum = self.checksum(data);
        if let Some(mut stream) = self.stream(checksum) {
            stream.apply_keystream(data);
        }
    }
}

/// The keys of GSS per-message tokens (section 7.3) that are made anew for each token, from what stays the same.
#[derive(Clone)]
pub(crate) struct GssStreams {
    sequence: Hmac<Md5>,
    sealing: Hmac<Md5>,
}

impl GssStreams {
    /// `None` for a key of another type.
    pub(crate) fn new(key: &Key) -> Option<Self> {
        let octets = Zeroizing::new(<[u8; 16]>::try_from(key.expose_bytes()).ok()?);
        let local = Zeroizing::new(octets.map(|octet| octet ^ 0xF0));
        (key.etype() == EncType::RC4_HMAC).then(|| Self {
            sequence: keyed(hmac_md5(&octets, &[0; 4]).as_slice()),
            sealing: keyed(hmac_md5(&local, &[0; 4]).as_slice()),
        })
    }

    /// Encrypts or decrypts SND_SEQ.
    pub(crate) fn apply_to_sequence(&self, checksum: [u8; 8], sequence: &mut [u8; 8]) {
        if let Some(mut stream) = stream(&self.sequence, &checksum) {
            stream.apply_keystream(sequence);
        }
    }

    /// Encrypts or decrypts the confounder and what follows it, given in pieces.
    pub(crate) fn apply_to_message<const N: usize>(&self, sequence: u32, pieces: [&mut [u8]; N]) {
        if let Some(mut stream) = stream(&self.sealing, &sequence.to_be_bytes()) {
            for piece in pieces {
                stream.apply_keystream(piece);
            }
        }
    }
}

/// The stream whose key is the HMAC of `salt`; there always is one, since the key has the length that RC4 takes.
fn stream(key: &Hmac<Md5>, salt: &[u8]) -> Option<Rc4> {
    let key = Zeroizing::new(key.clone().chain_update(salt).finalize().into_bytes());
    Rc4::new_from_slice(&key).ok()
}

/// The signing key of checksum type −138, absorbed (section 4).
pub(super) fn checksum_key(key: &[u8; 16]) -> Hmac<Md5> {
    keyed(hmac_md5(key, b"signaturekey\0").as_slice())
}

/// MD4 of the UTF-16LE password (section 2).
pub(super) fn nt_hash(password: impl Iterator<Item = u16>) -> [u8; 16] {
    let mut hash = Md4::new();
    for unit in password {
        hash.update(unit.to_le_bytes());
    }
    hash.finalize().into()
}

/// RFC 4757 defines no pseudo-random function; this is the one that MIT and Heimdal share.
pub(super) fn prf(key: &[u8; 16], input: &[u8]) -> [u8; 20] {
    keyed::<Hmac<Sha1>>(key).chain_update(input).finalize().into_bytes().into()
}

fn hmac_md5(key: &[u8; 16], message: &[u8]) -> Zeroizing<[u8; 16]> {
    Zeroizing::new(keyed::<Hmac<Md5>>(key).chain_update(message).finalize().into_bytes().into())
}

const MAC: usize = 16;

const CONFOUNDER: usize = 8;
