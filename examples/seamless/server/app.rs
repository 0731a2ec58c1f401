//! The state that all requests share.

use crate::agents::{self, Agents};
use crate::app_password::AppPasswords;
use crate::arguments::Arguments;
use crate::client::Client;
use crate::clock;
use crate::config::{Config, Limits};
use crate::cookies::Cookies;
use crate::forwarded::Proxies;
use crate::handover::Handovers;
use crate::hashes::Tables;
use crate::health::Logged;
use crate::hosts::AllowedHosts;
use crate::judged::JudgedTickets;
use crate::key_ring::KeyRing;
use crate::lockout::Lockout;
use crate::metrics::Metrics;
use crate::native::UsedAssertions;
use crate::negotiate::ContinuationKey;
use crate::oidc::{BackChannel, ClientAssertions, Clients, Grants, LogoutQueue, test_clients};
use crate::pages::Pages;
use crate::rate::Rates;
use crate::replay::Replays;
use crate::session::Sessions;
use crate::signing::SigningAlgorithm;
use crate::store::{Authority, Engine, Records, StoreError, WithoutStore, epoch, open};
use crate::tenants::{Tenant, Tenants};
use crate::tls::Tls;
use kerberos_sso::UnixTime;
use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The state that every route receives.
pub(crate) type Shared = Arc<App>;

pub(crate) struct App {
    /// The address of the server in assertions and tokens, as `https://HOST`.
    pub(crate) address: String,
    pub(crate) tenants: Tenants,
    pub(crate) sessions: Sessions,
    pub(crate) lockout: Arc<Lockout>,
    pub(crate) judged: JudgedTickets,
    pub(crate) pages: Pages,
    /// The keys that seal the state of a negotiation. A client keeps the sealed state in a cookie.
    pub(crate) sealing: KeyRing<ContinuationKey>,
    pub(crate) used_assertions: UsedAssertions,
    /// The assertions with which clients have authenticated themselves. Each assertion is accepted once.
    pub(crate) client_assertions: ClientAssertions,
    /// The grants that clients got when users signed in: the codes and tokens.
    pub(crate) grants: Grants,
    /// The app passwords of users.
    pub(crate) passwords: AppPasswords,
    /// The origin of the host that accepts tickets, if the pages have another origin.
    pub(crate) autologon: Option<String>,
    pub(crate) handovers: Handovers,
    /// The sender of messages about sign-outs.
    pub(crate) back_channel: BackChannel,
    /// The messages about sign-outs that the server must still deliver to clients.
    pub(crate) logouts: LogoutQueue,
    /// The store that all nodes share.
    pub(crate) records: Records,
    pub(crate) proxies: Proxies,
    pub(crate) hosts: AllowedHosts,
    /// The limits on the requests of each address.
    pub(crate) rates: Rates,
    pub(crate) limits: Limits,
    pub(crate) cookies: Cookies,
    pub(crate) metrics: Arc<Metrics>,
    /// The address of the listener for Prometheus.
    pub(crate) metrics_address: Option<SocketAddr>,
    /// The certificate of a server that terminates TLS itself.
    pub(crate) tls: Option<Arc<Tls>>,
    /// The agents that validate passwords.
    pub(crate) agents: Option<Arc<Agents>>,
    /// The path of the Unix socket on which an operator administrates the agents.
    pub(crate) agents_socket: Option<PathBuf>,
    /// The address of the listening socket.
    pub(crate) listens_on: String,
    /// Whether this server serves `/explain`.
    pub(crate) explains: bool,
}

impl App {
    /// Returns the issuer of a tenant's assertions and tokens.
    pub(crate) fn issuer(&self, tenant: &Tenant) -> String {
        format!("{}/{}", self.address, tenant.name)
    }

    /// Returns the origins of this server: the origin of its pages, and the origin of the autologon host.
    pub(crate) fn origins(&self) -> impl Iterator<Item = &str> {
        [self.address.as_str()].into_iter().chain(self.autologon.as_deref())
    }

    /// Returns whether a client sent its request to the autologon host, which accepts tickets for pages of another
    /// origin.
    pub(crate) fn is_autologon_host(&self, client: &Client) -> bool {
        self.autologon.as_ref().is_some_and(|origin| client.is_of_origin(origin))
    }

    /// Opens the store and reads the configuration and the keytabs.
    pub(crate) async fn start(
        arguments: &Arguments,
        listen: SocketAddr,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Box<dyn Error>> {
        let config = arguments.config.as_deref().map(Config::load).transpose()?;
        let tls = config.as_ref().and_then(|config| config.tls.as_ref()).map(Tls::open).transpose()?;
        let listens_on = format!("{}://{listen}", if tls.is_some() { "https" } else { "http" });
        let engine = match (&arguments.state, &config) {
            (Some(folder), _) => Some(Engine::Disk { folder: folder.clone() }),
            (None, Some(config)) => config.state.engine()?,
            (None, None) => None,
        };
        let engine = engine.map_or_else(Engine::of_user, Ok)?;
        let records = open(&engine, &metrics)?;
        tracing::info!("{engine}");
        let without_store = config.as_ref().map(|config| config.state.without_store).unwrap_or_default();
        let agents_socket = agents::socket(config.as_ref(), &engine);
        let replays = match (engine, began(&records, without_store).await?) {
            (Engine::Valkey { nodes, ca, .. }, _) => {
                Replays::Valkey { nodes, authority: Authority::read(ca.as_deref())?, without_store }
            }
            (Engine::Disk { .. }, epoch) => Replays::Stored { records: records.clone(), epoch },
        };
        let app = Self::new(config, arguments, &listens_on, records, &replays).await?;
        Ok(Self { metrics, tls, agents_socket, listens_on, ..app })
    }

    pub(crate) async fn new(
        config: Option<Config>,
        arguments: &Arguments,
        address: &str,
        records: Records,
        replays: &Replays,
    ) -> Result<Self, Box<dyn Error>> {
        let minutes = config.as_ref().map_or(Config::SESSION_MINUTES, |config| config.session_minutes);
        let lifetime = Duration::from_secs(minutes.saturating_mul(60));
        let proxies = config.as_ref().map(Config::proxies).unwrap_or_default();
        let limits = config.as_ref().map(|config| config.limits).unwrap_or_default();
        let metrics_address = config.as_ref().and_then(|config| config.metrics);
        let hosts = config.as_ref().map(|config| config.hosts.clone()).unwrap_or_default();
        let without_store = config.as_ref().map(|config| config.state.without_store).unwrap_or_default();
        let autologon = config.as_ref().and_then(|config| config.autologon.clone());
        let address = config.as_ref().and_then(|config| config.address.clone()).unwrap_or_else(|| address.into());
        let tables = config.as_ref().map(|config| Tables::of_config(config, &records)).transpose()?.unwrap_or_default();
        let agents = match (&config, arguments.with_agent) {
            (Some(config), _) => Agents::of_config(config, &records, &tables).await?,
            (None, Some(listen)) => Some(Agents::of_test_realm(listen, &records).await?),
            (None, None) => None,
        };
        let mut tenants = match config {
            Some(config) => {
                let checked_by = (agents.as_ref(), &tables);
                Tenants::of_config(config, arguments.allow_rc4, replays, &records, checked_by).await?
            }
            None => Tenants::of_test_realm(replays, &records, Clients::new(test_clients(arguments.with_app))?).await?,
        };
        if let (Some(_), Some(agents)) = (arguments.with_agent, &agents) {
            tenants.ask_agents(agents);
        }
        let back_channel = BackChannel::new(tenants.all().any(|tenant| tenant.clients.hear_by_tls()))?;
        Ok(Self {
            hosts: AllowedHosts::new(&address, &hosts, autologon.as_deref()),
            autologon,
            handovers: Handovers::new(records.clone()),
            cookies: Cookies::of_address(&address),
            address,
            tenants,
            sessions: Sessions::new(records.clone(), lifetime, without_store),
            lockout: Arc::new(Lockout::new(records.clone(), limits.wrong_passwords_of_address)),
            judged: JudgedTickets::default(),
            pages: Pages::new()?,
            sealing: KeyRing::new(records.clone()),
            used_assertions: UsedAssertions::new(records.clone()),
            client_assertions: ClientAssertions::new(records.clone()),
            grants: Grants::new(records.clone(), limits.refresh_tokens_of_tenant),
            passwords: AppPasswords::new(records.clone()),
            back_channel,
            logouts: LogoutQueue::new(records.clone()),
            records,
            proxies,
            rates: Rates::new(limits.requests_per_second, limits.requests_at_once),
            limits,
            metrics: Metrics::new(),
            metrics_address,
            tls: None,
            agents,
            agents_socket: None,
            listens_on: String::new(),
            explains: arguments.explain || arguments.config.is_none(),
        })
    }

    /// Returns the parts of the server that are not ready for requests.
    pub(crate) async fn unready(&self) -> Vec<&'static str> {
        let keys = self.sealing.is_known() && self.tenants.all().all(|tenant| tenant.signing.is_known());
        let store = self.records.is_reachable().await;
        [("keys", keys), ("store", store)].into_iter().filter(|(_, is_ready)| !is_ready).map(|(part, _)| part).collect()
    }

    /// Returns the age of each kind of key, and of the last password hashes, in seconds.
    pub(crate) fn key_ages(&self, now: UnixTime) -> Vec<(Arc<str>, i64)> {
        let own = self.sealing.current_since(now).map(|since| ("continuation".into(), since));
        let signing = self.tenants.all().flat_map(|tenant| {
            let named = move |(algorithm, since)| match algorithm {
                SigningAlgorithm::Rs256 => (format!("signing:{}", tenant.name).into(), since),
                SigningAlgorithm::Es256 => (format!("signing-es256:{}", tenant.name).into(), since),
            };
            tenant.signing.current_since(now).map(named)
        });
        let own = own.into_iter().chain(signing);
        let keytabs = self.tenants.newest_keys().map(|(tenant, since)| (format!("keytab:{tenant}").into(), since));
        let hashes = self.tenants.all().filter_map(|tenant| {
            let last = tenant.hashes.as_ref()?.last_known()?.last;
            Some((format!("hashes:{}", tenant.name).into(), UnixTime::from_seconds(last)))
        });
        own.chain(keytabs).chain(hashes).map(|(key, since)| (key, now.seconds_since(since))).collect()
    }

    /// Makes the server's own keys if there are none, and replaces old keys. A request that needs keys does the same.
    /// Because of this task, the first client need not wait, and a server without requests replaces its keys too. The
    /// task also writes what is wrong with the keytabs into the log.
    pub(crate) async fn maintain_keys(&self) {
        let mut logged = Logged::default();
        loop {
            let now = clock::now();
            for table in self.tenants.all().filter_map(|tenant| tenant.hashes.as_ref()) {
                if let Err(error) = table.synchronised().await {
                    tracing::warn!(tenant = table.tenant(), "the age of the password hashes is not known: {error}");
                }
            }
            logged.log(&self.tenants.health(now), now);
            if let Err(error) = self.sealing.keys(now).await {
                tracing::error!("the server has no keys: {error}");
            }
            for tenant in self.tenants.all() {
                if let Err(error) = tenant.signing.keys(now).await {
                    tracing::error!(tenant = %tenant.name, "the tenant has no keys: {error}");
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
impl App {
    /// Returns a server whose state is in the memory of this process.
    pub(crate) async fn for_tests(config: Option<&std::path::Path>) -> Self {
        Self::on(Records::for_tests(), config).await
    }

    /// Returns a node whose state is in `records`.
    pub(crate) async fn on(records: Records, config: Option<&std::path::Path>) -> Self {
        let replays = Replays::Stored { records: records.clone(), epoch: UnixTime::from_seconds(0) };
        let arguments = Arguments::for_tests(config.map(Into::into));
        let config = config.map(|path| Config::load(path).unwrap());
        Self::new(config, &arguments, "http://sso.test", records, &replays).await.unwrap()
    }
}

/// Returns the epoch of the store. If the store cannot be reached, `without_store` decides whether the server starts.
async fn began(records: &Records, without_store: WithoutStore) -> Result<UnixTime, String> {
    let now = clock::now();
    match (epoch(records, now).await, without_store) {
        (Ok(epoch), _) => Ok(epoch),
        (Err(error @ StoreError::Foreign(_)), _) | (Err(error), WithoutStore::Refuse) => Err(error.to_string()),
        (Err(error), WithoutStore::Passwords) => {
            tracing::error!(
                "{error}; until the store answers, users sign in by password only, and their sessions are in this \
                 process"
            );
            Ok(now)
        }
    }
}

const LOOK_EVERY: Duration = Duration::from_secs(30);
