//! The administration of agents: tokens, the list, draining and revocation, on a Unix socket beside the server's state.
//!
//! Only root and the user that runs the server may use the socket. The store on disk belongs to one process, so
//! `seamless agents` asks the running server. Anybody who can make a token can enrol an agent that reads passwords. So
//! the listener for Prometheus does not have these routes.

use super::{Agents, tenant_name, time};
use crate::clock;
use crate::serve::Stopping;
use crate::store::StoreError;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use seamless_pta::certificate::Role;
use seamless_pta::{Agent, AgentId, Time};
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

/// The request that an operator sends to the running server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "do")]
pub(crate) enum Command {
    /// Makes a token with which one agent can enrol.
    Token { tenant: String, role: Role, host: Option<String>, issuer: String },
    /// Lists the agents of a tenant.
    List { tenant: String },
    /// Drains an agent, so that it gets no more jobs.
    Drain { agent: AgentId },
    /// Revokes an agent, so that all its requests are refused.
    Revoke { agent: AgentId },
}

/// An agent, as the list shows it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Listed {
    pub(crate) agent: AgentId,
    pub(crate) state: String,
    pub(crate) host: String,
    pub(crate) version: String,
    pub(crate) role: Role,
    /// The seconds since the agent last asked for a job.
    pub(crate) seen: Option<u64>,
    pub(crate) address: Option<String>,
    pub(crate) kdc: Option<String>,
    /// The time of the KDC's last answer to the agent, in milliseconds.
    pub(crate) kdc_ms: Option<u32>,
    /// The number of passwords of this node's users that the agent got.
    pub(crate) jobs: u64,
    /// The agent's share of the passwords that all agents of its tenant got, in percent.
    pub(crate) share: u64,
    /// The number of seconds since this node began to count.
    pub(crate) counted: u64,
    pub(crate) generation: u32,
    /// The seconds until the certificate expires.
    pub(crate) certificate: u64,
}

impl Agents {
    /// Returns the agents of a tenant.
    pub(super) async fn list(&self, tenant: &str) -> Result<Vec<Listed>, StoreError> {
        let now = time(clock::now());
        let Some(tenant) = tenant_name(tenant) else { return Ok(Vec::new()) };
        let agents = self.registry.list(&tenant, now).await?;
        let mut listed: Vec<_> = agents.iter().map(|agent| Listed::of(agent, now)).collect();
        let counted = self.tally.seconds(clock::now());
        for one in &mut listed {
            (one.jobs, one.counted) = (self.tally.of(one.agent).jobs(), counted);
        }
        let all = listed.iter().fold(0_u64, |all, one| all.saturating_add(one.jobs));
        for one in &mut listed {
            one.share = one.jobs.saturating_mul(100).checked_div(all).unwrap_or_default();
        }
        Ok(listed)
    }

    /// Drains an agent, which then gets no new jobs. Returns whether there is such an agent.
    pub(super) async fn drain(&self, agent: AgentId) -> Result<bool, StoreError> {
        let drained = self.registry.change(agent, time(clock::now()), |agent| (Some(agent.draining()), ())).await?;
        self.gateway.withdraw(agent);
        Ok(drained.is_some())
    }

    /// Revokes an agent: its requests end at once, and its jobs go to other agents. Returns whether there is such an
    /// agent.
    pub(super) async fn revoke(&self, agent: AgentId) -> Result<bool, StoreError> {
        let revoked = self.registry.change(agent, time(clock::now()), |agent| (Some(agent.revoked()), ())).await?;
        self.gateway.end(agent);
        Ok(revoked.is_some())
    }
}

impl Listed {
    fn of(agent: &Agent, now: Time) -> Self {
        let seen = agent.seen();
        Self {
            agent: agent.id(),
            state: agent.state(now).name().into(),
            host: agent.host().to_string(),
            version: agent.version().to_string(),
            role: agent.role(),
            seen: seen.map(|seen| seen.at.until(now).as_secs()),
            address: seen.map(|seen| seen.address.clone()),
            kdc: seen.map(|seen| format!("{:?}", seen.health.kdc).to_lowercase()),
            kdc_ms: seen.map(|seen| seen.health.ms),
            jobs: 0,
            share: 0,
            counted: 0,
            generation: agent.generation(),
            certificate: now.until(agent.not_after()).as_secs(),
        }
    }
}

async fn obey(State(agents): State<Arc<Agents>>, Json(command): Json<Command>) -> Response {
    let known = |changed: Result<bool, StoreError>, done: &'static str, agent: AgentId| match changed {
        Ok(true) => {
            tracing::info!(%agent, "an operator has {done} an agent");
            StatusCode::NO_CONTENT.into_response()
        }
        Ok(false) => (StatusCode::NOT_FOUND, "there is no such agent\n").into_response(),
        Err(error) => unavailable(&error),
    };
    match command {
        Command::Token { tenant, role, host, issuer } => {
            match agents.make_token(&tenant, role, host, issuer.clone()).await {
                Ok(token) => {
                    tracing::info!(tenant, issuer, "an operator has made a token for an agent");
                    format!("{}\n", *token).into_response()
                }
                Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
            }
        }
        Command::List { tenant } => match agents.list(&tenant).await {
            Ok(list) => Json(list).into_response(),
            Err(error) => unavailable(&error),
        },
        Command::Drain { agent } => known(agents.drain(agent).await, "drained", agent),
        Command::Revoke { agent } => known(agents.revoke(agent).await, "revoked", agent),
    }
}

fn unavailable(error: &StoreError) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response()
}

/// Makes the socket, and replaces the socket of a server that has ended. The socket gets its final name only after its
/// permissions are set, so that no other user can use it.
pub(crate) fn bind(path: &Path) -> io::Result<UnixListener> {
    let folder = path.with_extension(format!("new-{}", std::process::id()));
    DirBuilder::new().mode(0o700).create(&folder)?;
    let new = folder.join("socket");
    let bound = UnixListener::bind(&new).and_then(|listener| {
        fs::set_permissions(&new, Permissions::from_mode(0o600))?;
        fs::rename(&new, path)?;
        Ok(listener)
    });
    fs::remove_dir_all(&folder)?;
    bound
}

/// Serves the socket until the server stops.
pub(crate) async fn administrate(listener: UnixListener, agents: Arc<Agents>, mut stopping: Stopping) {
    let routes = Router::new().route(PATH, post(obey)).with_state(agents);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.wait() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                tokio::spawn(timeout(CONNECTION_TIME, answer(stream, routes.clone())));
            }
            Err(error) => {
                tracing::error!("no operator is accepted: {error}");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

async fn answer(stream: UnixStream, routes: Router) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).keep_alive(false);
    let _ = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes)).await;
}

/// The path of all commands.
pub(crate) const PATH: &str = "/agents";
const CONNECTION_TIME: Duration = Duration::from_secs(10);
const AFTER_FAILURE: Duration = Duration::from_millis(100);
