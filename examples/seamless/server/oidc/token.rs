//! The token endpoint. It returns tokens for a code, a refresh token, the assertion of a native client, or a password.
//! Responses and errors have the form of RFC 6749 sections 5.1 and 5.2, or that of native clients ([`Dialect`]).

use super::User;
use super::claims::Issue;
use super::client_authentication;
use super::clients::{GrantType, RegisteredClient};
use super::dialect::{Dialect, Tokens, Trace, number};
use super::error::{ErrorCode, OAuthError};
use super::grants::{Factors, Grant, Presented, Redeemed};
use super::parameters::Parameters;
use super::scope_of_resource::Asked;
use super::scopes::{self, OPENID, PROFILE, Scopes};
use crate::app::{App, Shared};
use crate::clock;
use crate::guid::Guid;
use crate::native::{self, Code, Redemption, Unredeemed, in_background, redeem};
use crate::request_id::RequestId;
use crate::signing::TokenType;
use crate::store::{Locator, StoreError};
use crate::tenants::Tenant;
use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, PRAGMA, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use kerberos_sso::UnixTime;
use serde_json::{Value, json};

/// The reason why the endpoint refuses a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Client(OAuthError),
    /// Native clients read this number with the error.
    Numbered(OAuthError, Code),
    /// The server cannot decide now, because the store, the directory or the signing failed.
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
            Unredeemed::Full => {
                let reason = "the clients of this tenant have redeemed too many assertions; try again in some minutes";
                Self::Client(ErrorCode::TemporarilyUnavailable.because(reason))
            }
            Unredeemed::Undecided(reason) => Self::Server(reason),
        }
    }
}

/// The fields of a form, or the reason why the body is no form.
pub(super) type Fields = Result<Form<Vec<(String, String)>>, FormRejection>;

/// Returns the parameters in the form of a token request.
pub(super) fn parameters(fields: Fields) -> Result<Parameters, OAuthError> {
    let Form(fields) = fields.map_err(|_| ErrorCode::InvalidRequest.because("the body is not a form"))?;
    let parameters: Parameters = fields.into_iter().collect();
    parameters.check()?;
    Ok(parameters)
}

/// `POST /{tenant}/oauth2/token`
pub(super) async fn version1(
    State(app): State<Shared>,
    Path(name): Path<String>,
    id: RequestId,
    uri: Uri,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    issue(&app, &name, &headers, trace(&id, &headers, &uri), fields, None).await
}

/// `POST /{tenant}/oauth2/v2.0/token`
pub(super) async fn version2(
    State(app): State<Shared>,
    Path(name): Path<String>,
    id: RequestId,
    uri: Uri,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    issue(&app, &name, &headers, trace(&id, &headers, &uri), fields, Some(Dialect::Version2)).await
}

fn trace(RequestId(id): &RequestId, headers: &HeaderMap, uri: &Uri) -> Trace {
    let random = || Guid::from_bits(u128::from_be_bytes(clock::random()));
    let request = u128::from_str_radix(id, 16).map_or_else(|_| random(), Guid::from_bits);
    Trace { request, correlation: native::correlation_of(headers, uri).unwrap_or_else(random), now: clock::now() }
}

async fn issue(
    app: &App,
    name: &str,
    headers: &HeaderMap,
    trace: Trace,
    fields: Fields,
    dialect: Option<Dialect>,
) -> Response {
    let parameters = parameters(fields);
    let none = Parameters::default();
    let of_form = parameters.as_ref().unwrap_or(&none);
    let found = tenant(app, name, of_form).await;
    let dialect = dialect.unwrap_or_else(|| Dialect::of(name, found.as_ref().ok(), of_form));
    let refused = |refusal, code| refuse_in(dialect, name, headers, trace, refusal, code);
    match (found, parameters) {
        (Err(Unknown { refusal: Refusal::Client(_), .. }), _) if dialect == Dialect::OAuth => {
            StatusCode::NOT_FOUND.into_response()
        }
        (Err(Unknown { refusal, code }), _) => refused(refusal, Some(code)),
        (Ok(_), Err(error)) => refused(error.into(), None),
        (Ok(tenant), Ok(parameters)) => match answer(app, &tenant, headers, dialect, &parameters).await {
            Ok(tokens) => respond(StatusCode::OK, tokens),
            Err(refusal) => {
                let code = match &refusal {
                    Refusal::Client(error) => number(error, parameters.get("grant_type")),
                    Refusal::Numbered(_, code) => *code,
                    Refusal::Server(_) => Code::Unavailable,
                };
                refused(refusal, Some(code))
            }
        },
    }
}

/// The reason why the server found no tenant for a request.
struct Unknown {
    refusal: Refusal,
    code: Code,
}

/// Returns the tenant that the path names. In the path `/common/…`, the assertion, the refresh token or the code names the tenant.
async fn tenant(app: &App, name: &str, parameters: &Parameters) -> Result<Tenant, Unknown> {
    let unknown =
        |code: Code, text: &'static str| Unknown { refusal: ErrorCode::InvalidRequest.because(text).into(), code };
    if !native::is_common(name) {
        let found = app.tenants.of_path(name);
        return found.ok_or_else(|| unknown(Code::NoSuchTenant, "this server has no such tenant"));
    }
    let by_assertion = parameters.get("assertion").and_then(|assertion| native::named_tenant(app, assertion));
    let token = parameters.get("refresh_token").or(parameters.get("code"));
    let named = match (by_assertion, token) {
        (Some(tenant), _) => return Ok(tenant),
        (None, Some(token)) => app
            .grants
            .tenant_of(token)
            .await
            .map_err(|error| Unknown { refusal: error.into(), code: Code::Unavailable })?,
        (None, None) => None,
    };
    let found = named.and_then(|name| app.tenants.get(&name));
    found.ok_or_else(|| {
        unknown(Code::NoTenantNamed, "neither the path nor the credentials name a tenant of this server")
    })
}

async fn answer(
    app: &App,
    tenant: &Tenant,
    headers: &HeaderMap,
    dialect: Dialect,
    parameters: &Parameters,
) -> Result<Value, Refusal> {
    let now = clock::now();
    let client = client_authentication::authenticate(app, tenant, headers, parameters, now).await?;
    let asked = parameters.required("grant_type")?;
    let grant_type = tenant.clients.supported_grants().find(|grant| grant.as_str() == asked);
    let grant_type = grant_type.ok_or_else(|| ErrorCode::UnsupportedGrantType.because("the grant type is unknown"))?;
    if !client.may_use(grant_type) {
        return Err(ErrorCode::UnauthorizedClient.because("the client is not registered for this grant type").into());
    }
    let of_resource = match (dialect, parameters.get("scope")) {
        (Dialect::Version2, Some(scope)) => Some(Asked::read(client, scope)?),
        _ => None,
    };
    let request = TokenRequest { app, tenant, client, headers, dialect, parameters, of_resource, now };
    let redeemed = match grant_type {
        GrantType::AuthorizationCode => request.by_code().await?,
        GrantType::RefreshToken => request.by_refresh_token().await?,
        GrantType::Assertion => request.by_assertion().await?,
        GrantType::Password => request.by_password().await?,
    };
    tracing::info!(tenant = %tenant.name, client_id = client.id, upn = redeemed.grant.user.upn, grant = asked, "issued tokens");
    request.tokens(redeemed).await
}

pub(super) struct TokenRequest<'a> {
    pub(super) app: &'a App,
    pub(super) tenant: &'a Tenant,
    pub(super) client: &'a RegisteredClient,
    pub(super) headers: &'a HeaderMap,
    dialect: Dialect,
    pub(super) parameters: &'a Parameters,
    /// The scopes and the resource that the `scope` of version 2 asks for.
    of_resource: Option<Asked>,
    pub(super) now: UnixTime,
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
        // A refused scope or resource does not use up the token, so the client may ask again.
        if let Some((grant, _)) = self.app.grants.find_token(token, &self.tenant.name, self.now).await?
            && grant.client_id == self.client.id
        {
            self.refreshed_scopes(&grant)?;
        }
        let rotated = self.app.grants.rotate(token, &self.tenant.name, &self.client.id, self.now).await?;
        let mut redeemed = rotated.ok_or_else(|| {
            ErrorCode::InvalidGrant
                .because("the refresh token is unknown, used or expired, or it belongs to another client")
        })?;
        redeemed.grant.scopes = self.refreshed_scopes(&redeemed.grant)?;
        if let Some(locator) = &redeemed.grant.app_password
            && !self.takes_app_password(locator, &redeemed.grant.user).await?
        {
            return Err(ErrorCode::InvalidGrant
                .because("the tenant no longer accepts this app password, because of its age or of its user")
                .into());
        }
        // An ID token that a client gets for a refresh token has no nonce (OpenID Connect Core 1.0 section 12.2).
        redeemed.grant.nonce = None;
        Ok(redeemed)
    }

    /// Returns the scopes that the tokens for a refresh token get.
    fn refreshed_scopes(&self, grant: &Grant) -> Result<Scopes, OAuthError> {
        self.check_resource(grant)?;
        match (&self.of_resource, self.parameters.get("scope")) {
            (Some(asked), _) => narrowed_to(&grant.scopes, &asked.scopes),
            (None, Some(asked)) => narrowed(&grant.scopes, asked),
            (None, None) => Ok(grant.scopes.clone()),
        }
    }

    /// Returns whether the configuration still allows an app password. The configuration may have changed since the
    /// sign-in.
    async fn takes_app_password(&self, locator: &Locator, user: &User) -> Result<bool, StoreError> {
        match self.tenant.app_passwords.as_deref().filter(|config| !config.blocks(user)) {
            Some(config) => self.app.passwords.is_young(config, locator, self.now).await,
            None => Ok(false),
        }
    }

    async fn by_assertion(&self) -> Result<Redeemed, Refusal> {
        let (scopes, resource) = self.asked()?;
        let assertion = self.parameters.required("assertion")?;
        let redeemed = redeem(self.app, self.tenant, assertion, self.now).await;
        let Redemption { user, authenticated, first } = redeemed.inspect_err(|reason| {
            tracing::warn!(tenant = %self.tenant.name, client_id = self.client.id, "an assertion is refused: {reason:?}");
        })?;
        let grant = Grant {
            tenant: self.tenant.name.to_string(),
            client_id: self.client.id.clone(),
            user,
            scopes,
            resource,
            nonce: None,
            authenticated: authenticated.seconds(),
            factors: Factors { first, one_time_code: false },
            stay: None,
            app_password: None,
        };
        let with_refresh_token = self.client.may_use(GrantType::RefreshToken);
        Ok(self.app.grants.begin_redeemed(grant, with_refresh_token, self.now).await?)
    }

    /// Returns the scopes and the resource that a token request with an assertion or a password asks for. A `resource`
    /// without scopes of an API means all API scopes of the client, because native clients of version 1 send no scopes.
    pub(super) fn asked(&self) -> Result<(Scopes, Option<String>), OAuthError> {
        if let Some(Asked { resource, scopes, .. }) = &self.of_resource {
            return Ok((scopes.clone(), resource.clone()));
        }
        let resource = self.parameters.get("resource").filter(|_| self.dialect != Dialect::Version2);
        let resource = self.client.resource(resource)?;
        let asked = self.parameters.get("scope").map(|scope| self.client.scopes(scope)).transpose()?;
        let asked = asked.unwrap_or_else(|| Scopes::from_iter([OPENID.into(), PROFILE.into()]));
        let is_default = resource.is_some() && asked.iter().all(scopes::is_of_openid);
        let more = self.client.api_scopes().filter(|_| is_default);
        Ok((asked.iter().chain(more).map(Into::into).collect(), resource))
    }

    /// Refuses a request that names another resource than the grant has (RFC 8707 section 2.2).
    fn check_resource(&self, grant: &Grant) -> Result<(), OAuthError> {
        let named = match self.dialect {
            Dialect::Version2 => self.of_resource.as_ref().and_then(|asked| asked.resource.as_deref()),
            _ => self.parameters.get("resource"),
        };
        match named {
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
        let (tenant_id, dialect) = (self.tenant.guid, self.dialect);
        let is_default = self.of_resource.as_ref().is_some_and(|asked| asked.is_default);
        let audience = grant.resource.as_deref().unwrap_or(&issuer);
        let (for_access, for_id) = (self.tenant.algorithm_for(audience), self.client.id_token_signed_response_alg);
        let signed = in_background(move || {
            let (issuer, subject, group_names) = (&*issuer, &*subject, &*group_names);
            let issue = Issue { issuer, subject, group_names, grant: &grant, tenant_id, dialect, now };
            let access = keys.token(for_access, TokenType::Access, &issue.access_token(id), now)?;
            let id = match issue.id_token(&access, session) {
                Some(claims) => Some(keys.token(for_id, TokenType::Id, &claims, now)?),
                None => None,
            };
            Some(dialect.answer(&grant, Tokens { access, id, refresh: refresh_token }, is_default, now))
        });
        signed.await.ok().flatten().ok_or_else(|| Refusal::Server("the server could not sign a token".into()))
    }
}

/// Returns the scopes of a refreshed token. Refuses scopes that the grant does not have (RFC 6749 section 6). Some clients ask
/// for `offline_access` at every refresh, so this function drops that scope if the grant does not have it.
fn narrowed(had: &Scopes, asked: &str) -> Result<Scopes, OAuthError> {
    let is_kept = |scope: &&str| *scope != scopes::OFFLINE_ACCESS || had.contains(scope);
    let asked = Scopes::parse(asked).map(|asked| asked.iter().filter(is_kept).map(Into::into).collect::<Scopes>());
    let asked = asked.filter(|asked| !asked.is_empty() && asked.beyond(had).is_none());
    asked.ok_or_else(|| ErrorCode::InvalidScope.because("the sign-in did not have this scope"))
}

/// Returns the scopes of a refreshed token of version 2. Clients of version 2 always ask for the scopes of OpenID
/// Connect, so this function drops those of them that the grant does not have.
fn narrowed_to(had: &Scopes, asked: &Scopes) -> Result<Scopes, OAuthError> {
    let of_api = |scopes: &Scopes| scopes.iter().filter(|scope| !scopes::is_of_openid(scope)).map(Into::into).collect();
    let (asked_of_api, had_of_api): (Scopes, Scopes) = (of_api(asked), of_api(had));
    if asked_of_api.beyond(&had_of_api).is_some() {
        return Err(ErrorCode::InvalidScope.because("the sign-in did not have this scope"));
    }
    Ok(asked.iter().filter(|scope| had.contains(scope)).map(Into::into).collect())
}

/// Returns the identifier of a stay for one client (`sid` of OpenID Connect Front-Channel and Back-Channel Logout).
pub(super) fn session_id(secret: &crate::store::Secret, client_id: &str, stay: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(secret.name(&[b"session", client_id.as_bytes(), stay]))
}

/// Returns a response that caches must not store (RFC 6749 section 5.1).
pub(super) fn respond(status: StatusCode, body: Value) -> Response {
    (status, [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")], Json(body)).into_response()
}

/// Returns the response that RFC 6749 section 5.2 defines for a refusal.
pub(super) fn refuse(tenant: &Tenant, headers: &HeaderMap, refusal: Refusal) -> Response {
    let error = match refusal {
        Refusal::Client(error) | Refusal::Numbered(error, _) => error,
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
    unauthorized(headers, body)
}

/// Returns the error in the form of the dialect. Native clients read an error only with status 400.
fn refuse_in(
    dialect: Dialect,
    name: &str,
    headers: &HeaderMap,
    trace: Trace,
    refusal: Refusal,
    code: Option<Code>,
) -> Response {
    let (status, error) = match refusal {
        Refusal::Client(error) | Refusal::Numbered(error, _) => (StatusCode::BAD_REQUEST, error),
        Refusal::Server(reason) => {
            tracing::error!(tenant = name, "a client gets no answer: {reason}");
            let error = ErrorCode::TemporarilyUnavailable.because("the server cannot decide now");
            (StatusCode::SERVICE_UNAVAILABLE, error)
        }
    };
    let code = code.unwrap_or_else(|| number(&error, None));
    tracing::warn!(tenant = name, aadsts = code.number(), "a client is refused: {error}");
    let body = dialect.error(&error, code, trace).into();
    if error.code != ErrorCode::InvalidClient || (dialect != Dialect::OAuth && !headers.contains_key(AUTHORIZATION)) {
        return respond(status, body);
    }
    unauthorized(headers, body)
}

/// Returns the response of RFC 6749 section 5.2 to a client that could not be authenticated.
fn unauthorized(headers: &HeaderMap, body: Value) -> Response {
    let mut response = respond(StatusCode::UNAUTHORIZED, body);
    if headers.contains_key(AUTHORIZATION) {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"clients\""));
    }
    response
}
