//! The server's key pairs. The server signs assertions and tokens with a private key, and publishes the public keys
//! (RFC 7517, OpenID Connect Discovery 1.0). All nodes have the same keys, and replace them each month.

use crate::clock;
use crate::key_ring::{Keys, Plan, RingKey};
use crate::oidc::ACCESS_LIFETIME;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use kerberos_sso::UnixTime;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::pkcs1v15;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding};
use rsa::rand_core::OsRng;
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, RsaPublicKey};
use serde::de::DeserializeOwned;
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
    signer: KeyPair,
    decoding: DecodingKey,
}

/// The kinds of JWT that the server signs, by the `typ` of the header. By the kind, a receiver tells an ID token from an
/// access token (RFC 8725 section 3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenType {
    Id,
    /// RFC 9068 section 2.1.
    Access,
    /// OpenID Connect Back-Channel Logout 1.0 section 2.4.
    Logout,
}

impl TokenType {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "JWT",
            Self::Access => "at+jwt",
            Self::Logout => "logout+jwt",
        }
    }
}

/// The audience that a JWT must have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Audience<'a> {
    Is(&'a str),
    /// Any audience. The caller reads the audience in the claims, and decides.
    InClaims,
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

    /// A receiver of tokens reads the key set once a day or more often.
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

    /// Returns a signed JWT (RFC 7519) with these claims, in the compact serialization (RFC 7515 section 7.1).
    pub(crate) fn token(&self, kind: TokenType, claims: &impl Serialize) -> Option<String> {
        let typ = Some(kind.as_str().into());
        let header = Header { kid: Some(self.kid.clone()), typ, ..Header::new(Algorithm::RS256) };
        let [header, claims] = [serde_json::to_vec(&header).ok()?, serde_json::to_vec(claims).ok()?];
        let signed = [URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims)].join(".");
        let mut signature = vec![0; self.signer.public().modulus_len()];
        self.signer.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).ok()?;
        Some([signed, URL_SAFE_NO_PAD.encode(signature)].join("."))
    }
}

impl Keys<SigningKey> {
    /// Returns the claims of a JWT that this server signed for this issuer and audience. A token that has ended is accepted
    /// only if `also_ended` is true.
    pub(crate) fn verified<T: DeserializeOwned>(
        &self,
        token: &str,
        kind: TokenType,
        (issuer, audience): (&str, Audience<'_>),
        now: UnixTime,
        also_ended: bool,
    ) -> Option<T> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        let is_of_kind = header.typ.as_deref() == Some(kind.as_str());
        let key = self.all(now).find(|key| Some(&key.kid) == header.kid.as_ref()).filter(|_| is_of_kind)?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[issuer]);
        match audience {
            Audience::Is(audience) => validation.set_audience(&[audience]),
            Audience::InClaims => validation.validate_aud = false,
        }
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        // The caller's clock decides whether the token has ended, and not the clock of the library.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Value>(token, &key.decoding, &validation).ok()?.claims;
        let end = claims.get("exp")?.as_i64()?;
        serde_json::from_value(claims).ok().filter(|_| also_ended || now.seconds() < end)
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
    fn token_is_verified_until_its_end_for_its_kind_issuer_and_audience_only() {
        let keys = Keys::one(SigningKey::generate());
        let now = UnixTime::from_seconds(1_000);
        let claims = json!({ "iss": "i", "aud": "a", "exp": 1_000 });
        let token = keys.current(now).unwrap().token(TokenType::Access, &claims).unwrap();
        let verified = |token: &str, kind, issuer, audience, seconds, also_ended| {
            let now = UnixTime::from_seconds(seconds);
            keys.verified::<Value>(token, kind, (issuer, Audience::Is(audience)), now, also_ended).is_some()
        };
        for (kind, issuer, audience, seconds, also_ended, expected) in [
            (TokenType::Access, "i", "a", 999, false, true),
            (TokenType::Access, "i", "a", 1_000, false, false),
            (TokenType::Access, "i", "a", 1_000, true, true),
            (TokenType::Id, "i", "a", 999, false, false),
            (TokenType::Access, "other", "a", 999, false, false),
            (TokenType::Access, "i", "other", 999, false, false),
        ] {
            let found = verified(&token, kind, issuer, audience, seconds, also_ended);
            assert_eq!(found, expected, "{kind:?} {issuer} {audience} {seconds} {also_ended}");
        }
        let octets = token.len();
        for at in 0..octets {
            let mut changed = token.clone().into_bytes();
            if let Some(octet) = changed.get_mut(at) {
                *octet = if *octet == b'A' { b'B' } else { b'A' };
            }
            let changed = String::from_utf8(changed).unwrap();
            // The last character of a signature has bits that base64 does not use, and the decoder demands that these bits are
            // 0.
            assert!(!verified(&changed, TokenType::Access, "i", "a", 999, false), "character {at}");
        }
    }

    #[test]
    fn token_has_an_rs256_signature_that_another_implementation_verifies() {
        let key = SigningKey::generate();
        let token = key.token(TokenType::Access, &json!({ "sub": "alice" })).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let read = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        assert_eq!(read(header), json!({ "typ": "at+jwt", "alg": "RS256", "kid": key.kid }));
        assert_eq!(read(claims), json!({ "sub": "alice" }));
        let public = RsaPrivateKey::from_pkcs8_pem(&key.pem).unwrap().to_public_key();
        let verifier = pkcs1v15::VerifyingKey::<rsa::sha2::Sha256>::new(public);
        let signature = pkcs1v15::Signature::try_from(&*URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        verifier.verify(signed.as_bytes(), &signature).unwrap();
        verifier.verify(claims.as_bytes(), &signature).unwrap_err();
    }
}
