//! The metrics of the server for Prometheus, in the text format of OpenMetrics, on a listener of their own.
//!
//! `deploy/grafana.json` is a Grafana dashboard for these metrics. No metric names a user or an address.

mod stages;
#[cfg(test)]
mod tests;

pub(crate) use stages::{STAGE, StageTimes};

use crate::agents::{Agents, Seen};
use crate::app::{App, Shared};
use crate::clock;
use crate::connections::Connections;
use crate::health::Sign;
use axum::extract;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use kerberos_sso::{Accepted, EncType};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use seamless_pta::agent::State;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A label: its name and its value.
type Label = (&'static str, &'static str);

/// A label whose value is known only at run time, such as the name of a tenant.
type NamedLabel = (&'static str, Arc<str>);

/// The metrics that the server counts.
pub(crate) struct Metrics {
    registry: Registry,
    sign_ins: Family<[Label; 2], Counter>,
    stages: Family<[Label; 1], Histogram>,
    store_times: Family<[Label; 1], Histogram>,
    store_operations: Family<[Label; 2], Counter>,
    key_ages: Family<[NamedLabel; 1], Gauge>,
    rc4: Family<[NamedLabel; 2], Counter>,
    signs: Family<[NamedLabel; 2], Counter>,
    sessions_begun: Family<[Label; 1], Counter>,
    sessions_ended: Counter,
    connections: Family<[Label; 1], Counter>,
    open_connections: Gauge,
    responses: Family<[(&'static str, u16); 1], Counter>,
    agents: Family<[NamedLabel; 2], Gauge>,
    agent_silence: Family<[NamedLabel; 2], Gauge>,
    agent_jobs: Family<[NamedLabel; 2], Counter>,
}

/// The way in which a client signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignInMethod {
    /// A browser's ticket.
    Ticket,
    /// A native client's ticket, for which the client gets an assertion.
    WsTrust,
    Password,
    /// A password that the server checked with a verifier.
    PasswordHash,
    /// A native client's password, for which the client gets an assertion.
    UsernameToken,
    /// A password that a client with the password grant, such as a mail server, sent.
    PasswordGrant,
    /// An app password that a client with the password grant sent.
    AppPassword,
    /// A ticket that the server made, in the built-in test realm.
    TestTicket,
}

impl SignInMethod {
    const fn label(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::WsTrust => "ws-trust",
            Self::Password => "password",
            Self::PasswordHash => "password-hash",
            Self::UsernameToken => "username-token",
            Self::PasswordGrant => "password-grant",
            Self::AppPassword => "app-password",
            Self::TestTicket => "test-ticket",
        }
    }
}

/// The fate of a connection in the table of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Accepted,
    GaveWay,
    Refused,
}

impl Metrics {
    pub(crate) fn new() -> Arc<Self> {
        let times: fn() -> Histogram = || Histogram::new(exponential_buckets(FIRST_BUCKET, 4.0, BUCKETS));
        let mut metrics = Self {
            registry: Registry::with_prefix("seamless"),
            sign_ins: Family::default(),
            stages: Family::new_with_constructor(times),
            store_times: Family::new_with_constructor(times),
            store_operations: Family::default(),
            key_ages: Family::default(),
            rc4: Family::default(),
            signs: Family::default(),
            sessions_begun: Family::default(),
            sessions_ended: Counter::default(),
            connections: Family::default(),
            open_connections: Gauge::default(),
            responses: Family::default(),
            agents: Family::default(),
            agent_silence: Family::default(),
            agent_jobs: Family::default(),
        };
        metrics.register();
        Arc::new(metrics)
    }

    fn register(&mut self) {
        let all = &mut self.registry;
        all.register(
            "sign_ins",
            "Sign-ins by method and by code: `accepted`, or the reason of the refusal",
            self.sign_ins.clone(),
        );
        let stage = "Time of each stage of a sign-in";
        all.register_with_unit("stage", stage, Unit::Seconds, self.stages.clone());
        let store = "Time of the operations of the state store";
        all.register_with_unit("store", store, Unit::Seconds, self.store_times.clone());
        all.register("store_operations", "Operations of the state store by outcome", self.store_operations.clone());
        let ages = "Age of the server's own keys, of the newest key of each keytab, and of the last password hashes";
        all.register_with_unit("key_age", ages, Unit::Seconds, self.key_ages.clone());
        all.register(
            "rc4_sign_ins",
            "Accepted sign-ins with an RC4 key of the ticket or of the session",
            self.rc4.clone(),
        );
        all.register("signs", "Signs of a stolen key, and sign-ins of administrators", self.signs.clone());
        all.register("sessions_begun", "Sessions that began, by method", self.sessions_begun.clone());
        all.register("sessions_ended", "Sessions that a user or a new sign-in ended", self.sessions_ended.clone());
        all.register("connections", "Connections, by their fate in the table of connections", self.connections.clone());
        all.register("open_connections", "Connections that are open", self.open_connections.clone());
        all.register("responses", "Responses by status", self.responses.clone());
        all.register("agents", "Agents of each tenant by state", self.agents.clone());
        let silence = "Time since each agent last asked for a job";
        all.register_with_unit("agent_silence", silence, Unit::Seconds, self.agent_silence.clone());
        let jobs = "Passwords of this node's users that each agent got, by outcome";
        all.register("agent_jobs", jobs, self.agent_jobs.clone());
    }

    /// Counts a sign-in with its code: `accepted`, `challenged`, `continued`, or the reason of the refusal.
    pub(crate) fn signed_in(&self, method: SignInMethod, code: &'static str) {
        self.sign_ins.get_or_create(&[("method", method.label()), ("code", code)]).inc();
    }

    /// Counts the RC4 keys of an accepted ticket. A client with an RC4 key cannot sign in after RC4 is switched off.
    pub(crate) fn accepted(&self, tenant: &Arc<str>, accepted: &Accepted) {
        let keys = [("ticket", accepted.opened_by().etype()), ("session", accepted.session_etype())];
        for (key, _) in keys.into_iter().filter(|(_, etype)| *etype == EncType::RC4_HMAC) {
            self.rc4.get_or_create(&[("tenant", Arc::clone(tenant)), ("key", key.into())]).inc();
        }
    }

    fn stage(&self, stage: &'static str, time: Duration) {
        self.stages.get_or_create(&[("stage", stage)]).observe(time.as_secs_f64());
    }

    pub(crate) fn store(&self, operation: &'static str, outcome: &'static str, time: Duration) {
        self.store_times.get_or_create(&[("operation", operation)]).observe(time.as_secs_f64());
        self.store_operations.get_or_create(&[("operation", operation), ("outcome", outcome)]).inc();
    }

    pub(crate) fn session_began(&self, method: SignInMethod) {
        self.sessions_begun.get_or_create(&[("method", method.label())]).inc();
    }

    pub(crate) fn session_ended(&self) {
        self.sessions_ended.inc();
    }

    pub(crate) fn connection(&self, fate: Fate) {
        let fate = match fate {
            Fate::Accepted => "accepted",
            Fate::GaveWay => "gave-way",
            Fate::Refused => "refused",
        };
        self.connections.get_or_create(&[("fate", fate)]).inc();
    }

    pub(crate) fn responded(&self, status: StatusCode) {
        self.responses.get_or_create(&[("status", status.as_u16())]).inc();
    }

    /// Sets the metrics of the agents of all tenants. Each tenant has at most 64 agents. While the store cannot be
    /// asked, the metrics show no states of agents.
    async fn note_agents(&self, agents: &Agents) {
        for (agent, counts) in agents.tally().all() {
            let agent: Arc<str> = agent.to_string().into();
            for (outcome, count) in counts.named() {
                let labels = [("agent", Arc::clone(&agent)), ("outcome", outcome.into())];
                self.agent_jobs.get_or_create(&labels).inner().store(count, Ordering::Relaxed);
            }
        }
        let states = agents.states().await;
        self.agents.clear();
        self.agent_silence.clear();
        let Ok(states) = states else { return };
        for tenant in agents.tenants() {
            for state in State::ALL {
                self.agents.get_or_create(&[("tenant", tenant.into()), ("state", state.name().into())]).set(0);
            }
        }
        for Seen { tenant, agent, state, silence } in states {
            self.agents.get_or_create(&[("tenant", Arc::clone(&tenant)), ("state", state.name().into())]).inc();
            if let Some(silence) = silence {
                let seconds = i64::try_from(silence.as_secs()).unwrap_or(i64::MAX);
                let labels = [("tenant", tenant), ("agent", agent.to_string().into())];
                self.agent_silence.get_or_create(&labels).set(seconds);
            }
        }
    }

    /// Returns the text of all metrics. The ages of keys and the number of open connections are those of this moment.
    pub(crate) fn text(&self, app: &App, connections: &Connections) -> Option<String> {
        let ages = app.key_ages(clock::now());
        self.key_ages.clear();
        for (key, seconds) in ages {
            self.key_ages.get_or_create(&[("key", key)]).set(seconds);
        }
        for tenant in app.tenants.all() {
            for sign in Sign::ALL {
                let labels = [("tenant", Arc::clone(&tenant.name)), ("sign", sign.label().into())];
                self.signs.get_or_create(&labels).inner().store(tenant.signs.count(sign), Ordering::Relaxed);
            }
        }
        self.open_connections.set(i64::try_from(connections.count()).unwrap_or(i64::MAX));
        let mut text = String::new();
        encode(&mut text, &self.registry).ok()?;
        Some(text)
    }
}

/// Answers `GET /metrics` on the operators' listener.
pub(crate) async fn show(extract::State((app, connections)): extract::State<(Shared, Arc<Connections>)>) -> Response {
    if let Some(agents) = &app.agents {
        app.metrics.note_agents(agents).await;
    }
    match app.metrics.text(&app, &connections) {
        Some(text) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The buckets of times: from 10 µs to 2.6 s, each four times as long as the bucket before.
const FIRST_BUCKET: f64 = 0.000_01;
const BUCKETS: u16 = 10;
