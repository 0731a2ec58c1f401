//! The server's RSA key pairs. The server signs assertions and tokens with a private key, and publishes the public keys
//! (RFC 7517, OpenID Connect Discovery 1.0). All nodes have the same keys, and replace them each month.

use crate::clock;
use crate::key_ring::{Plan, RingKey};
use crate::oidc::ACCESS_LIFETIME;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::pkcs1v15;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding};
use rsa::rand_core::OsRng;
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, RsaPublicKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::error::Error;
use std::time::Duration;
use x509_cert::builder::{Builder as _, CertificateBuilder, Profile};
use x509_cert::der::Encode as _;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::Validity;
use zeroize::Zeroizing;

pub(crate) struct SigningKey {
    /// The key identifier in the headers of tokens and in the key set.
    pub(crate) kid: String,
    /// The self-signed certificate, in base64.
    pub(crate) certificate: String,
    /// The private key in PEM, for the library that signs XML.
    pub(crate) pem: Zeroizing<String>,
    /// The public key in the form of a key set (RFC 7517).
    pub(crate) public: Value,
    pub(crate) decoding: DecodingKey,
    signer: KeyPair,
}

/// The text form of a key in the store.
#[derive(Serialize, Deserialize)]
struct Written {
    pem: Zeroizing<String>,
    /// The certificate in base64. All nodes publish the same certificate.
    certificate: String,
}

impl RingKey for SigningKey {
    const NAME: &'static str = "signing";

    /// A new key is in the key set for a day before its first use. A receiver of tokens reads the key set at least once
    /// a day.
    const PLAN: Plan = Plan { period: 30 * DAY, ahead: DAY, overlap: 3 * ACCESS_LIFETIME };

    #[expect(clippy::expect_used, reason = "a server without keys must stop")]
    fn make() -> Zeroizing<String> {
        let key = RsaPrivateKey::new(&mut OsRng, KEY_BITS).expect("the operating system has randomness");
        let written = Written::of(&key).expect("a new key can be written");
        Zeroizing::new(serde_json::to_string(&written).expect("a text is JSON"))
    }

    fn read(text: &str) -> Option<Self> {
        Self::of(serde_json::from_str(text).ok()?).ok()
    }
}

impl Written {
    fn of(key: &RsaPrivateKey) -> Result<Self, Box<dyn Error>> {
        Ok(Self { pem: key.to_pkcs8_pem(LineEnding::LF)?, certificate: STANDARD.encode(certificate(key)?) })
    }
}

impl SigningKey {
    fn of(Written { pem, certificate }: Written) -> Result<Self, Box<dyn Error>> {
        let key = RsaPrivateKey::from_pkcs8_pem(&pem)?;
        let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(STANDARD.decode(&certificate)?));
        Ok(Self {
            public: public_key(&key.to_public_key(), &kid, &certificate),
            kid,
            certificate,
            pem,
            decoding: decoding(&key.to_public_key())?,
            signer: KeyPair::from_der(key.to_pkcs1_der()?.as_bytes()).map_err(|error| error.to_string())?,
        })
    }

    /// Makes a key for a test.
    #[cfg(test)]
    pub(crate) fn generate() -> Self {
        Self::read(&Self::make()).into_iter().next().unwrap_or_else(Self::generate)
    }

    /// Signs a text (RFC 7518 section 3.3).
    pub(crate) fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut signature = vec![0; self.signer.public().modulus_len()];
        self.signer.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).ok()?;
        Some(signature)
    }
}

fn certificate(key: &RsaPrivateKey) -> Result<Vec<u8>, Box<dyn Error>> {
    let signer = pkcs1v15::SigningKey::<rsa::sha2::Sha256>::new(key.clone());
    let public = SubjectPublicKeyInfoOwned::from_key(key.to_public_key())?;
    let (serial, validity) = (SerialNumber::from(u64::from_ne_bytes(clock::random())), Validity::from_now(YEAR)?);
    let name = "CN=kerberos-sso example token signing".parse()?;
    let builder = CertificateBuilder::new(Profile::Root, serial, validity, name, public, &signer)?;
    Ok(builder.build::<pkcs1v15::Signature>()?.to_der()?)
}

fn decoding(key: &RsaPublicKey) -> Result<DecodingKey, jsonwebtoken::errors::Error> {
    let number = |number: &rsa::BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
    DecodingKey::from_rsa_components(&number(key.n()), &number(key.e()))
}

fn public_key(key: &RsaPublicKey, kid: &str, certificate: &str) -> Value {
    let number = |number: &rsa::BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
    json!({
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
        "n": number(key.n()), "e": number(key.e()), "x5c": [certificate],
    })
}

const KEY_BITS: usize = 2048;

const DAY: i64 = 24 * 60 * 60;

const YEAR: Duration = Duration::from_hours(365 * 24);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use rsa::signature::Verifier as _;

    #[test]
    fn signature_is_verified_by_another_implementation() {
        let key = SigningKey::generate();
        let signature = key.sign(b"text").unwrap();
        let public = RsaPrivateKey::from_pkcs8_pem(&key.pem).unwrap().to_public_key();
        let verifier = pkcs1v15::VerifyingKey::<rsa::sha2::Sha256>::new(public);
        let signature = pkcs1v15::Signature::try_from(&*signature).unwrap();
        verifier.verify(b"text", &signature).unwrap();
        verifier.verify(b"other", &signature).unwrap_err();
    }
}
