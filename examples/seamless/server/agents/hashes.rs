//! The requests of an agent that is a source of password hashes. The agent asks for the position from which it must
//! resume, or sends a batch of changes. The certificate of such an agent has its own role, so an agent that validates
//! passwords cannot send hashes.

use super::listener::Peer;
use super::routes::{Refusal, known, unavailable};
use super::{Agents, time};
use crate::clock;
use crate::hashes::{Sender, Table};
use crate::store::StoreError;
use axum::body::Bytes;
use axum::extract::{Extension, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Json, Response};
use kerberos_sso::Sid;
use seamless_phs::batch::Received;
use seamless_phs::{Batch, ObjectId};
use seamless_pta::agent::State as Standing;
use seamless_pta::certificate::Role;
use seamless_pta::{Agent, AgentId};
use std::collections::HashSet;
use std::sync::Arc;

/// Returns the position of the source, from which the source can resume. The query `source=` names the directory server.
pub(super) async fn progress(
    State(agents): State<Arc<Agents>>,
    Extension(peer): Extension<Peer>,
    RawQuery(query): RawQuery,
) -> Response {
    let (table, agent) = match table(&agents, &peer).await {
        Ok(known) => known,
        Err(refusal) => return refusal.into_response(),
    };
    let source = match query.as_deref().and_then(|query| query.strip_prefix("source=")).map(str::parse::<ObjectId>) {
        None => None,
        Some(Ok(source)) => Some(source),
        Some(Err(())) => return (StatusCode::BAD_REQUEST, "source: a GUID\n").into_response(),
    };
    match table.progress(agent, source).await {
        Ok(progress) => Json(progress).into_response(),
        Err(error) => unavailable(&error).into_response(),
    }
}

/// Takes a batch. The server answers when all records of the batch are in the store.
pub(super) async fn take(State(agents): State<Arc<Agents>>, Extension(peer): Extension<Peer>, body: Bytes) -> Response {
    let (table, agent) = match table(&agents, &peer).await {
        Ok(known) => known,
        Err(refusal) => return refusal.into_response(),
    };
    let Received { batch, refused } = match Batch::parse(&body) {
        Ok(received) => received,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    let (records, left) = (batch.records.len().saturating_add(refused.len()), batch.left);
    let taken = async {
        let from = Sender { agent, of_others: domains_of_others(&agents, table, &batch, agent).await? };
        table.take(batch, &from, clock::now()).await
    };
    match taken.await {
        Ok(mut answer) => {
            answer.refused.extend(refused);
            let (taken, refused) = (answer.taken, answer.refused.len());
            tracing::info!(tenant = table.tenant(), %agent, records, taken, refused, left, "took password hashes");
            Json(answer).into_response()
        }
        Err(error) => unavailable(&error).into_response(),
    }
}

/// Returns the tenant's domains whose accounts another source sends. If the batch names a domain that has no source, this source
/// becomes the source of the domain.
async fn domains_of_others(
    agents: &Agents,
    table: &Table,
    batch: &Batch,
    agent: AgentId,
) -> Result<Vec<Sid>, StoreError> {
    let tenant = table.tenant();
    let of_accounts = batch.records.iter().filter_map(|record| record.account.as_ref()?.sid.domain());
    let named: HashSet<Sid> = of_accounts.chain(batch.complete.map(|complete| complete.domain)).collect();
    let mut of_others = Vec::new();
    for domain in table.domains() {
        let before = table.owner(*domain).await?.filter(|owner| *owner != agent);
        let owner = match before {
            Some(owner) if is_serving(agents, owner).await? => owner,
            before if named.contains(domain) => {
                let owner = table.set_owner(*domain, before, agent).await?;
                if let Some(before) = before {
                    tracing::warn!(tenant, %domain, %owner, %before, "another source sends the accounts of a domain from now on");
                }
                owner
            }
            _ => continue,
        };
        if owner != agent {
            if named.contains(domain) {
                tracing::warn!(tenant, %domain, %owner, %agent, "a second source sends accounts of a domain; they are refused");
            }
            of_others.push(*domain);
        }
    }
    Ok(of_others)
}

/// Returns whether an agent may still send hashes.
async fn is_serving(agents: &Agents, agent: AgentId) -> Result<bool, StoreError> {
    let now = time(clock::now());
    let agent = agents.registry.get(agent, now).await?;
    let is_ended =
        |agent: &Agent| matches!(agent.state(now), Standing::Revoked | Standing::Locked) || now >= agent.not_after();
    Ok(agent.is_some_and(|agent| !is_ended(&agent)))
}

/// Returns the table of the source's tenant, and the source.
async fn table<'a>(agents: &'a Agents, peer: &Peer) -> Result<(&'a Table, AgentId), Refusal> {
    let (shown, agent) = known(agents, peer).await?;
    if agent.role() != Role::Phs {
        let (agent, address) = (shown.agent, peer.address);
        tracing::warn!(%agent, %address, "an agent without the role of a source wants to send password hashes");
        return Err((
            StatusCode::FORBIDDEN,
            "the certificate does not have the role of a source of password hashes\n".into(),
        ));
    }
    let table = agents.tables.get(shown.tenant.as_str());
    table
        .map(|table| (table, shown.agent))
        .ok_or_else(|| (StatusCode::NOT_FOUND, "the tenant uses no password hashes\n".into()))
}
