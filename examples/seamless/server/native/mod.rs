//! The routes for native clients. A client finds the endpoint in the MEX document and gets a SAML assertion for its ticket by
//! WS-Trust. The client then exchanges the assertion for tokens by OAuth. This module also has the page that explains a
//! ticket.

mod assertion;
mod example;
mod explain;
mod mex;
mod once;
mod redeem;
mod rst;
mod signature;
mod templates;
#[cfg(test)]
mod tests;
mod trust;
mod xml;

use crate::app::Shared;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{get, post};
pub(crate) use explain::explains;
pub(crate) use once::UsedAssertions;
pub(crate) use redeem::{Unredeemed, redeem};
#[cfg(test)]
pub(crate) use rst::RST;

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/trust/mex", get(mex::of_only_tenant))
        .route("/{tenant}/winauth/trust/mex", get(mex::of_tenant))
        .route("/{tenant}/winauth/trust/2005/windowstransport", post(trust::issue))
        .route("/explain", get(explain::page).post(explain::explain))
        .route("/explain/own", get(explain::own_ticket))
        .route("/explain/example/{name}", get(explain::example))
        .route("/explain.css", get(explain::style))
        .layer(DefaultBodyLimit::max(MAX_BODY_SIZE))
}

/// Runs `work` on a thread for blocking work. A signature takes milliseconds. On an asynchronous thread, this work
/// would delay other requests.
pub(crate) async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StatusCode> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

const MAX_BODY_SIZE: usize = 128 * 1024;
