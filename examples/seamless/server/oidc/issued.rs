//! Reads the access tokens that clients send to `introspect` and `revoke`. This server must have issued the token.

use super::grants::{Grant, GrantId};
use super::token::Refusal;
use crate::app::App;
use crate::signing::{Audience, TokenType};
use crate::tenants::Tenant;
use kerberos_sso::UnixTime;
use serde_json::{Map, Value};

/// An access token of this issuer, for any audience, whose grant has not ended.
pub(super) struct AccessToken {
    /// All claims of the token.
    pub(super) claims: Map<String, Value>,
    pub(super) id: GrantId,
    pub(super) grant: Grant,
}

impl AccessToken {
    /// Returns the audience of the token.
    pub(super) fn audience(&self) -> &str {
        self.claims.get("aud").and_then(Value::as_str).unwrap_or_default()
    }
}

/// Reads an access token. Returns `None` if the text is no access token of this issuer, or the token has expired or was
/// revoked.
///
/// # Errors
/// Returns an error if the store cannot be asked.
pub(super) async fn access_token(
    app: &App,
    tenant: &Tenant,
    text: &str,
    now: UnixTime,
) -> Result<Option<AccessToken>, Refusal> {
    let (issuer, keys) = (app.issuer(tenant), tenant.signing.keys(now).await?);
    let expected = (&*issuer, Audience::InClaims);
    let claims = keys.verified::<Map<String, Value>>(text, TokenType::Access, expected, now, false);
    let id = claims.as_ref().and_then(|claims| app.grants.of_token_id(claims.get("jti")?.as_str()?));
    let (Some(claims), Some(id)) = (claims, id) else { return Ok(None) };
    let grant = app.grants.find(id, &tenant.name, now).await?;
    Ok(grant.map(|grant| AccessToken { claims, id, grant }))
}
