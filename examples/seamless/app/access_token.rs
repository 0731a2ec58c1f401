//! Validates an access token as a resource server must (RFC 9068 section 4).

use jwt_simple::JWTError;
use jwt_simple::algorithms::{RS256PublicKey, RSAPublicKeyLike as _};
use jwt_simple::prelude::{Duration, UnixTimeStamp, VerificationOptions};
use jwt_simple::token::Token;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// An access token that the issuer made for this API, and that has not expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) subject: String,
    /// The time at which the token expires, in seconds since 1970.
    pub(crate) expires: u64,
    pub(crate) claims: Claims,
}

/// The claims that the API uses in addition to those of RFC 7519.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) client_id: String,
    #[serde(default)]
    pub(crate) scope: String,
    pub(crate) upn: Option<String>,
    pub(crate) oid: Option<String>,
    pub(crate) groups: Option<Vec<String>>,
    pub(crate) acr: Option<String>,
    pub(crate) amr: Option<Vec<String>>,
    pub(crate) auth_time: Option<u64>,
}

impl Accepted {
    /// Returns whether the token has a scope (RFC 6749 section 3.3).
    pub(crate) fn has_scope(&self, scope: &str) -> bool {
        self.claims.scope.split(' ').any(|given| given == scope)
    }
}

/// Returns the key id (`kid`) from the header of a token that is not verified yet.
pub(crate) fn named_key(token: &str) -> Result<String, Refusal> {
    let header = Token::decode_metadata(token).map_err(|_| Refusal::Malformed)?;
    header.key_id().map(str::to_owned).ok_or(Refusal::Key)
}

/// Validates a token with the issuer's key. The type of the key fixes the algorithm, so the token cannot choose one
/// (RFC 8725 section 3.1).
pub(crate) fn judge(
    token: &str,
    key: &RS256PublicKey,
    issuer: &str,
    audience: &str,
    now: SystemTime,
) -> Result<Accepted, Refusal> {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| Refusal::NotYetValid)?;
    let options = VerificationOptions {
        required_signature_type: Some(TYPE.to_owned()),
        allowed_issuers: Some([issuer.to_owned()].into()),
        allowed_audiences: Some([audience.to_owned()].into()),
        time_tolerance: Some(Duration::from_secs(SKEW)),
        max_token_length: Some(MAX_SIZE),
        artificial_time: Some(UnixTimeStamp::from_secs(now.as_secs())),
        ..VerificationOptions::default()
    };
    let claims = key.verify_token::<Claims>(token, Some(options)).map_err(|error| Refusal::of(error.downcast_ref()))?;
    // RFC 9068 section 2.2 requires these claims, and the library does not check that they exist.
    if claims.issued_at.is_none() || claims.jwt_id.is_none() {
        return Err(Refusal::Incomplete);
    }
    let (subject, expires) = claims.subject.zip(claims.expires_at).ok_or(Refusal::Incomplete)?;
    Ok(Accepted { subject, expires: expires.as_secs(), claims: claims.custom })
}

/// The reason why the API refuses a token. The client gets the text, so the text has only the characters that RFC 6750
/// section 3 allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the token is not a JWT that can be read")]
    Malformed,
    #[error("the token is not of the type that is needed here")]
    Type,
    #[error("the token is not signed with RS256")]
    Algorithm,
    #[error("the issuer has no key of this name")]
    Key,
    #[error("the signature is not right")]
    Signature,
    #[error("the token is of another issuer")]
    Issuer,
    #[error("the token is for another audience")]
    Audience,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
    #[error("the token lacks a claim that every access token has")]
    Incomplete,
    #[error("the token has a nonce, or lacks a claim that every logout token has")]
    NoSignOut,
}

impl Refusal {
    pub(crate) fn of(error: Option<&JWTError>) -> Self {
        match error {
            Some(JWTError::RequiredSignatureTypeMismatch | JWTError::NotJWT) => Self::Type,
            Some(JWTError::AlgorithmMismatch) => Self::Algorithm,
            Some(JWTError::InvalidSignature) => Self::Signature,
            Some(JWTError::RequiredIssuerMismatch | JWTError::RequiredIssuerMissing) => Self::Issuer,
            Some(JWTError::RequiredAudienceMismatch | JWTError::RequiredAudienceMissing) => Self::Audience,
            Some(JWTError::TokenHasExpired) => Self::Expired,
            Some(JWTError::TokenNotValidYet | JWTError::ClockDrift) => Self::NotYetValid,
            _ => Self::Malformed,
        }
    }
}

/// The type of an access token (RFC 9068 section 2.1). An ID token has another type.
const TYPE: &str = "at+jwt";
/// How far the clocks of the issuer and the API may differ, in seconds.
const SKEW: u64 = 60;
/// The largest size of a token, in octets. A token may have 200 groups.
const MAX_SIZE: usize = 32 * 1024;
