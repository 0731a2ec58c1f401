//! The server's key pair. The server makes the key pair at its start, and keeps the key pair in memory only. The server
//! signs assertions and tokens with the private key, and publishes the public key (RFC 7517, OpenID Connect Discovery
//! 1.0).

use super::{SharedNative, in_background, issuer};
use crate::app::Shared;
use crate::clock;
use crate::tenants::Tenant;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::pkcs1v15::{Signature, SigningKey};
use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};
use rsa::rand_core::OsRng;
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, RsaPublicKey};
use serde::Serialize;
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

pub(super) struct Keys {
    /// The key identifier in the headers of tokens and in the key set.
    pub(super) kid: String,
    /// The self-signed certificate, in base64.
    pub(super) certificate: String,
    /// The private key in PEM, for the library that signs XML.
    pub(super) pem: Zeroizing<String>,
    key_set: Value,
    encoding: EncodingKey,
}

impl Keys {
    #[expect(clippy::expect_used, reason = "a server without keys must stop")]
    pub(super) fn generate() -> Self {
        let key = RsaPrivateKey::new(&mut OsRng, KEY_BITS).expect("the operating system has randomness");
        Self::of(&key).expect("a new key can be written")
    }

    fn of(key: &RsaPrivateKey) -> Result<Self, Box<dyn Error>> {
        let certificate = certificate(key)?;
        let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate));
        let certificate = STANDARD.encode(certificate);
        Ok(Self {
            key_set: public_keys(&key.to_public_key(), &kid, &certificate),
            kid,
            certificate,
            pem: key.to_pkcs8_pem(LineEnding::LF)?,
            encoding: EncodingKey::from_rsa_der(key.to_pkcs1_der()?.as_bytes()),
        })
    }

    /// Returns a signed JWT (RFC 7519) with these claims.
    pub(super) fn token(&self, claims: &impl Serialize) -> Option<String> {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, claims, &self.encoding).ok()
    }
}

fn certificate(key: &RsaPrivateKey) -> Result<Vec<u8>, Box<dyn Error>> {
    let signer = SigningKey::<rsa::sha2::Sha256>::new(key.clone());
    let public = SubjectPublicKeyInfoOwned::from_key(key.to_public_key())?;
    let (serial, validity) = (SerialNumber::from(u64::from_ne_bytes(clock::random())), Validity::from_now(YEAR)?);
    let name = "CN=kerberos-sso example token signing".parse()?;
    let builder = CertificateBuilder::new(Profile::Root, serial, validity, name, public, &signer)?;
    Ok(builder.build::<Signature>()?.to_der()?)
}

fn public_keys(key: &RsaPublicKey, kid: &str, certificate: &str) -> Value {
    let number = |number: &rsa::BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
    json!({ "keys": [{
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
        "n": number(key.n()), "e": number(key.e()), "x5c": [certificate],
    }] })
}

/// `GET /{tenant}/discovery/keys`
pub(super) async fn key_set(native: SharedNative, _: Tenant) -> Result<Json<Value>, StatusCode> {
    in_background(&native, |native| native.keys.key_set.clone()).await.map(Json)
}

/// `GET /{tenant}/.well-known/openid-configuration`
pub(super) async fn metadata(State(app): State<Shared>, tenant: Tenant) -> Json<Value> {
    let issuer = issuer(&app, &tenant.name);
    Json(json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}/oauth2/token"),
        "jwks_uri": format!("{issuer}/discovery/keys"),
        "grant_types_supported": [super::token::ASSERTION_GRANT, super::token::REFRESH_GRANT],
        "token_endpoint_auth_methods_supported": ["none"],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["iss", "aud", "sub", "exp", "iat", "nbf", "oid", "upn", "unique_name", "tid", "amr"],
    }))
}

const KEY_BITS: usize = 2048;

const YEAR: Duration = Duration::from_hours(365 * 24);
