//! The listener for the operators of the server. The listener serves the metrics for Prometheus, and the health of each
//! account, as JSON for programs and as a page for administrators.
//!
//! These routes name tenants, accounts and versions of keys. So these routes are on an address of their own, which clients do
//! not reach.

use crate::app::Shared;
use crate::browser;
use crate::clock;
use crate::connections::Connections;
use crate::health::Health;
use crate::metrics;
use crate::pages::OperatorsPage;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Json, Response};
use axum::routing::get;
use serde_json::{Value, json};
use std::sync::Arc;

/// Returns the routes of the operators' listener.
pub(crate) fn routes(app: Shared, connections: Arc<Connections>) -> Router {
    let pages = Router::new()
        .route("/", get(page))
        .route("/healthz", get(health))
        .route("/style.css", get(browser::style))
        .with_state(Arc::clone(&app));
    Router::new().route("/metrics", get(metrics::show)).with_state((app, connections)).merge(pages)
}

/// Answers with the keys, the warnings and the counts of each tenant. The status is 200 even if there are warnings. A warning
/// is for an administrator, and a load balancer must not remove the node because of a warning.
async fn health(State(app): State<Shared>) -> Response {
    Json(report(&app.tenants.health(clock::now()))).into_response()
}

fn report(all: &[Health]) -> Value {
    let warnings: Vec<_> = all
        .iter()
        .flat_map(|health| health.warnings.iter().map(|warning| (&health.tenant, warning)))
        .map(|(tenant, warning)| {
            json!({ "tenant": tenant, "code": warning.code(), "text": warning.to_string(), "remedy": warning.remedy() })
        })
        .collect();
    let status = if warnings.is_empty() { "ok" } else { "warning" };
    json!({ "status": status, "warnings": warnings, "tenants": all })
}

async fn page(State(app): State<Shared>) -> Response {
    let (now, unready) = (clock::now(), app.unready().await);
    app.pages.operators(&OperatorsPage { tenants: &app.tenants.health(now), unready: &unready, now })
}
