//! `POST /{tenant}/oauth2/token`: returns tokens for a code, for a refresh token, or for the assertion of a native client.
//! Responses and errors have the form of RFC 6749 sections 5.1 and 5.2.

use super::claims::Issue;
use super::clients::{GrantType, RegisteredClient};
use super::error::{ErrorCode, OAuthError};
use super::grants::{Factors, Grant, Presented, Redeemed};
use super::parameters::Parameters;
use super::scopes::{OPENID, PROFILE, Scopes};
use super::{ACCESS_LIFETIME, scopes};
use crate::app::{App, Shared};
use crate::clock;
use crate::native::{Unredeemed, in_background, redeem};
use crate::signing_key::TokenType;
use crate::store::StoreError;
use crate::tenants::Tenant;
use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, PRAGMA, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use kerberos_sso::UnixTime;
use serde_json::{Value, json};

/// The reason why a request gets no answer of its kind.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Client(OAuthError),
    /// The server cannot decide now.
    Server(String),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Server(error.to_string())
    }
}

impl From<OAuthError> for Refusal {
    fn from(error: OAuthError) -> Self {
        Self::Client(error)
    }
}

impl From<Unredeemed> for Refusal {
    fn from(reason: Unredeemed) -> Self {
        match reason {
            Unredeemed::Refused(reason) => Self::Client(ErrorCode::InvalidGrant.because(reason)),
            Unredeemed::Undecided(reason) => Self::Server(reason),
        }
    }
}

/// The fields of a form, or the reason why there are none.
pub(super) type Fields = Result<Form<Vec<(String, String)>>, FormRejection>;

/// Returns the parameters of a form.
pub(super) fn parameters(fields: Fields) -> Result<Parameters, OAuthError> {
    let Form(fields) = fields.map_err(|_| ErrorCode::InvalidRequest.because("the body is not a form"))?;
    let parameters: Parameters = fields.into_iter().collect();
    parameters.check()?;
    Ok(parameters)
}

pub(super) async fn issue(State(app): State<Shared>, tenant: Tenant, headers: HeaderMap, fields: Fields) -> Response {
    match answer(&app, &tenant, &headers, fields).await {
        Ok(tokens) => respond(StatusCode::OK, tokens),
        Err(refusal) => refuse(&tenant, &headers, refusal),
    }
}

async fn answer(app: &App, tenant: &Tenant, headers: &HeaderMap, fields: Fields) -> Result<Value, Refusal> {
    let parameters = parameters(fields)?;
    let client = tenant.clients.authenticate(headers, &parameters)?;
    let asked = parameters.required("grant_type")?;
    let grant_type = GrantType::ALL.into_iter().find(|grant| grant.as_str() == asked);
    let grant_type = grant_type.ok_or_else(|| ErrorCode::UnsupportedGrantType.because("the grant type is unknown"))?;
    if !client.may_use(grant_type) {
        return Err(ErrorCode::UnauthorizedClient.because("the client is not registered for this grant type").into());
    }
    let request = TokenRequest { app, tenant, client, parameters: &parameters, now: clock::now() };
    let redeemed = match grant_type {
        GrantType::AuthorizationCode => request.by_code().await?,
        GrantType::RefreshToken => request.by_refresh_token().await?,
        GrantType::Assertion => request.by_assertion().await?,
    };
    tracing::info!(tenant = %tenant.name, client_id = client.id, upn = redeemed.grant.user.upn, grant = asked, "issued tokens");
    request.tokens(redeemed).await
}

struct TokenRequest<'a> {
    app: &'a App,
    tenant: &'a Tenant,
    client: &'a RegisteredClient,
    parameters: &'a Parameters,
    now: UnixTime,
}

impl TokenRequest<'_> {
    async fn by_code(&self) -> Result<Redeemed, Refusal> {
        let presented = Presented {
            client_id: &self.client.id,
            redirect_uri: self.parameters.get("redirect_uri"),
            verifier: self.parameters.get("code_verifier"),
        };
        let (code, with_refresh_token) =
            (self.parameters.required("code")?, self.client.may_use(GrantType::RefreshToken));
        let redeemed =
            self.app.grants.redeem_code(code, &self.tenant.name, presented, with_refresh_token, self.now).await?;
        let redeemed = redeemed.ok_or_else(|| {
            ErrorCode::InvalidGrant.because(
                "the code is unknown, used or expired, or it is of another client, redirect_uri or code_verifier",
            )
        })?;
        self.check_resource(&redeemed.grant)?;
        Ok(redeemed)
    }

    async fn by_refresh_token(&self) -> Result<Redeemed, Refusal> {
        let token = self.parameters.required("refresh_token")?;
        let rotated = self.app.grants.rotate(token, &self.tenant.name, &self.client.id, self.now).await?;
        let mut redeemed = rotated.ok_or_else(|| {
            ErrorCode::InvalidGrant
                .because("the refresh token is unknown, used or expired, or it belongs to another client")
        })?;
        self.check_resource(&redeemed.grant)?;
        if let Some(asked) = self.parameters.get("scope") {
            redeemed.grant.scopes = narrowed(&redeemed.grant.scopes, asked)?;
        }
        // An ID token for a refresh token has no nonce (OpenID Connect Core 1.0 section 12.2).
        redeemed.grant.nonce = None;
        Ok(redeemed)
    }

    async fn by_assertion(&self) -> Result<Redeemed, Refusal> {
        let asked = self.parameters.get("scope").map(|scope| self.client.scopes(scope)).transpose()?;
        let resource = self.client.resource(self.parameters.get("resource"))?;
        let assertion = self.parameters.required("assertion")?;
        let redeemed = redeem(self.app, self.tenant, assertion, self.now).await;
        let (user, authenticated) = redeemed.inspect_err(|reason| {
            tracing::warn!(tenant = %self.tenant.name, client_id = self.client.id, "an assertion is refused: {reason:?}");
        })?;
        let grant = Grant {
            tenant: self.tenant.name.to_string(),
            client_id: self.client.id.clone(),
            user,
            scopes: asked.unwrap_or_else(|| Scopes::from_iter([OPENID.into(), PROFILE.into()])),
            resource,
            nonce: None,
            authenticated: authenticated.seconds(),
            factors: Factors { by_ticket: true, one_time_code: false },
            stay: None,
        };
        let with_refresh_token = self.client.may_use(GrantType::RefreshToken);
        Ok(self.app.grants.begin_redeemed(grant, with_refresh_token, self.now).await?)
    }

    /// Refuses a resource that the user's sign-in was not for (RFC 8707 section 2.2).
    fn check_resource(&self, grant: &Grant) -> Result<(), OAuthError> {
        match self.parameters.get("resource") {
            Some(asked) if grant.resource.as_deref() != Some(asked) => {
                Err(ErrorCode::InvalidTarget.because("the authorization request did not ask for this resource"))
            }
            _ => Ok(()),
        }
    }

    async fn tokens(&self, redeemed: Redeemed) -> Result<Value, Refusal> {
        let keys = self.tenant.signing.keys(self.now).await?;
        let (issuer, now, id) = (self.app.issuer(self.tenant), self.now, self.app.grants.token_id(redeemed.id));
        let Redeemed { grant, refresh_token, .. } = redeemed;
        let secret = self.app.records.secret();
        let subject = grant.user.subject(secret, &self.tenant.name, self.client.sector());
        let session = grant.stay.as_ref().map(|stay| session_id(secret, &self.client.id, &stay.name));
        let group_names = std::sync::Arc::clone(&self.tenant.group_names);
        let signed = in_background(move || {
            let key = keys.current(now)?;
            let issue = Issue { issuer: &issuer, subject: &subject, group_names: &group_names, grant: &grant, now };
            let access_token = key.token(TokenType::Access, &issue.access_token(id))?;
            let id_token = match issue.id_token(&access_token, session) {
                Some(claims) => Some(key.token(TokenType::Id, &claims)?),
                None => None,
            };
            Some(response(&grant, &access_token, id_token, refresh_token))
        });
        signed.await.ok().flatten().ok_or_else(|| Refusal::Server("the server could not sign a token".into()))
    }
}

/// Returns the response of RFC 6749 section 5.1.
fn response(grant: &Grant, access_token: &str, id_token: Option<String>, refresh_token: Option<String>) -> Value {
    let mut answer = json!({
        "token_type": "Bearer",
        "expires_in": ACCESS_LIFETIME,
        "scope": grant.scopes.to_string(),
        "access_token": access_token,
    });
    if let Some(fields) = answer.as_object_mut() {
        let optional = [("id_token", id_token), ("refresh_token", refresh_token), ("resource", grant.resource.clone())];
        fields.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))));
    }
    answer
}

/// Returns the scopes of a refreshed token, which the sign-in had, too (RFC 6749 section 6).
fn narrowed(had: &Scopes, asked: &str) -> Result<Scopes, OAuthError> {
    let asked = Scopes::parse(asked).filter(|asked| !asked.is_empty());
    let asked = asked.filter(|asked| asked.beyond(had).is_none() || asked.beyond(had) == Some(scopes::OFFLINE_ACCESS));
    asked.ok_or_else(|| ErrorCode::InvalidScope.because("the sign-in did not have this scope"))
}

/// Returns the name of a stay for one client (`sid` of OpenID Connect Front-Channel and Back-Channel Logout).
pub(super) fn session_id(secret: &crate::store::Secret, client_id: &str, stay: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(secret.name(&[b"session", client_id.as_bytes(), stay]))
}

/// Returns a response that caches must not store (RFC 6749 section 5.1).
pub(super) fn respond(status: StatusCode, body: Value) -> Response {
    (status, [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")], Json(body)).into_response()
}

/// Returns the response of RFC 6749 section 5.2.
pub(super) fn refuse(tenant: &Tenant, headers: &HeaderMap, refusal: Refusal) -> Response {
    let error = match refusal {
        Refusal::Client(error) => error,
        Refusal::Server(reason) => {
            tracing::error!(tenant = %tenant.name, "a client gets no answer: {reason}");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    };
    tracing::warn!(tenant = %tenant.name, "a client is refused: {error}");
    let body = json!({ "error": error.code.as_str(), "error_description": error.description });
    if error.code != ErrorCode::InvalidClient {
        return respond(StatusCode::BAD_REQUEST, body);
    }
    let mut response = respond(StatusCode::UNAUTHORIZED, body);
    if headers.contains_key(AUTHORIZATION) {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"clients\""));
    }
    response
}
