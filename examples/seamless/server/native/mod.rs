//! The routes for native clients. A client finds the endpoint in the MEX document and gets a SAML assertion for its ticket by
//! WS-Trust. The client then exchanges the assertion for tokens by OAuth. This module also has the page that explains a
//! ticket.
//!
//! `docs/native-clients.md` says which public clients use these routes. Before a sign-in, clients ask how the users of
//! a domain sign in ([`credential_type`], [`user_realm`], [`realm_info`]), and where an authority has its metadata
//! ([`instance`]).

mod assertion;
mod codes;
mod correlation;
mod credential_type;
mod desktop_sso_token;
mod example;
mod explain;
mod fault;
mod instance;
mod mex;
mod once;
mod realm_info;
mod redeem;
mod rst;
mod signature;
mod soap_request;
mod templates;
#[cfg(test)]
pub(crate) mod tests;
mod trust;
mod user_realm;
mod username_mixed;
mod username_token;
mod xml;

use crate::app::Shared;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{get, post};
pub(crate) use codes::Code;
pub(crate) use correlation::{of as correlation_of, repeat as repeat_correlation};
pub(crate) use explain::explains;
pub(crate) use fault::answer_in_xml;
pub(crate) use once::UsedAssertions;
pub(crate) use redeem::{Redemption, Unredeemed, named_tenant, redeem};
#[cfg(test)]
pub(crate) use rst::RST;
pub(crate) use soap_request::is_trust;

pub(crate) fn routes() -> Router<Shared> {
    let dialect = Router::new()
        .route("/common/GetCredentialType", post(credential_type::answer))
        .route("/common/getcredentialtype", post(credential_type::answer))
        .route("/common/userrealm/{user}", get(user_realm::answer))
        .route("/common/UserRealm/{user}", get(user_realm::answer))
        .route("/GetUserRealm.srf", get(realm_info::answer))
        .route("/getuserrealm.srf", get(realm_info::answer))
        .route("/common/discovery/instance", get(instance::answer))
        .route("/{tenant}/winauth/trust/2005/usernamemixed", post(username_mixed::issue))
        .route("/{tenant}/winauth/trust/2005/windowstransport", post(trust::issue))
        .layer(middleware::from_fn(correlation::repeat));
    Router::new()
        .merge(dialect)
        .route("/trust/mex", get(mex::of_only_tenant))
        .route("/{tenant}/winauth/trust/mex", get(mex::of_tenant))
        .route("/explain", get(explain::page).post(explain::explain))
        .route("/explain/own", get(explain::own_ticket))
        .route("/explain/example/{name}", get(explain::example))
        .route("/explain.css", get(explain::style))
        .layer(DefaultBodyLimit::max(MAX_BODY_SIZE))
}

/// Returns whether the part of a path that names the tenant is `common` or `organizations`. A request at such a path
/// names its tenant elsewhere, for example by the user's domain.
pub(crate) fn is_common(part: &str) -> bool {
    ["common", "organizations"].iter().any(|name| part.eq_ignore_ascii_case(name))
}

/// Runs `work` on a thread for blocking work. A signature takes milliseconds. On an asynchronous thread, this work
/// would delay other requests.
pub(crate) async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StatusCode> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

/// The name of the cloud and the audience of its assertions. Clients expect these values of Microsoft's public cloud.
const CLOUD_INSTANCE: &str = "microsoftonline.com";
const CLOUD_AUDIENCE: &str = rst::AUDIENCE;

const MAX_BODY_SIZE: usize = 128 * 1024;
