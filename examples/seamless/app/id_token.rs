//! Verifies the ID token (OpenID Connect Core 3.1.3.7), and reads from it who the user is.

use crate::failure::Failure;
use crate::relying_party::{self, Tokens, UserClaims};
use crate::shared::Shared;
use openidconnect::core::CoreJwsSigningAlgorithm;
use openidconnect::{
    AccessTokenHash, ClaimsVerificationError, Nonce, OAuth2TokenResponse as _, ProviderMetadataWithLogout,
    SignatureVerificationError, TokenResponse as _,
};
use std::time::SystemTime;

/// The user of a verified ID token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) upn: Option<String>,
    /// The groups, or `None` if a token cannot have so many groups and the issuer did not return them.
    pub(crate) groups: Option<Vec<String>>,
    /// The endpoint that returns the groups, if the user has too many groups for a token.
    pub(crate) groups_at: Option<String>,
    /// The authentication methods of the sign-in (RFC 8176).
    pub(crate) methods: Vec<String>,
    /// The time of the sign-in (`auth_time`), as the pages show it.
    pub(crate) since: Option<String>,
    /// The user's subject, as logout tokens have it.
    pub(crate) subject: String,
    /// The identifier of the user's session at the issuer (`sid`), as logout tokens have it.
    pub(crate) stay: Option<String>,
}

/// Verifies the ID token of a response. If the application does not know the token's key, it asks the issuer for new
/// keys.
pub(crate) async fn verify(
    app: &Shared,
    metadata: &ProviderMetadataWithLogout,
    tokens: &Tokens,
    nonce: &Nonce,
) -> Result<User, Failure> {
    let now = (app.now)();
    match judge(app, metadata, tokens, nonce, now) {
        Err(Failure::IdToken(ClaimsVerificationError::SignatureVerification(
            SignatureVerificationError::NoMatchingKey,
        ))) => {
            let metadata = app.issuer.metadata_with_new_keys(&app.http, now).await.map_err(Failure::no_issuer)?;
            judge(app, &metadata, tokens, nonce, now)
        }
        judged => judged,
    }
}

fn judge(
    app: &Shared,
    metadata: &ProviderMetadataWithLogout,
    tokens: &Tokens,
    nonce: &Nonce,
    now: SystemTime,
) -> Result<User, Failure> {
    let client = relying_party::of(&app.config, metadata);
    // The verifier accepts only RS256. If the token chose the algorithm, the client's secret could be the key of HS256.
    let verifier = client
        .id_token_verifier()
        .set_allowed_algs([CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256])
        .set_time_fn(move || now.into());
    let token = tokens.id_token().ok_or(Failure::NoIdToken)?;
    let claims = token.claims(&verifier, nonce)?;
    if let Some(expected) = claims.access_token_hash() {
        let key = token.signing_key(&verifier).map_err(ClaimsVerificationError::SignatureVerification)?;
        let algorithm = token.signing_alg().map_err(ClaimsVerificationError::SignatureVerification)?;
        let actual = AccessTokenHash::from_token(tokens.access_token(), algorithm, key);
        if actual.as_ref() != Ok(expected) {
            return Err(Failure::OtherAccessToken);
        }
    }
    Ok(user(claims))
}

fn user(claims: &UserClaims) -> User {
    let more = claims.additional_claims();
    let name = claims.name().and_then(|name| name.get(None)).map(|name| name.to_string());
    let known = name.or_else(|| claims.preferred_username().map(|name| name.to_string()));
    let source = more.claim_names.get("groups");
    User {
        name: known.unwrap_or_else(|| claims.subject().to_string()),
        upn: more.upn.clone(),
        groups: if source.is_some() { None } else { Some(more.groups.clone().unwrap_or_default()) },
        groups_at: source.and_then(|source| more.claim_sources.get(source)?.endpoint.clone()),
        methods: claims.auth_method_refs().into_iter().flatten().map(|method| method.to_string()).collect(),
        since: claims.auth_time().map(|time| time.format("%Y-%m-%d %H:%M:%S UTC").to_string()),
        subject: claims.subject().to_string(),
        stay: more.sid.clone(),
    }
}
