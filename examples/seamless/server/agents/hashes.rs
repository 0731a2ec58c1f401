//! What a source of password hashes may ask: where it was, and to take a batch of changes. The certificate of the source has a role
//! of its own, so an agent that validates passwords cannot send hashes.

use super::Agents;
use super::listener::Peer;
use super::routes::{Refusal, known, unavailable};
use crate::clock;
use crate::hashes::Table;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Json, Response};
use seamless_phs::Batch;
use seamless_phs::batch::Progress;
use seamless_pta::certificate::Role;
use std::sync::Arc;

/// Says where the source was, so that it can go on.
pub(super) async fn progress(State(agents): State<Arc<Agents>>, Extension(peer): Extension<Peer>) -> Response {
    let table = match table(&agents, &peer).await {
        Ok(table) => table,
        Err(refusal) => return refusal.into_response(),
    };
    match table.synchronised().await {
        Ok(synchronised) => {
            let at = synchronised.map(|one| (one.source, one.cursor));
            Json(Progress { v: 1, at }).into_response()
        }
        Err(error) => unavailable(&error).into_response(),
    }
}

/// Takes a batch. The answer comes when all its records are in the store.
pub(super) async fn take(State(agents): State<Arc<Agents>>, Extension(peer): Extension<Peer>, body: Bytes) -> Response {
    let table = match table(&agents, &peer).await {
        Ok(table) => table,
        Err(refusal) => return refusal.into_response(),
    };
    let batch = match Batch::parse(&body) {
        Ok(batch) => batch,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    let (records, left) = (batch.records.len(), batch.left);
    match table.take(batch, clock::now()).await {
        Ok(answer) => {
            let (taken, refused) = (answer.taken, answer.refused.len());
            tracing::info!(tenant = table.tenant(), records, taken, refused, left, "took password hashes");
            Json(answer).into_response()
        }
        Err(error) => unavailable(&error).into_response(),
    }
}

/// Returns the table of the source's tenant.
async fn table<'a>(agents: &'a Agents, peer: &Peer) -> Result<&'a Table, Refusal> {
    let (shown, agent) = known(agents, peer).await?;
    if agent.role() != Role::Phs {
        let (agent, address) = (shown.agent, peer.address);
        tracing::warn!(%agent, %address, "an agent without the role of a source wants to send password hashes");
        return Err((
            StatusCode::FORBIDDEN,
            "the certificate has not the role of a source of password hashes\n".into(),
        ));
    }
    let table = agents.tables.get(shown.tenant.as_str());
    table.ok_or_else(|| (StatusCode::NOT_FOUND, "the tenant uses no password hashes\n".into()))
}
