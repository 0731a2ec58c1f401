//! The application as a client of its issuer: the types of the client library, with the claims of this issuer.

use crate::config::Config;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, Client, ClientId, ClientSecret, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, IdToken, IdTokenClaims, IdTokenFields, ProviderMetadataWithLogout, StandardErrorResponse,
    StandardTokenResponse,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The claims of an ID token that OpenID Connect does not define.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct DirectoryClaims {
    pub(crate) upn: Option<String>,
    pub(crate) groups: Option<Vec<String>>,
    /// The names of the claims that are too long for the token, each with the name of its source (OpenID Connect Core
    /// 5.6.2).
    #[serde(default, rename = "_claim_names")]
    pub(crate) claim_names: HashMap<String, String>,
    /// The endpoints that have these claims, by the names in `claim_names`.
    #[serde(default, rename = "_claim_sources")]
    pub(crate) claim_sources: HashMap<String, ClaimSource>,
    /// The identifier of the user's session at the issuer, which a logout token may name.
    pub(crate) sid: Option<String>,
}

/// The endpoint that has a claim.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ClaimSource {
    pub(crate) endpoint: Option<String>,
}

impl AdditionalClaims for DirectoryClaims {}

pub(crate) type UserIdToken =
    IdToken<DirectoryClaims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

pub(crate) type UserClaims = IdTokenClaims<DirectoryClaims, CoreGenderClaim>;

pub(crate) type Tokens = StandardTokenResponse<
    IdTokenFields<
        DirectoryClaims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

pub(crate) type RelyingParty = Client<
    DirectoryClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Returns the application as the client of the issuer with this metadata.
pub(crate) fn of(config: &Config, metadata: &ProviderMetadataWithLogout) -> RelyingParty {
    let secret = config.client_secret.as_ref().map(|secret| ClientSecret::new(secret.to_string()));
    RelyingParty::from_provider_metadata(metadata.clone(), ClientId::new(config.client_id.clone()), secret)
        .set_redirect_uri(config.redirect_uri.clone())
}
