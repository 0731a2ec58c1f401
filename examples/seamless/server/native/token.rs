//! `POST /{tenant}/oauth2/token`: returns tokens for an assertion or for a refresh token. The assertion is sent as in RFC 7522,
//! but in the form of SAML 1.1, as Microsoft's clients send it. Errors have the form of RFC 6749 section 5.2.
//!
//! The clients are public and not registered. A token says which client asked for it. The receiver of a token must
//! check that the token's audience is the receiver.

use super::assertion;
use super::keys::SigningKey;
use super::refresh::Grant;
use super::{in_background, issuer};
use crate::app::{App, Shared};
use crate::clock;
use crate::key_ring::Keys;
use crate::store::StoreError;
use crate::tenants::Tenant;
use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, PRAGMA};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use kerberos_sso::UnixTime;
use serde::Serialize;
use serde_json::{Value, json};

/// The reason why the server issues no tokens.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    /// An error code, and a sentence for the developer of the client.
    Client(&'static str, &'static str),
    /// The server cannot decide now.
    Server(String),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Server(error.to_string())
    }
}

pub(super) async fn issue(
    State(app): State<Shared>,
    tenant: Tenant,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Response {
    let issuer = issuer(&app, &tenant.name);
    let answered = match form {
        Ok(Form(fields)) => {
            let request = TokenRequest { fields, tenant: tenant.name.to_string(), issuer, now: clock::now() };
            request.answer(&app).await
        }
        Err(_) => Err(Refusal::Client(INVALID_REQUEST, "the body is not a form")),
    };
    match answered {
        Ok(tokens) => respond(StatusCode::OK, tokens),
        Err(Refusal::Client(code, reason)) => {
            respond(StatusCode::BAD_REQUEST, json!({ "error": code, "error_description": reason }))
        }
        Err(Refusal::Server(reason)) => {
            tracing::error!(tenant = %tenant.name, "no tokens are issued: {reason}");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// Returns a response that caches must not store (RFC 6749 section 5.1).
fn respond(status: StatusCode, body: Value) -> Response {
    (status, [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")], Json(body)).into_response()
}

struct TokenRequest {
    fields: Vec<(String, String)>,
    tenant: String,
    issuer: String,
    now: UnixTime,
}

impl TokenRequest {
    async fn answer(self, app: &App) -> Result<Value, Refusal> {
        let client_id = self.required("client_id")?;
        let resource = self.field("resource")?.unwrap_or(DEFAULT_RESOURCE).to_owned();
        if client_id.len() > MAX_NAME || resource.len() > MAX_NAME {
            return Err(Refusal::Client(INVALID_REQUEST, "client_id or resource is too long"));
        }
        let grant_type = self.required("grant_type")?;
        let keys = app.signing.keys(self.now).await?;
        let (grant, refresh_token) = match grant_type {
            ASSERTION_GRANT => self.redeem(app, keys.clone(), client_id).await?,
            REFRESH_GRANT => self.refresh(app, client_id).await?,
            _ => {
                return Err(Refusal::Client(
                    "unsupported_grant_type",
                    "the grant must be a SAML 1.1 assertion or a refresh token",
                ));
            }
        };
        let signed = in_background(move || self.tokens(&keys, &grant, &resource, &refresh_token)).await;
        signed.ok().flatten().ok_or_else(|| Refusal::Server("the server could not sign a token".into()))
    }

    async fn redeem(&self, app: &App, keys: Keys<SigningKey>, client_id: &str) -> Result<(Grant, String), Refusal> {
        let text = decode(self.required("assertion")?)
            .ok_or(Refusal::Client(INVALID_REQUEST, "the assertion is not base64"))?;
        let (issuer, now) = (self.issuer.clone(), self.now);
        let verified = in_background(move || assertion::verify(&keys, &issuer, &text, now)).await;
        let verified = verified.map_err(|_| Refusal::Server("the assertion could not be verified".into()))?;
        let verified = verified.map_err(|reason| {
            tracing::warn!(tenant = %self.tenant, "an assertion is refused: {reason}");
            Refusal::Client(INVALID_GRANT, reason)
        })?;
        if !app.used_assertions.take(&verified, self.now).await? {
            tracing::warn!(tenant = %self.tenant, upn = verified.subject.upn, "an assertion that was used before is refused");
            return Err(Refusal::Client(INVALID_GRANT, "the assertion was used before"));
        }
        tracing::info!(tenant = %self.tenant, upn = verified.subject.upn, client_id, "issued tokens for an assertion");
        let (tenant, client_id) = (self.tenant.clone(), client_id.to_owned());
        let grant = Grant { tenant, client_id, subject: verified.subject };
        let refresh_token = app.refresh_tokens.begin(grant.clone(), self.now).await?;
        Ok((grant, refresh_token))
    }

    async fn refresh(&self, app: &App, client_id: &str) -> Result<(Grant, String), Refusal> {
        let token = self.required("refresh_token")?;
        let rotated = app.refresh_tokens.rotate(token, &self.tenant, client_id, self.now).await?;
        rotated.ok_or(Refusal::Client(
            INVALID_GRANT,
            "the refresh token is unknown, used or expired, or it belongs to another client",
        ))
    }

    fn tokens(&self, keys: &Keys<SigningKey>, grant: &Grant, resource: &str, refresh_token: &str) -> Option<Value> {
        let key = keys.current(self.now)?;
        let claims = |audience| Claims::new(self, grant, audience);
        Some(json!({
            "token_type": "Bearer",
            "expires_in": LIFETIME,
            "resource": resource,
            "access_token": key.token(&claims(resource))?,
            "refresh_token": refresh_token,
            "id_token": key.token(&claims(&grant.client_id))?,
        }))
    }

    fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.field(name)?.ok_or(Refusal::Client(
            INVALID_REQUEST,
            "a required parameter is missing: grant_type, client_id, and assertion or refresh_token",
        ))
    }

    /// Returns the value of a parameter. A parameter must not occur twice, and a parameter without a value counts as absent
    /// (RFC 6749 section 3.2).
    fn field(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut values = self.fields.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Refusal::Client(INVALID_REQUEST, "a parameter occurs twice")),
            (value, None) => Ok(value.filter(|value| !value.is_empty())),
        }
    }
}

/// The claims of a token (OpenID Connect Core 1.0 section 2, RFC 8176, and the names of Microsoft's tokens).
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    /// The user's SID. A name may later belong to another user.
    sub: &'a str,
    oid: &'a str,
    upn: &'a str,
    unique_name: &'a str,
    tid: &'a str,
    appid: &'a str,
    iat: i64,
    nbf: i64,
    exp: i64,
    amr: [&'a str; 1],
    jti: String,
}

impl<'a> Claims<'a> {
    fn new(request: &'a TokenRequest, grant: &'a Grant, audience: &'a str) -> Self {
        let (subject, now) = (&grant.subject, request.now.seconds());
        Self {
            iss: &request.issuer,
            aud: audience,
            sub: &subject.sid,
            oid: &subject.sid,
            upn: &subject.upn,
            unique_name: &subject.upn,
            tid: &grant.tenant,
            appid: &grant.client_id,
            iat: now,
            nbf: now,
            exp: now.saturating_add(LIFETIME),
            amr: ["wia"],
            jti: format!("{:032x}", u128::from_ne_bytes(clock::random())),
        }
    }
}

/// Decodes base64 of either alphabet, with or without padding, because clients differ.
fn decode(text: &str) -> Option<String> {
    let bytes = URL_SAFE.decode(text).or_else(|_| STANDARD.decode(text)).ok()?;
    String::from_utf8(bytes).ok()
}

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

pub(super) const ASSERTION_GRANT: &str = "urn:ietf:params:oauth:grant-type:saml1_1-bearer";
pub(super) const REFRESH_GRANT: &str = "refresh_token";

const INVALID_REQUEST: &str = "invalid_request";
const INVALID_GRANT: &str = "invalid_grant";

/// The audience of an access token if the request names no resource.
const DEFAULT_RESOURCE: &str = "urn:kerberos-sso:seamless";

/// The lifetime of access tokens and ID tokens, in seconds.
pub(super) const LIFETIME: i64 = 60 * 60;

const MAX_NAME: usize = 512;
