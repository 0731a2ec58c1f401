//! `POST /{tenant}/oauth2/introspect`: says whether a token is valid (RFC 7662). Two clients learn this: the client to
//! which the token was issued, and the API for which it was issued. Every other client reads only that the token is not
//! active (RFC 7662 section 4).

use super::client_authentication::authenticate;
use super::clients::RegisteredClient;
use super::error::ErrorCode;
use super::issued;
use super::token::{self, Fields, Refusal, refuse, respond};
use crate::app::{App, Shared};
use crate::clock;
use crate::tenants::Tenant;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use kerberos_sso::UnixTime;
use serde_json::{Value, json};

pub(super) async fn introspect(
    State(app): State<Shared>,
    tenant: Tenant,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    match answer(&app, &tenant, &headers, fields).await {
        Ok(answer) => respond(StatusCode::OK, answer),
        Err(refusal) => refuse(&tenant, &headers, refusal),
    }
}

async fn answer(app: &App, tenant: &Tenant, headers: &HeaderMap, fields: Fields) -> Result<Value, Refusal> {
    let parameters = token::parameters(fields)?;
    let now = clock::now();
    let client = authenticate(app, tenant, headers, &parameters, now).await?;
    if client.is_public() {
        return Err(ErrorCode::InvalidClient.because("a public client cannot be authenticated").into());
    }
    let text = parameters.required("token")?;
    let known = match of_access_token(app, tenant, client, text, now).await? {
        Some(known) => Some(known),
        None => of_refresh_token(app, tenant, client, text, now).await?,
    };
    Ok(known.unwrap_or_else(|| json!({ "active": false })))
}

/// Returns the claims of an access token.
async fn of_access_token(
    app: &App,
    tenant: &Tenant,
    client: &RegisteredClient,
    text: &str,
    now: UnixTime,
) -> Result<Option<Value>, Refusal> {
    let token = issued::access_token(app, tenant, text, now).await?;
    let is_for = |token: &issued::AccessToken| {
        token.grant.client_id == client.id || client.resource(Some(token.audience())).is_ok()
    };
    Ok(token.filter(is_for).map(|token| {
        let mut claims = token.claims;
        claims.extend([("active".to_owned(), true.into()), ("token_type".to_owned(), "Bearer".into())]);
        claims.into()
    }))
}

/// Returns the claims of a refresh token, which only the token's client may know.
async fn of_refresh_token(
    app: &App,
    tenant: &Tenant,
    client: &RegisteredClient,
    text: &str,
    now: UnixTime,
) -> Result<Option<Value>, Refusal> {
    let found = app.grants.find_token(text, &tenant.name, now).await?;
    let found = found.filter(|(grant, _)| grant.client_id == client.id);
    Ok(found.map(|(grant, end)| {
        json!({
            "active": true,
            "iss": app.issuer(tenant),
            "sub": grant.user.subject(app.records.secret(), &tenant.name, client.sector()),
            "client_id": grant.client_id,
            "scope": grant.scopes.to_string(),
            "exp": end.seconds(),
        })
    }))
}
