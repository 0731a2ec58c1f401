//! What is kept between two requests, as a value that the client can carry: encrypted, authenticated, and bound in time.
//!
//! In: a [`Negotiation`]. Out: characters of base64url, as of a cookie; and back. It is encrypted by
//! aes256-cts-hmac-sha384-192 (RFC 8009 section 5: the MAC is over the ciphertext), under a usage that no message of
//! Kerberos has. Not checked here: that a value comes back once. A client that brings it twice needs a second authenticator, too.

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

/// Seals what is to be kept of a conversation, so that the client can carry it.
///
/// All nodes of a server share one key. It is not a key of any account: 32 octets of the operating system's generator,
/// for this alone. A new one may replace it at any time; conversations that are not complete then start again.
#[derive(Clone)]
pub struct SealingKey(Cipher);

impl SealingKey {
    /// Takes 32 octets that nobody else knows.
    #[must_use]
    pub fn new(octets: [u8; 32]) -> Self {
        let octets = Zeroizing::new(octets);
        Self(Key::aes256_sha384(*octets).cipher(USAGE))
    }

    /// Seals `negotiation` at `now`. `randomness` is used for this alone, and not for an answer too.
    ///
    /// `None` if the value would have more than [`MAX_SEALED_LENGTH`] characters. That happens where the client must
    /// confirm an AP-REQ with a large PAC; who offers Kerberos first and sends the ticket then always fits.
    #[must_use]
    pub fn seal(&self, negotiation: &Negotiation, randomness: &Randomness, now: UnixTime) -> Option<String> {
        let state = Zeroizing::new(negotiation.to_bytes());
        let sealed_at = now.seconds().to_be_bytes();
        let mut ciphertext = Vec::new();
        self.0.encrypt_pieces(&randomness.confounder(), &[&sealed_at, &state], &mut ciphertext);
        let sealed = URL_SAFE_NO_PAD.encode(ciphertext);
        (sealed.len() <= MAX_SEALED_LENGTH).then_some(sealed)
    }

    /// Opens what [`seal`](Self::seal) made under this key, not longer ago than [`MAX_SEALED_SECONDS`]. Anything else is
    /// `None`, and the request is then decided as if it had brought nothing.
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
    // Another node may have sealed it, whose clock is ahead.
    let age = now.seconds_since(sealed_at).unsigned_abs();
    (age <= MAX_SEALED_SECONDS).then(|| Negotiation::from_bytes(state).ok())?
}

/// Nothing of it.
impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

/// RFC 4120 section 7.5.1 leaves 512 to 1023 to implementations, for uses of their own.
const USAGE: KeyUsage = KeyUsage(600);
