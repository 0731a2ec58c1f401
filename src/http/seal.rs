//! The sealed state of a negotiation between two requests. The client can carry the state, which is encrypted,
//! authenticated, and valid for a limited time.
//!
//! Sealing turns a [`Negotiation`] into base64url characters for a cookie, and opening turns such characters into a
//! [`Negotiation`] again. The encryption is aes256-cts-hmac-sha384-192 (RFC 8009 section 5: the MAC covers the
//! ciphertext), with a key usage number that no Kerberos message has. This module does not check whether a client sends
//! a sealed value twice, because the replay cache admits each authenticator only once.

use crate::accept::Negotiation;
use crate::crypto::{Cipher, Key, KeyUsage};
use crate::limits::{MAX_SEALED_LENGTH, MAX_SEALED_SECONDS};
use crate::randomness::Randomness;
use crate::time::UnixTime;
use alloc::string::String;
use alloc::vec::Vec;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use core::fmt;
use zeroize::Zeroizing;

/// A key that seals the state of a negotiation between two requests, so that the client can carry the state.
///
/// All nodes of a server share one sealing key: 32 octets from the operating system's generator, for this purpose alone.
/// The sealing key is not the key of any account. A new sealing key may replace the old key at any time: negotiations
/// in progress then start again.
#[derive(Clone)]
pub struct SealingKey(Cipher);

impl SealingKey {
    /// Makes the key from 32 random octets that only this server knows.
    #[must_use]
    pub fn new(octets: [u8; 32]) -> Self {
        let octets = Zeroizing::new(octets);
        Self(Key::aes256_sha384(*octets).cipher(USAGE))
    }

    /// Seals `negotiation` at the time `now`. Give each call its own `randomness`, which no answer uses.
    ///
    /// Returns `None` if the sealed value would have more than [`MAX_SEALED_LENGTH`] characters. The value is too long
    /// if the client must confirm an answer to an AP-REQ with a large PAC. A negotiation without an AP-REQ always fits.
    #[must_use]
    pub fn seal(&self, negotiation: &Negotiation, randomness: &Randomness, now: UnixTime) -> Option<String> {
        let state = Zeroizing::new(negotiation.to_bytes());
        let sealed_at = now.seconds().to_be_bytes();
        let mut ciphertext = Vec::new();
        self.0.encrypt_pieces(&randomness.confounder(), &[&sealed_at, &state], &mut ciphertext);
        let sealed = URL_SAFE_NO_PAD.encode(ciphertext);
        (sealed.len() <= MAX_SEALED_LENGTH).then_some(sealed)
    }

    /// Opens a value that [`seal`](Self::seal) made under this key at most [`MAX_SEALED_SECONDS`] ago. Returns `None` for
    /// any other value. The server then treats the request like a request without a sealed value.
    #[must_use]
    pub fn open(&self, sealed: impl AsRef<[u8]>, now: UnixTime) -> Option<Negotiation> {
        let sealed = Some(sealed.as_ref()).filter(|sealed| sealed.len() <= MAX_SEALED_LENGTH)?;
        let ciphertext = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let mut buffer = Zeroizing::new(alloc::vec![0; ciphertext.len()]);
        let plaintext = self.0.decrypt(&ciphertext, &mut buffer).ok()?;
        parse(buffer.get(plaintext)?, now)
    }
}

fn parse(plaintext: &[u8], now: UnixTime) -> Option<Negotiation> {
    let (sealed_at, state) = plaintext.split_first_chunk::<8>()?;
    let sealed_at = UnixTime::from_seconds(i64::from_be_bytes(*sealed_at));
    // Another node may have sealed the value, and that node's clock may be ahead.
    let age = now.seconds_since(sealed_at).unsigned_abs();
    (age <= MAX_SEALED_SECONDS).then(|| Negotiation::from_bytes(state).ok())?
}

/// Hides the key.
impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

/// The key usage number of sealed values. RFC 4120 section 7.5.1 leaves the numbers 512 to 1023 to implementations.
const USAGE: KeyUsage = KeyUsage(600);
