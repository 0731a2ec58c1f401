//! The routes for the requests of agents. `seamless_pta::message` has the bodies.

use super::enrolment::NoCertificate;
use super::listener::Peer;
use super::{Agents, hashes, time};
use crate::clock;
use crate::store::StoreError;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Extension, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use seamless_phs::batch::MAX_SIZE;
use seamless_pta::agent::Denied;
use seamless_pta::certificate::AgentCertificate;
use seamless_pta::message::{
    Answer, Bootstrap, Enrol, MAX_BODY, Message, ProgramVersion, Renew, Take, V1, read, write,
};
use seamless_pta::queue::{AnswerError, Place, Taken};
use seamless_pta::time::{HOLD, TAKE};
use seamless_pta::{Agent, Text};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

pub(super) type Refusal = (StatusCode, String);

pub(super) fn routes(agents: Arc<Agents>) -> Router {
    let of_agents = Router::new()
        .route("/agents/v1/bootstrap", get(bootstrap))
        .route("/agents/v1/renew", post(renew))
        .route("/agents/v1/take", post(take))
        .route("/agents/v1/answer", post(answer))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .route("/agents/v1/hashes", get(hashes::progress).post(hashes::take).layer(DefaultBodyLimit::max(MAX_SIZE)))
        .layer(middleware::from_fn(with_certificate));
    Router::new()
        .route("/agents/v1/enrol", post(enrol))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .merge(of_agents)
        .layer(middleware::from_fn(in_time))
        .with_state(agents)
}

/// Limits the time of a request, including the time to read its body.
async fn in_time(request: Request, next: Next) -> Response {
    let response = timeout(REQUEST_TIME, next.run(request)).await;
    response.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response())
}

/// Refuses a request without a certificate before the server reads its body. Otherwise a client without a certificate could
/// fill the memory with large bodies.
async fn with_certificate(Extension(peer): Extension<Peer>, request: Request, next: Next) -> Response {
    match shown(&peer) {
        Ok(_) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

async fn enrol(State(agents): State<Arc<Agents>>, Extension(peer): Extension<Peer>, body: Bytes) -> Response {
    let enrol = match message::<Enrol>(&body) {
        Ok(enrol) => enrol,
        Err(refusal) => return refusal.into_response(),
    };
    match agents.enrol(&enrol).await {
        Ok(enrolled) => response(StatusCode::CREATED, &enrolled),
        Err(error) => no_certificate(&error, &peer),
    }
}

async fn bootstrap(State(agents): State<Arc<Agents>>, Extension(peer): Extension<Peer>) -> Response {
    let (_, agent) = match known(&agents, &peer).await {
        Ok(known) => known,
        Err(refusal) => return refusal.into_response(),
    };
    let now = time(clock::now());
    let realm = agents.realms.get(agent.tenant()).and_then(|realm| Text::new(&**realm));
    let (Some(min_version), Some(realm)) = (ProgramVersion::new(agents.config.min_version.as_str()), realm) else {
        return (StatusCode::FORBIDDEN, "agents do not validate the passwords of this tenant\n").into_response();
    };
    let wait_ms = u32::try_from(TAKE.as_millis()).unwrap_or(u32::MAX);
    let (nodes, concurrency) = (agents.nodes(), agents.config.concurrency);
    // An agent normally renews its certificate in time. If the agent's clock is slow, the agent learns from this field
    // that it must renew now.
    let renew = now.after(RENEW_BEFORE) >= agent.not_after();
    response(StatusCode::OK, &Bootstrap { v: V1, nodes, concurrency, wait_ms, renew, clock: now, min_version, realm })
}

async fn renew(State(agents): State<Arc<Agents>>, Extension(peer): Extension<Peer>, body: Bytes) -> Response {
    let (shown, renew) = match (shown(&peer), message::<Renew>(&body)) {
        (Ok(shown), Ok(renew)) => (shown, renew),
        (Err(refusal), _) | (_, Err(refusal)) => return refusal.into_response(),
    };
    match agents.renew(shown, &renew).await {
        Ok(enrolled) => response(StatusCode::OK, &enrolled),
        Err(error) => no_certificate(&error, &peer),
    }
}

async fn take(State(agents): State<Arc<Agents>>, Extension(peer): Extension<Peer>, body: Bytes) -> Response {
    let (shown, take) = match (shown(&peer), message::<Take>(&body)) {
        (Ok(shown), Ok(take)) => (shown, take),
        (Err(refusal), _) | (_, Err(refusal)) => return refusal.into_response(),
    };
    if let Err(refusal) = sighted(&agents, shown, &take, &peer).await {
        return refusal.into_response();
    }
    let place = Place { agent: shown.agent, tenant: shown.tenant.clone(), key: take.key, connection: peer.connection };
    let mut stopping = peer.stopping.clone();
    let taken = tokio::select! {
        taken = agents.gateway.take(place) => taken,
        () = stopping.wait() => Taken::Nothing,
    };
    match taken {
        Taken::Job(job) => {
            tracing::debug!(agent = %shown.agent, serial = %shown.serial, address = %peer.address, "an agent has a job");
            response(StatusCode::OK, &*job)
        }
        Taken::Nothing => StatusCode::NO_CONTENT.into_response(),
        // The registry has the reason why the agent gets no more jobs.
        Taken::Ended => match sighted(&agents, shown, &take, &peer).await {
            Ok(()) => StatusCode::NO_CONTENT.into_response(),
            Err(refusal) => refusal.into_response(),
        },
    }
}

async fn answer(State(agents): State<Arc<Agents>>, Extension(peer): Extension<Peer>, body: Bytes) -> Response {
    let answer = match message::<Answer>(&body) {
        Ok(answer) => answer,
        Err(refusal) => return refusal.into_response(),
    };
    let (shown, _) = match known(&agents, &peer).await {
        Ok(known) => known,
        Err(refusal) => return refusal.into_response(),
    };
    let job = answer.job();
    match agents.gateway.answer(shown.agent, answer) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => {
            let status = match error {
                AnswerError::Late => StatusCode::GONE,
                AnswerError::Again => StatusCode::CONFLICT,
                AnswerError::OtherAgent => StatusCode::FORBIDDEN,
            };
            let (agent, address) = (shown.agent, peer.address);
            tracing::warn!(%agent, %address, %job, entra = 80_014, "an answer of an agent is refused: {error}");
            (status, format!("{error}\n")).into_response()
        }
    }
}

/// Returns the certificate of the connection.
pub(super) fn shown(peer: &Peer) -> Result<&AgentCertificate, Refusal> {
    let refusal = || (StatusCode::UNAUTHORIZED, "show the certificate of an agent\n".into());
    peer.certificate.as_deref().ok_or_else(refusal)
}

/// Returns the agent of the connection, if it may send requests.
pub(super) async fn known<'p>(agents: &Agents, peer: &'p Peer) -> Result<(&'p AgentCertificate, Agent), Refusal> {
    let (shown, now) = (shown(peer)?, time(clock::now()));
    let agent = agents.registry.get(shown.agent, now).await.map_err(|error| unavailable(&error))?;
    let agent = agent.filter(|agent| is_of(agent, shown)).ok_or_else(|| denied(Denied::Certificate, peer))?;
    agent.may_speak(&shown.serial, now).map_err(|error| denied(error, peer))?;
    Ok((shown, agent))
}

fn is_of(agent: &Agent, shown: &AgentCertificate) -> bool {
    *agent.tenant() == shown.tenant && agent.role() == shown.role
}

/// Records that an agent asks for a job. The server writes this record to the store once in ten seconds, and whenever
/// the agent's address or health has changed.
async fn sighted(agents: &Agents, shown: &AgentCertificate, take: &Take, peer: &Peer) -> Result<(), Refusal> {
    let (now, address) = (time(clock::now()), peer.address.to_string());
    let (_, agent) = known(agents, peer).await?;
    let old = agent.seen().filter(|seen| now < seen.at.after(NOTE_EVERY)).cloned();
    if let Some(seen) = old.as_ref().filter(|seen| seen.address != address) {
        let (agent, tenant, other) = (shown.agent, &shown.tenant, &seen.address);
        tracing::warn!(%tenant, %agent, address, other, "an agent asks from two addresses at once; is the agent copied?");
    }
    let same = old.is_some_and(|seen| seen.address == address && seen.health == take.health);
    let seen = agent.take(&shown.serial, take, &address, now).map_err(|error| denied(error, peer))?;
    if same {
        return Ok(());
    }
    let note = |agent: Agent| match agent.take(&shown.serial, take, &address, now) {
        Ok(seen) => (Some(seen), Ok(())),
        Err(error) => (None, Err(error)),
    };
    match agents.registry.change(seen.id(), now, note).await {
        // An agent that the node knows can go on while the store cannot be reached.
        Ok(Some(Ok(()))) | Err(StoreError::Unreachable(_)) => Ok(()),
        Ok(Some(Err(error))) => Err(denied(error, peer)),
        Ok(None) => Err(denied(Denied::Certificate, peer)),
        Err(error) => Err(unavailable(&error)),
    }
}

fn message<T: Message>(body: &[u8]) -> Result<T, Refusal> {
    read(body).map_err(|error| (StatusCode::BAD_REQUEST, format!("{error}\n")))
}

fn response<T: Message>(status: StatusCode, message: &T) -> Response {
    match write(message) {
        Ok(body) => (status, [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn denied(error: Denied, peer: &Peer) -> Refusal {
    let agent = peer.certificate.as_ref().map(|shown| shown.agent.to_string());
    tracing::warn!(agent, address = %peer.address, "a request of an agent is refused: {error}");
    (StatusCode::FORBIDDEN, format!("{error}\n"))
}

pub(super) fn unavailable(error: &StoreError) -> Refusal {
    tracing::error!("the registry of agents cannot be asked: {error}");
    (StatusCode::SERVICE_UNAVAILABLE, "the registry of agents cannot be asked\n".into())
}

/// Returns the response to a refused request for a certificate. A client that enrols does not learn why its token is
/// refused. An agent that renews its certificate learns the reason of the refusal.
fn no_certificate(error: &NoCertificate, peer: &Peer) -> Response {
    if let NoCertificate::Store(error) = error {
        return unavailable(error).into_response();
    }
    let agent = peer.certificate.as_ref().map(|shown| shown.agent.to_string());
    tracing::warn!(agent, address = %peer.address, "no certificate for an agent: {error}");
    let text = if agent.is_some() { format!("{error}\n") } else { "the enrolment is refused\n".into() };
    (StatusCode::FORBIDDEN, text).into_response()
}

/// The longest time of a request for a job, and the time to send its body.
const REQUEST_TIME: Duration = Duration::from_secs(TAKE.as_secs() + HOLD.as_secs() + 10);
const NOTE_EVERY: Duration = Duration::from_secs(10);
const RENEW_BEFORE: Duration = Duration::from_hours(48);
