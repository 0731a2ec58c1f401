//! `/login`: sends the browser to the issuer.

use crate::cookies::Cookie;
use crate::failure::Failure;
use crate::random::random;
use crate::relying_party;
use crate::shared::{SIGN_IN_TIME, Shared};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse as _, Redirect, Response};
use openidconnect::core::{CoreAuthPrompt, CoreAuthenticationFlow};
use openidconnect::{CsrfToken, LoginHint, Nonce, PkceCodeChallenge, PkceCodeVerifier, Scope};
use serde::Deserialize;

/// The values that the application must remember until the issuer answers.
pub(crate) struct SignIn {
    pub(crate) nonce: Nonce,
    pub(crate) verifier: PkceCodeVerifier,
}

impl SignIn {
    /// Returns the name under which the application keeps a sign-in. The name contains the state and the browser's id,
    /// so only the browser that began the sign-in can finish it.
    pub(crate) fn name(state: &str, browser: &str) -> String {
        format!("{state} {browser}")
    }
}

/// The parameters of a link to `/login`. An empty parameter has no effect.
#[derive(Deserialize)]
pub(crate) struct Wish {
    login_hint: Option<String>,
    prompt: Option<String>,
}

/// `GET /login`
pub(crate) async fn login(
    State(app): State<Shared>,
    headers: HeaderMap,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Response {
    begin(&app, &headers, wish).await.unwrap_or_else(|failure| app.pages.failure(&failure))
}

async fn begin(
    app: &Shared,
    headers: &HeaderMap,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Response, Failure> {
    let Query(wish) = wish.map_err(|_| Failure::Wish)?;
    let prompt = wish.prompt.filter(|prompt| !prompt.is_empty()).map(|prompt| read_prompt(&prompt)).transpose()?;
    let now = (app.now)();
    let metadata = app.issuer.metadata(&app.http, now).await.map_err(Failure::no_issuer)?;
    let client = relying_party::of(&app.config, &metadata);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let mut request = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || CsrfToken::new(random()), || Nonce::new(random()))
        .add_scopes(SCOPES.map(|scope| Scope::new(scope.to_owned())))
        // The access token is for the API of this application (RFC 8707).
        .add_extra_param("resource", app.config.api())
        .set_pkce_challenge(challenge);
    if let Some(hint) = wish.login_hint.filter(|hint| !hint.is_empty()) {
        request = request.set_login_hint(LoginHint::new(hint));
    }
    if let Some(prompt) = prompt {
        request = request.add_prompt(prompt);
    }
    let (address, state, nonce) = request.url();
    // The sign-ins in several tabs of a browser share one browser id.
    let browser = app.cookies.find(headers, Cookie::Browser).map_or_else(random, str::to_owned);
    app.sign_ins.put(&SignIn::name(state.secret(), &browser), SignIn { nonce, verifier }, now);
    let mut response = Redirect::to(address.as_str()).into_response();
    response
        .headers_mut()
        .extend(app.cookies.set(Cookie::Browser, &browser, SIGN_IN_TIME).map(|value| (SET_COOKIE, value)));
    Ok(response)
}

/// Reads `prompt` (OpenID Connect Core 3.1.2.1). Refuses several values, which the application does not need.
fn read_prompt(prompt: &str) -> Result<CoreAuthPrompt, Failure> {
    match prompt {
        "none" => Ok(CoreAuthPrompt::None),
        "login" => Ok(CoreAuthPrompt::Login),
        "select_account" => Ok(CoreAuthPrompt::SelectAccount),
        _ => Err(Failure::Wish),
    }
}

/// The scopes of the request. The client library adds `openid`.
const SCOPES: [&str; 4] = ["profile", "email", "groups", crate::api::SCOPE];
