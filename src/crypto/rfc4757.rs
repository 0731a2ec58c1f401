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
use super::{KeyUsage, same};

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
        let key = Zeroizing::new(self.mac.clone().chain_update(checksum).finalize().into_bytes());
        Rc4::new_from_slice(&key).ok()
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

    fn encrypt(&self, confounder: &Confounder, plaintext: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; MAC]);
        out.extend(confounder.iter().take(CONFOUNDER));
        out.extend_from_slice(plaintext);
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
