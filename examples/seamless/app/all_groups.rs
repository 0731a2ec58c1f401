//! The groups of a user who has too many groups for a token. An endpoint of the issuer returns these groups to a client
//! that sends the access token (OpenID Connect Core 5.6.2, distributed claims).

use crate::shared::Application;
use axum::http::header::AUTHORIZATION;
use axum::http::{Request, StatusCode};
use openidconnect::AccessToken;
use serde::Deserialize;

#[derive(Deserialize)]
struct Answer {
    groups: Vec<String>,
}

/// Asks the endpoint of the issuer for all groups. If the endpoint does not answer, the user is signed in without
/// groups.
pub(crate) async fn ask(app: &Application, endpoint: &str, token: &AccessToken) -> Option<Vec<String>> {
    // The application sends the access token to the issuer only, even if the ID token names another address.
    if !endpoint.strip_prefix(app.config.issuer.as_str())?.starts_with('/') {
        return None;
    }
    let request =
        Request::get(endpoint).header(AUTHORIZATION, format!("Bearer {}", token.secret())).body(Vec::new()).ok()?;
    let response = app.http.send(request).await.ok()?;
    let answer: Option<Answer> = serde_json::from_slice(response.body()).ok();
    if response.status() != StatusCode::OK || answer.is_none() {
        tracing::warn!("the issuer does not tell the groups: {}", response.status());
        return None;
    }
    answer.map(|answer| answer.groups)
}
