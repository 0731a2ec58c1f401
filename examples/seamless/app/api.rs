//! The API: `GET /api/me` names the user of the access token. The API accepts access tokens in the `Authorization`
//! header only (RFC 6750 section 2.1).

use crate::access_token::{self, Accepted, Refusal};
use crate::key_set::NoKey;
use crate::shared::Shared;
use axum::Json;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// The scope that a token needs to read from the API.
pub(crate) const SCOPE: &str = "api.read";

/// `GET /api/me`
pub(crate) async fn me(State(app): State<Shared>, headers: HeaderMap) -> Response {
    match accept(&app, &headers).await {
        Ok(token) => Json(json!({
            "subject": token.subject,
            "upn": token.claims.upn,
            "sid": token.claims.oid,
            "groups": token.claims.groups,
            "client": token.claims.client_id,
            "scope": token.claims.scope,
            "acr": token.claims.acr,
            "amr": token.claims.amr,
            "auth_time": token.claims.auth_time,
            "expires": token.expires,
        }))
        .into_response(),
        Err(denial) => denial.into_response(),
    }
}

/// Returns the access token of a request, if the API accepts the token and the token has the scope.
async fn accept(app: &Shared, headers: &HeaderMap) -> Result<Accepted, Denial> {
    let token = bearer(headers)?;
    let key = app.keys.key(&access_token::named_key(token)?, app).await?;
    let config = &app.config;
    let token = access_token::judge(token, &key, config.issuer.as_str(), &config.api(), (app.now)())?;
    if token.has_scope(SCOPE) { Ok(token) } else { Err(Denial::Scope) }
}

/// Returns the token of the `Authorization` header.
fn bearer(headers: &HeaderMap) -> Result<&str, Denial> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Denial::NoToken)?;
    if values.next().is_some() {
        return Err(Denial::Request);
    }
    let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or(Denial::NoToken)?;
    if scheme.eq_ignore_ascii_case("Bearer") { Ok(token.trim()) } else { Err(Denial::NoToken) }
}

/// The reason why the API refuses a request (RFC 6750 section 3.1).
#[derive(Debug, thiserror::Error)]
enum Denial {
    #[error("this API needs an access token")]
    NoToken,
    #[error("the request has several Authorization headers")]
    Request,
    #[error(transparent)]
    Token(#[from] Refusal),
    #[error("the token lacks the scope {SCOPE}")]
    Scope,
    #[error("{0}")]
    NoKeys(String),
}

impl From<NoKey> for Denial {
    fn from(reason: NoKey) -> Self {
        match reason {
            NoKey::Refused(refusal) => Self::Token(refusal),
            NoKey::Unavailable(_) => Self::NoKeys(reason.to_string()),
        }
    }
}

impl IntoResponse for Denial {
    fn into_response(self) -> Response {
        let text = self.to_string();
        tracing::info!("the API refuses: {text}");
        let (status, error) = match self {
            // A request without a token gets no error code.
            Self::NoToken => (StatusCode::UNAUTHORIZED, None),
            Self::Request => (StatusCode::BAD_REQUEST, Some("invalid_request")),
            Self::Token(_) => (StatusCode::UNAUTHORIZED, Some("invalid_token")),
            Self::Scope => (StatusCode::FORBIDDEN, Some("insufficient_scope")),
            Self::NoKeys(_) => {
                return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "error": "temporarily_unavailable" })))
                    .into_response();
            }
        };
        let error_text = error.map(|error| format!("error=\"{error}\", error_description=\"{text}\", "));
        let challenge = format!("Bearer {}scope=\"{SCOPE}\"", error_text.unwrap_or_default());
        let mut response = (status, Json(json!({ "error": error, "error_description": text }))).into_response();
        let challenge = HeaderValue::try_from(challenge).ok().map(|challenge| (WWW_AUTHENTICATE, challenge));
        response.headers_mut().extend(challenge);
        response
    }
}
