//! The agents that validate passwords (pass-through authentication). A server outside a company's network cannot ask
//! the company's KDC, but an agent inside the network can.
//!
//! - [`authority`]: the server's own authority, which signs the certificates of agents.
//! - [`registry`]: the agents and the tokens with which they enrol, in the store.
//! - [`listener`]: the listener for agents, with mutual TLS.
//! - [`queue`]: the queue of the jobs, in the process or between several nodes.
//! - [`routes`]: the requests of agents: enrol, bootstrap, renew, take and answer.
//! - [`hashes`]: the requests of a source of password hashes.
//! - [`watch`]: ends the requests of an agent that was revoked at another node.
//! - [`tally`]: the share of each agent in the jobs of this node.
//! - [`enrolment`]: issues certificates to new and known agents.
//! - [`administration`] and [`command`]: the operator's commands for agents.
//!
//! The crate `seamless_pta` has the messages between server and agent, and the states of a job.

#[cfg(unix)]
mod administration;
mod authority;
#[cfg(unix)]
mod command;
mod enrolment;
mod hashes;
mod listener;
mod queue;
mod registry;
mod routes;
mod tally;
#[cfg(test)]
pub(crate) mod tests;
mod watch;

#[cfg(unix)]
pub(crate) use administration::{administrate, bind};
#[cfg(unix)]
pub(crate) use command::run as command;
pub(crate) use listener::serve;

use crate::clock;
use crate::config::{AgentsConfig, Config, PasswordConfig};
use crate::hashes::Tables;
use crate::store::{Engine, Records, StoreError};
use kerberos_sso::UnixTime;
use listener::NodeTls;
use registry::Registry;
use seamless_pta::agent::State;
use seamless_pta::certificate::{Authority, Role};
use seamless_pta::job::NoVerdict;
use seamless_pta::message::NodeUrl;
use seamless_pta::queue::{Done, Gateway, Node, Pending, Queue, Verdict, ask};
use seamless_pta::time::Budget;
use seamless_pta::user::Tenant;
use seamless_pta::verdict::Failure;
use seamless_pta::{Agent, AgentId, KeyId, SealingPublicKey, Time, User};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tally::Tally;
use zeroize::Zeroizing;

/// The agents of this server.
pub(crate) struct Agents {
    config: AgentsConfig,
    /// The realms of the tenants that have agents.
    realms: HashMap<Tenant, Arc<str>>,
    /// The tables of the tenants to which sources send password hashes.
    tables: Tables,
    authority: Authority,
    registry: Registry,
    /// The agents that are connected to this node.
    gateway: Arc<Gateway>,
    queue: Box<dyn Queue>,
    tls: NodeTls,
    tally: Tally,
}

impl Agents {
    /// Reads the authority from the store, or makes it if the store has none. Returns `None` if the configuration has
    /// no agents.
    pub(crate) async fn of_config(
        config: &Config,
        records: &Records,
        tables: &Tables,
    ) -> Result<Option<Arc<Self>>, String> {
        let Some(own) = &config.agents else { return Ok(None) };
        let has_agents = |password: &PasswordConfig| password.is_by_agents() || password.hashes().is_some();
        let tenants = config.tenants.iter().filter(|tenant| tenant.password.as_ref().is_some_and(has_agents));
        let realms = tenants.filter_map(|tenant| Some((tenant_name(&tenant.name)?, tenant.realm.as_str().into())));
        Self::start(own, realms.collect(), records, tables.clone()).await.map(Some)
    }

    /// Makes the agents of the built-in test realm, which listen on `listen`.
    pub(crate) async fn of_test_realm(listen: SocketAddr, records: &Records) -> Result<Arc<Self>, String> {
        let config = AgentsConfig::of_loopback(listen);
        let tenant = tenant_name(TEST_TENANT).ok_or("the test realm has no tenant")?;
        Self::start(&config, HashMap::from([(tenant, TEST_REALM.into())]), records, Tables::default()).await
    }

    async fn start(
        config: &AgentsConfig,
        realms: HashMap<Tenant, Arc<str>>,
        records: &Records,
        tables: Tables,
    ) -> Result<Arc<Self>, String> {
        let authority = authority::of_store(records, time(clock::now())).await?;
        let (gateway, queue) = (Arc::new(Gateway::default()), queue::of_config(config.broker.as_ref()).await?);
        queue.serve(Arc::clone(&gateway));
        let tls = NodeTls::new(config, &authority, time(clock::now()))?;
        let registry = Registry::new(records.clone());
        let config = config.clone();
        let tally = Tally::new();
        let agents = Arc::new(Self { config, realms, tables, authority, registry, gateway, queue, tls, tally });
        agents.watch();
        Ok(agents)
    }

    /// Asks the agents of a tenant about a password, for at most the time `whole`.
    pub(crate) async fn ask(
        &self,
        tenant: &str,
        user: &str,
        password: &str,
        whole: Duration,
    ) -> Result<Verdict, NoVerdict> {
        let unasked = |failure| NoVerdict { failure, may_be_checked: false };
        let user = User::parse(user).ok_or(unasked(Failure::CannotSeal))?;
        let password = Zeroizing::new(password.as_bytes().to_vec());
        let whom = (tenant_name(tenant).ok_or(unasked(Failure::NoAgent))?, user);
        ask(&*self.queue, self, whom, &password, Budget::within(whole)).await
    }

    pub(crate) const fn listen(&self) -> SocketAddr {
        self.config.listen
    }

    /// Returns the address at which agents reach this node.
    pub(crate) fn first_node(&self) -> Option<NodeUrl> {
        self.nodes().into_iter().next()
    }

    /// Returns the counts of what each agent did with the passwords of this node's users.
    pub(crate) const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Returns each agent with its tenant, its state, and the number of seconds since it last asked for a job.
    pub(crate) async fn states(&self) -> Result<Vec<Seen>, StoreError> {
        let (now, mut all) = (time(clock::now()), Vec::new());
        for tenant in self.realms.keys() {
            let tenant_name: Arc<str> = tenant.as_str().into();
            let seen = |agent: &Agent| Seen {
                tenant: Arc::clone(&tenant_name),
                agent: agent.id(),
                state: agent.state(now),
                silence: agent.seen().map(|seen| seen.at.until(now)),
            };
            all.extend(self.registry.list(tenant, now).await?.iter().map(seen));
        }
        Ok(all)
    }

    /// Returns the tenants that have agents.
    pub(crate) fn tenants(&self) -> impl Iterator<Item = &str> {
        self.realms.keys().map(Tenant::as_str)
    }

    fn nodes(&self) -> Vec<NodeUrl> {
        self.config.nodes.iter().filter_map(|node| NodeUrl::parse(node)).collect()
    }
}

/// An agent, as the metrics show it.
pub(crate) struct Seen {
    pub(crate) tenant: Arc<str>,
    pub(crate) agent: AgentId,
    pub(crate) state: State,
    pub(crate) silence: Option<Duration>,
}

impl Node for Agents {
    fn now(&self) -> Time {
        time(clock::now())
    }

    fn random(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(clock::random())
    }

    /// Asks the registry before each password is sealed, so that a revoked agent gets no password.
    fn sealing_key<'a>(
        &'a self,
        tenant: &'a Tenant,
        agent: AgentId,
        key: &'a KeyId,
    ) -> Pending<'a, Option<SealingPublicKey>> {
        Box::pin(async move {
            let now = self.now();
            let agent = self.registry.get(agent, now).await.ok()??;
            let is_meant = agent.tenant() == tenant && agent.role() == Role::Pta;
            let takes = matches!(agent.state(now), State::Active | State::Silent);
            agent.sealing_key(key, now).filter(|_| is_meant && takes)
        })
    }

    fn note(&self, agent: AgentId, done: Done) {
        self.tally.note(agent, done);
    }
}

const TEST_TENANT: &str = "contoso.test";
const TEST_REALM: &str = "CONTOSO.TEST";

/// Returns the path of the socket for administration. If the configuration names no path, the socket is beside the
/// state on disk.
pub(crate) fn socket(config: Option<&Config>, engine: &Engine) -> Option<PathBuf> {
    let named = config.and_then(|config| config.agents.as_ref()).and_then(|agents| agents.socket.clone());
    named.or_else(|| match engine {
        Engine::Disk { folder } => Some(folder.join("agents.sock")),
        Engine::Valkey { .. } => None,
    })
}

/// Returns the name of a tenant in small letters, as agents use it.
fn tenant_name(name: &str) -> Option<Tenant> {
    Tenant::new(name.to_ascii_lowercase())
}

/// Converts a time of this server's clock to the type that agents use.
fn time(now: UnixTime) -> Time {
    let millis = u64::from(now.micros()).checked_div(1_000).unwrap_or_default();
    let seconds = u64::try_from(now.seconds()).unwrap_or_default();
    Time::from_seconds(seconds).after(Duration::from_millis(millis))
}

/// Converts a time of an agent to the type that the store uses.
fn unix_time(time: Time) -> UnixTime {
    UnixTime::from_seconds(i64::try_from(time.seconds()).unwrap_or(i64::MAX))
}
