//! The settings of a replay cache before it connects to its store.

use crate::address::{Certificates, info};
use crate::cache::{Shared, ValkeyReplayCache};
use crate::error::StoreError;
use crate::nodes::{Nodes, Topology};
use crate::sentinels::Sentinels;
use crate::settings::{CONNECT_TIMEOUT, Confirmation, MAX_TIMEOUT, Settings, Start, system_time};
use kerberos_sso::replay::MemoryReplayCache;
use redis::ConnectionInfo;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The settings of a replay cache before it connects to its store.
#[must_use = "only `connect` and `start` make the cache"]
pub struct Builder {
    addresses: Addresses,
    /// The user and the password for the master that the sentinels name.
    master: Option<(String, String)>,
    entries: usize,
    client_share: Option<u16>,
    is_first_start: bool,
    settings: Settings,
    certificates: Certificates,
}

/// The addresses of the store.
enum Addresses {
    Single(String),
    Sentinel { service: String, sentinels: Vec<String> },
    Cluster(Vec<String>),
}

impl ValkeyReplayCache {
    /// Begins the configuration of a cache whose store is one server. `address` is
    /// `redis://[USER:PASSWORD@]HOST[:PORT]`, or `rediss://…` for TLS.
    ///
    /// `clock_skew` is the policy's clock skew ([`Policy::clock_skew`](kerberos_sso::Policy::clock_skew)). All validators
    /// that share the store must have the same clock skew.
    pub fn single(address: &str, clock_skew: Duration) -> Builder {
        Builder::new(Addresses::Single(address.into()), clock_skew)
    }

    /// Begins the configuration of a cache whose store is the master that sentinels know as `service`. `sentinels` are
    /// the addresses of all sentinels. More than half of the sentinels must name the same master.
    ///
    /// The master must have `min-replicas-to-write 1` or more; only the number of all replicas is safe. Without this
    /// setting, a master that is cut off continues to accept writes. The new master can then admit the same
    /// authenticators again.
    pub fn sentinel<'a>(service: &str, sentinels: impl IntoIterator<Item = &'a str>, clock_skew: Duration) -> Builder {
        let sentinels = sentinels.into_iter().map(Into::into).collect();
        Builder::new(Addresses::Sentinel { service: service.into(), sentinels }, clock_skew)
    }

    /// Begins the configuration of a cache whose store is a cluster. `seeds` are the addresses of some nodes of the
    /// cluster. At least one seed must answer.
    pub fn cluster<'a>(seeds: impl IntoIterator<Item = &'a str>, clock_skew: Duration) -> Builder {
        Builder::new(Addresses::Cluster(seeds.into_iter().map(Into::into).collect()), clock_skew)
    }
}

impl Builder {
    fn new(addresses: Addresses, clock_skew: Duration) -> Self {
        let settings = Settings {
            clock_skew,
            connect_timeout: CONNECT_TIMEOUT,
            timeout: Duration::from_millis(100),
            start: Start::Default,
            confirmation: Confirmation::Master,
            isolated_master_is_allowed: false,
            clock: system_time,
        };
        Self {
            addresses,
            master: None,
            entries: 60_000,
            client_share: None,
            is_first_start: false,
            settings,
            certificates: Certificates::default(),
        }
    }

    /// Also refuses authenticators that clients with a fast clock can have sent before a node lost its memory.
    ///
    /// Every client is then refused for one clock skew and five seconds after the restart, the failover or the
    /// `FLUSHALL`. Without this setting, a client with a correct clock is accepted from the second after the loss on.
    /// But if a client's clock is N seconds fast, an attacker can then replay the authenticators that the client sent
    /// in the last N seconds before that second.
    pub fn with_strict_start(mut self) -> Self {
        self.settings.start = Start::Strict;
        self
    }

    /// States that the store is new, so that no authenticator was admitted before. The cache then assumes that the
    /// processes which [`connect`](Self::connect) finds have forgotten nothing. The cache does not assume this about
    /// processes of the store that start later.
    ///
    /// **If servers used the store before, every authenticator that a restart of the store forgot can be replayed.**
    pub fn first_start(mut self) -> Self {
        self.is_first_start = true;
        self
    }

    /// Sets the longest time that a request waits for the store, at most one second. The default is 100 ms.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout.min(MAX_TIMEOUT);
        self
    }

    /// Admits a request only if at least `replicas` replicas have its authenticator in memory (`WAIT`). A request then waits
    /// for the next acknowledgement of the replicas, within the time-out.
    pub fn confirmed_by_replicas(mut self, replicas: u16) -> Self {
        self.settings.confirmation = Confirmation::Replicas(replicas);
        self
    }

    /// Admits a request only if the master and at least `replicas` replicas have its authenticator on disk (`WAITAOF`;
    /// Valkey, or Redis 7.2 and later).
    pub fn confirmed_on_disk(mut self, replicas: u16) -> Self {
        self.settings.confirmation = Confirmation::Disk { replicas };
        self
    }

    /// Accepts a master that the sentinels name even if the master does not set `min-replicas-to-write`.
    ///
    /// **While such a master is cut off, the master and its successor can both admit the same authenticator.**
    pub fn allow_isolated_master(mut self) -> Self {
        self.settings.isolated_master_is_allowed = true;
        self
    }

    /// Sets the user and the password for the master that the sentinels name. The default is the user and the password in the
    /// first sentinel's address.
    pub fn with_master_credentials(mut self, user: &str, password: &str) -> Self {
        self.master = Some((user.into(), password.into()));
        self
    }

    /// Sets the number of live authenticators that this process can admit. Set it to the number of sign-ins within two
    /// clock skews. The default is 60,000, enough for 100 sign-ins a second with a skew of five minutes. See
    /// [`MemoryReplayCache`].
    pub fn with_entries(mut self, entries: usize) -> Self {
        self.entries = entries;
        self
    }

    /// Limits the number of live authenticators of one client in this process. The default is one fiftieth of
    /// [`with_entries`](Self::with_entries), and at least 100. Each process counts only the authenticators that it
    /// admits, so the store may have this number for each process.
    pub fn with_client_share(mut self, share: u16) -> Self {
        self.client_share = Some(share);
        self
    }

    /// Sets the only certificate authority, in PEM, that may issue the store's certificate. Without this setting, each
    /// authority that the operating system trusts may issue that certificate.
    #[cfg(feature = "tls")]
    pub fn with_root_certificate(mut self, pem: &[u8]) -> Self {
        self.certificates().root_cert = Some(pem.into());
        self
    }

    /// Authenticates this server to the store by a client certificate and its key, both in PEM.
    #[cfg(feature = "tls")]
    pub fn with_client_certificate(mut self, certificate: &[u8], key: &[u8]) -> Self {
        let (client_cert, client_key) = (certificate.into(), key.into());
        self.certificates().client_tls = Some(redis::ClientTlsConfig { client_cert, client_key });
        self
    }

    #[cfg(feature = "tls")]
    fn certificates(&mut self) -> &mut redis::TlsCertificates {
        self.certificates.0.get_or_insert(redis::TlsCertificates { client_tls: None, root_cert: None })
    }

    /// Connects to the masters of the store, and checks that each master is fit ([`StoreError`]).
    ///
    /// Call this method in a runtime of Tokio.
    ///
    /// # Errors
    /// Returns [`StoreError`] if a node cannot be reached or is not fit. [`start`](Self::start) returns a cache without
    /// this check.
    pub async fn connect(self) -> Result<ValkeyReplayCache, StoreError> {
        let is_first_start = self.is_first_start;
        let shared = self.shared()?;
        shared.nodes.connect(is_first_start).await?;
        Ok(ValkeyReplayCache::new(shared))
    }

    /// Returns a cache without waiting for the store. Until the store can be reached, each request is refused as
    /// [`Failed`](kerberos_sso::replay::Admission::Failed). [`ValkeyReplayCache::fault`] returns the reason.
    ///
    /// [`first_start`](Self::first_start) has no effect with this method, because the cache has not connected to any
    /// process of the store yet.
    ///
    /// # Errors
    /// Returns [`StoreError::Address`] if an address cannot be used.
    pub fn start(self) -> Result<ValkeyReplayCache, StoreError> {
        Ok(ValkeyReplayCache::new(self.shared()?))
    }

    fn shared(self) -> Result<Arc<Shared>, StoreError> {
        let topology = match &self.addresses {
            Addresses::Single(address) => Topology::Single(self.info(address)?),
            Addresses::Sentinel { service, sentinels } => {
                let sentinels = self.infos(sentinels)?;
                let master = self.model(&sentinels)?;
                Topology::Sentinel { sentinels: Sentinels::of(service, sentinels), master }
            }
            Addresses::Cluster(seeds) => {
                let seeds = self.infos(seeds)?;
                let model = self.model(&seeds)?;
                Topology::Cluster { seeds, model }
            }
        };
        // `own` also accepts authenticators with times before its start, because the store remembers whether they were
        // admitted.
        let own = MemoryReplayCache::new(self.entries, self.settings.clock_skew, (self.settings.clock)());
        let own = own.taking_earlier_authenticators();
        let own = match self.client_share {
            Some(share) => own.with_client_share(share),
            None => own,
        };
        Ok(Arc::new(Shared::new(Nodes::new(topology, self.settings), own, self.settings)))
    }

    fn infos(&self, addresses: &[String]) -> Result<Vec<ConnectionInfo>, StoreError> {
        addresses.iter().map(|address| self.info(address)).collect()
    }

    fn info(&self, address: &str) -> Result<ConnectionInfo, StoreError> {
        info(address, &self.certificates)
    }

    /// Returns the settings with which the cache connects to a node that sentinels or other nodes name. They are the
    /// settings of the first address in `named`.
    fn model(&self, named: &[ConnectionInfo]) -> Result<ConnectionInfo, StoreError> {
        let none = || StoreError::Address { address: String::new(), reason: "no address is given".into() };
        let model = named.first().ok_or_else(none)?.clone();
        let Some((user, password)) = &self.master else { return Ok(model) };
        let settings = model.redis_settings().clone().set_username(user).set_password(password);
        Ok(model.set_redis_settings(settings))
    }

    /// Uses `clock` as this server's clock, and waits up to a minute for the store, so that tests also pass on a busy
    /// machine.
    #[cfg(test)]
    pub(crate) fn for_tests(mut self, clock: fn() -> kerberos_sso::UnixTime) -> Self {
        let minute = Duration::from_secs(60);
        self.settings = Settings { clock, connect_timeout: minute, timeout: minute, ..self.settings };
        self
    }
}

impl fmt::Debug for Builder {
    /// Prints the settings without the addresses, because an address may contain a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("settings", &self.settings).finish_non_exhaustive()
    }
}
