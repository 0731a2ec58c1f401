//! Checks the access token of a request to an endpoint of this server (RFC 6750).

use super::error::{ErrorCode, OAuthError};
use super::grants::Grant;
use super::parameters::Parameters;
use super::scopes::Scopes;
use crate::app::App;
use crate::signing::{Audience, TokenType};
use crate::store::StoreError;
use crate::tenants::Tenant;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use kerberos_sso::UnixTime;
use serde::Deserialize;

/// The claims that this module reads from an access token. The claim `scope` may have fewer scopes than the grant,
/// because a client can ask for fewer scopes when it refreshes its tokens.
#[derive(Deserialize)]
struct Claims {
    jti: String,
    scope: String,
}

/// The reason why the server refuses a request.
pub(super) enum Refused {
    /// The request has no access token, so the response has no error code (RFC 6750 section 3.1).
    NoToken,
    Token(OAuthError),
    /// The server cannot decide now, because the store failed.
    Undecided(StoreError),
}

impl From<OAuthError> for Refused {
    fn from(error: OAuthError) -> Self {
        Self::Token(error)
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Undecided(error)
    }
}

/// Returns the grant of the access token, with the scopes of the token. The token is in the header `Authorization` or in a
/// form.
///
/// # Errors
/// Returns `invalid_token` if the token is of another issuer or for another audience, if the token has expired, or if
/// its grant has ended.
pub(super) async fn grant(
    app: &App,
    tenant: &Tenant,
    headers: &HeaderMap,
    form: &Parameters,
    audience: Audience<'_>,
    now: UnixTime,
) -> Result<Grant, Refused> {
    form.check()?;
    let token = token(headers, form)?;
    let invalid =
        || ErrorCode::InvalidToken.because("the access token is not of this issuer, has expired, or was revoked");
    let (issuer, keys) = (app.issuer(tenant), tenant.signing.keys(now).await?);
    let claims = keys.verified::<Claims>(token, TokenType::Access, (&issuer, audience), now, false);
    let claims = claims.ok_or_else(invalid)?;
    let id = app.grants.of_token_id(&claims.jti).ok_or_else(invalid)?;
    let grant = app.grants.find(id, &tenant.name, now).await?.ok_or_else(invalid)?;
    Ok(Grant { scopes: Scopes::parse(&claims.scope).unwrap_or_default(), ..grant })
}

/// Returns the token of a request, which may have the token in one place only (RFC 6750 section 2).
fn token<'r>(headers: &'r HeaderMap, form: &'r Parameters) -> Result<&'r str, Refused> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next(), form.get("access_token")) {
        (Some(value), None, None) => {
            let value = value.to_str().ok().and_then(|value| value.split_once(' '));
            let token =
                value.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
            token.ok_or(Refused::NoToken)
        }
        (None, _, Some(token)) => Ok(token),
        (None, _, None) => Err(Refused::NoToken),
        _ => Err(ErrorCode::InvalidRequest.because("the request has two access tokens").into()),
    }
}

/// Returns the response that RFC 6750 section 3 defines for this refusal.
pub(super) fn refuse(refused: Refused) -> Response {
    let error = match refused {
        Refused::Token(error) => error,
        Refused::NoToken => {
            let challenge = HeaderValue::from_static("Bearer");
            return (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, challenge)]).into_response();
        }
        Refused::Undecided(reason) => {
            tracing::error!("an access token cannot be checked: {reason}");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    };
    let status = match error.code {
        ErrorCode::InvalidRequest => StatusCode::BAD_REQUEST,
        ErrorCode::InsufficientScope => StatusCode::FORBIDDEN,
        _ => StatusCode::UNAUTHORIZED,
    };
    let value = format!("Bearer error=\"{}\", error_description=\"{}\"", error.code.as_str(), error.description);
    let challenge = HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static("Bearer"));
    (status, [(WWW_AUTHENTICATE, challenge)]).into_response()
}
