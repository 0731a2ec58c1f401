//! Makes per-message tokens under RC4 keys (RFC 4757 section 7) from any header, sequence number and data.

use crate::der::element;
use hmac::{Hmac, KeyInit, Mac};
use kerberos_sso::Key;
use kerberos_sso::crypto::KeyUsage;
use md5::Md5;
use rc4::{Rc4, StreamCipher};

/// The parts of a token before it is protected.
pub struct Parts<'a> {
    /// TOK_ID, SGN_ALG, SEAL_ALG and filler.
    pub start: [u8; 8],
    /// SND_SEQ before it is encrypted: the sequence number, and the direction.
    pub number: [u8; 8],
    /// The data of a MIC, or the confounder and data of a Wrap token.
    pub data: &'a [u8],
}

impl Parts<'_> {
    /// Makes a MIC token for the data.
    pub fn mic(&self, key: &Key) -> Vec<u8> {
        self.token(key, KeyUsage::KRB_SAFE, &[])
    }

    /// Makes a Wrap token whose data are signed but not encrypted.
    pub fn signed(&self, key: &Key) -> Vec<u8> {
        self.token(key, KeyUsage::KRB_PRIV, self.data)
    }

    /// Makes a Wrap token whose data are encrypted.
    pub fn sealed(&self, key: &Key) -> Vec<u8> {
        let local: Vec<u8> = key.expose_bytes().iter().map(|octet| octet ^ 0xF0).collect();
        let stream_key = hmac(&hmac(&local, &[0; 4]), &self.number[..4]);
        let mut sealed = self.data.to_vec();
        rc4(&stream_key, &mut sealed);
        self.token(key, KeyUsage::KRB_PRIV, &sealed)
    }

    fn token(&self, key: &Key, usage: KeyUsage, follows: &[u8]) -> Vec<u8> {
        let mut running = key.checksummer(usage).start();
        running.update(&self.start);
        running.update(self.data);
        let checksum = running.finish().as_ref()[..8].to_vec();
        let mut number = self.number;
        rc4(&hmac(&hmac(key.expose_bytes(), &[0; 4]), &checksum), &mut number);
        element(0x60, &[&KRB5, &self.start[..], &number, &checksum, follows].concat())
    }
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 16] {
    Hmac::<Md5>::new_from_slice(key).unwrap().chain_update(message).finalize().into_bytes().into()
}

fn rc4(key: &[u8; 16], octets: &mut [u8]) {
    Rc4::new_from_slice(key).unwrap().apply_keystream(octets);
}

/// The OID 1.2.840.113554.1.2.2 with its tag and length.
const KRB5: [u8; 11] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02];
