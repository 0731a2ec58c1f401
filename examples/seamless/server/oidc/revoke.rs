//! `POST /{tenant}/oauth2/revoke`: ends the grant that a client got for a user's sign-in (RFC 7009).
//!
//! A refresh token and the access tokens of one grant end together, as RFC 7009 section 2.1 allows. An API that checks
//! only the signature of access tokens accepts them until they expire.

use super::client_authentication::authenticate;
use super::error::ErrorCode;
use super::issued;
use super::token::{self, Fields, Refusal, refuse};
use crate::app::{App, Shared};
use crate::clock;
use crate::signing::{Audience, TokenType};
use crate::tenants::Tenant;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::de::IgnoredAny;

pub(super) async fn revoke(State(app): State<Shared>, tenant: Tenant, headers: HeaderMap, fields: Fields) -> Response {
    match answer(&app, &tenant, &headers, fields).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(refusal) => refuse(&tenant, &headers, refusal),
    }
}

/// Ends the grant of a token. The parameter `token_type_hint` is not needed: the server finds the token's kind from
/// the value of `token`.
async fn answer(app: &App, tenant: &Tenant, headers: &HeaderMap, fields: Fields) -> Result<(), Refusal> {
    let parameters = token::parameters(fields)?;
    let now = clock::now();
    let client = authenticate(app, tenant, headers, &parameters, now).await?;
    let text = parameters.required("token")?;
    let found = match issued::access_token(app, tenant, text, now).await? {
        Some(token) => Some((token.id, token.grant)),
        None => app.grants.of_refresh_token(text, &tenant.name, now).await?,
    };
    match found {
        Some((id, grant)) if grant.client_id == client.id => {
            app.grants.end(id).await?;
            tracing::info!(tenant = %tenant.name, client_id = client.id, upn = grant.user.upn, "a client revoked its tokens");
            Ok(())
        }
        Some(_) => Err(ErrorCode::InvalidGrant.because("the token was issued to another client").into()),
        None if is_id_token(app, tenant, text).await? => {
            Err(ErrorCode::UnsupportedTokenType.because("an ID token cannot be revoked").into())
        }
        None => Ok(()),
    }
}

async fn is_id_token(app: &App, tenant: &Tenant, text: &str) -> Result<bool, Refusal> {
    let (now, issuer) = (clock::now(), app.issuer(tenant));
    let keys = tenant.signing.keys(now).await?;
    Ok(keys.verified::<IgnoredAny>(text, TokenType::Id, (&issuer, Audience::InClaims), now, true).is_some())
}
