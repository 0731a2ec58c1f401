//! The `userinfo` endpoint (OpenID Connect Core 1.0 section 5.3), and the endpoint `groups`. If a user has too many
//! groups for a token, the token refers to `groups`.

use super::bearer;
use super::claims::Issue;
use super::dialect::Dialect;
use super::error::ErrorCode;
use super::grants::Grant;
use super::parameters::Parameters;
use super::scopes::{GROUPS, OPENID};
use super::token::respond;
use crate::app::{App, Shared};
use crate::clock;
use crate::signing::Audience;
use crate::tenants::Tenant;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

pub(super) async fn user_info(State(app): State<Shared>, tenant: Tenant, headers: HeaderMap, body: Bytes) -> Response {
    let issuer = app.issuer(&tenant);
    let needed = (Audience::Is(&issuer), OPENID);
    answer(&app, &tenant, &headers, &body, needed, |issue| json!(issue.user_info())).await
}

/// Returns all groups of a user: the name of each group, or its SID if the configuration has no name. An access token
/// for any API may refer to this endpoint in place of the groups. So the endpoint accepts access tokens of every
/// audience.
pub(super) async fn groups(State(app): State<Shared>, tenant: Tenant, headers: HeaderMap) -> Response {
    let list = |issue: Issue<'_>| json!({ "groups": issue.group_list().collect::<Vec<_>>() });
    answer(&app, &tenant, &headers, &Bytes::new(), (Audience::InClaims, GROUPS), list).await
}

async fn answer(
    app: &App,
    tenant: &Tenant,
    headers: &HeaderMap,
    body: &Bytes,
    (audience, scope): (Audience<'_>, &str),
    values: impl FnOnce(Issue<'_>) -> Value,
) -> Response {
    let now = clock::now();
    let is_form = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(FORM));
    let form = if is_form { Parameters::parse(body) } else { Parameters::default() };
    let grant = bearer::grant(app, tenant, headers, &form, audience, now).await;
    let grant = grant.and_then(|grant: Grant| {
        let lacks = || ErrorCode::InsufficientScope.because(format!("the access token lacks the scope {scope}"));
        if grant.scopes.contains(scope) { Ok(grant) } else { Err(lacks().into()) }
    });
    let client = grant.as_ref().ok().and_then(|grant| tenant.clients.get(&grant.client_id));
    match (grant, client) {
        (Ok(grant), Some(client)) => {
            let (issuer, group_names) = (app.issuer(tenant), &*tenant.group_names);
            let subject = grant.user.subject(app.records.secret(), &tenant.name, client.sector());
            let (tenant_id, dialect) = (tenant.guid, Dialect::OAuth);
            let issue =
                Issue { issuer: &issuer, subject: &subject, group_names, grant: &grant, tenant_id, dialect, now };
            respond(StatusCode::OK, values(issue))
        }
        (Ok(_), None) => {
            let error = ErrorCode::InvalidToken.because("the client of the access token is not registered any more");
            bearer::refuse(error.into())
        }
        (Err(refusal), _) => bearer::refuse(refusal),
    }
}

const FORM: &[u8] = b"application/x-www-form-urlencoded";
