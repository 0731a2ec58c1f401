//! The encryption of a value in the store: AES-256-GCM, with a key for this entry alone.
//!
//! A sealed value is one octet with the number of the format, 12 octets with the nonce, and the ciphertext. The
//! associated data are the number of the format and the key of the entry. So a value that is copied to another entry
//! does not open.

use super::{Key, Kind, Secret};
use crate::clock;
use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// The cipher of one entry.
pub(crate) struct Sealer<'k> {
    cipher: Aes256Gcm,
    key: &'k Key,
}

impl<'k> Sealer<'k> {
    /// Makes the cipher of an entry from the server's secret and `input`. `input` is a further secret, like the cookie
    /// of a session, or is empty.
    pub(crate) fn new(secret: &Secret, input: &[u8], key: &'k Key) -> Self {
        let octets = secret.derive(input, &[b"value", key.as_bytes()]);
        Self { cipher: Aes256Gcm::new((&*octets).into()), key }
    }

    /// Seals a value. Returns `None` only if the value is too long for AES-GCM. No value of this server is so long.
    pub(crate) fn seal(&self, value: &[u8]) -> Option<Vec<u8>> {
        let nonce: [u8; 12] = clock::random();
        let aad = self.associated_data();
        let ciphertext = self.cipher.encrypt(&Nonce::from(nonce), Payload { msg: value, aad: &aad }).ok()?;
        Some([&[FORM][..], &nonce, &ciphertext].concat())
    }

    /// Opens a value. Returns `None` if the value was not sealed by [`seal`](Self::seal) with the same secrets for the
    /// same entry.
    pub(crate) fn open(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, ciphertext) = sealed.strip_prefix(&[FORM])?.split_first_chunk::<12>()?;
        let aad = self.associated_data();
        let payload = Payload { msg: ciphertext, aad: &aad };
        self.cipher.decrypt(&Nonce::from(*nonce), payload).ok().map(Zeroizing::new)
    }

    fn associated_data(&self) -> Vec<u8> {
        [&[FORM][..], self.key.as_bytes()].concat()
    }
}

/// Seals a value as a text that a browser keeps. Each text has a key of its own, which the server derives from a random
/// salt. So the number of texts under one key never exceeds the limit for random nonces of AES-GCM (NIST SP 800-38D
/// section 8.3).
pub(crate) fn seal_text(secret: &Secret, kind: Kind, value: &impl Serialize) -> Option<String> {
    let (salt, json): ([u8; 16], _) = (clock::random(), Zeroizing::new(serde_json::to_vec(value).ok()?));
    let sealed = Sealer::new(secret, b"", &Key::new(kind, &salt)).seal(&json)?;
    Some(URL_SAFE_NO_PAD.encode([&salt[..], &sealed].concat()))
}

/// Opens a text that [`seal_text`] made for the same kind.
pub(crate) fn open_text<T: DeserializeOwned>(secret: &Secret, kind: Kind, text: &str) -> Option<T> {
    let octets = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (salt, sealed) = octets.split_first_chunk::<16>()?;
    serde_json::from_slice(&Sealer::new(secret, b"", &Key::new(kind, salt)).open(sealed)?).ok()
}

/// The number of the format of sealed values. If you change the format, change this number.
const FORM: u8 = 1;
