//! The server's key pairs for ES256 (RFC 7518 section 3.4). A signature takes a thirtieth of the time of a signature
//! with RS256. As with RS256, all nodes have the same keys, and replace them each month.

use crate::key_ring::{Plan, RingKey};
use crate::signing_key::SigningKey;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

pub(crate) struct Es256Key {
    /// The key identifier in the headers of tokens and in the key set: the thumbprint of the public key (RFC 7638).
    pub(crate) kid: String,
    /// The public key in the form of a key set (RFC 7517).
    pub(crate) public: Value,
    pub(crate) decoding: DecodingKey,
    pair: EcdsaKeyPair,
}

impl RingKey for Es256Key {
    const NAME: &'static str = "signing-es256";

    const PLAN: Plan = SigningKey::PLAN;

    #[expect(clippy::expect_used, reason = "a server without keys must stop")]
    fn make() -> Zeroizing<String> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        Zeroizing::new(STANDARD.encode(made.expect("the operating system has randomness")))
    }

    /// Reads a private key: the base64 of PKCS #8.
    fn read(text: &str) -> Option<Self> {
        let octets = Zeroizing::new(STANDARD.decode(text).ok()?);
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &octets, &SystemRandom::new()).ok()?;
        // The public key is an uncompressed point (SEC 1 section 2.3.3).
        let (x, y) = pair.public_key().as_ref().strip_prefix(&[4])?.split_at_checked(32)?;
        let [x, y] = [x, y].map(|number| URL_SAFE_NO_PAD.encode(number));
        let kid = thumbprint(&x, &y);
        Some(Self {
            public: json!({ "kty": "EC", "use": "sig", "alg": "ES256", "kid": kid, "crv": "P-256", "x": x, "y": y }),
            decoding: DecodingKey::from_ec_components(&x, &y).ok()?,
            kid,
            pair,
        })
    }
}

impl Es256Key {
    /// Signs a text. The signature has the form of RFC 7518 section 3.4.
    pub(crate) fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        self.pair.sign(&SystemRandom::new(), text).ok().map(|signature| signature.as_ref().to_vec())
    }

    /// Makes a key for a test.
    #[cfg(test)]
    pub(crate) fn generate() -> Self {
        Self::read(&Self::make()).into_iter().next().unwrap_or_else(Self::generate)
    }
}

/// Returns the thumbprint of a public key. RFC 7638 section 3.2 fixes the members and their order.
fn thumbprint(x: &str, y: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use jsonwebtoken::jwk::{Jwk, ThumbprintHash};

    #[test]
    fn thumbprint_of_a_key_equals_that_of_another_implementation() {
        let key = Es256Key::generate();
        let jwk: Jwk = serde_json::from_value(key.public.clone()).unwrap();
        assert_eq!(jwk.thumbprint(ThumbprintHash::SHA256), key.kid);
    }

    #[test]
    fn text_that_is_no_es256_key_is_not_read() {
        let rsa = SigningKey::make();
        for text in ["", "!", "AAAA", &rsa] {
            assert!(Es256Key::read(text).is_none(), "{text}");
        }
    }
}
