//! The nodes of a store, and the choice of the node that serves a key.

mod cluster;
mod sentinel;

use crate::attempt::Attempt;
use crate::error::StoreError;
use crate::link::{Address, Demands, Link};
use crate::memory::{Memories, may_have_been_admitted};
use crate::sentinels::Sentinels;
use crate::settings::Settings;
use cluster::SlotMap;
use kerberos_sso::UnixTime;
use redis::{ConnectionAddr, ConnectionInfo};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

/// The topology of a store, with the addresses that the operator named.
#[derive(Debug)]
pub(crate) enum Topology {
    /// One server.
    Single(ConnectionInfo),
    /// A master that sentinels choose among several servers.
    Sentinel {
        sentinels: Sentinels,
        /// The connection settings for the master. The address in these settings is not used.
        master: ConnectionInfo,
    },
    /// A cluster of masters, among which the keys are divided.
    Cluster {
        seeds: Vec<ConnectionInfo>,
        /// The connection settings for each node. The address in these settings is not used.
        model: ConnectionInfo,
    },
}

/// The nodes that this process has met, with a connection to each node.
#[derive(Debug)]
pub(crate) struct Nodes {
    topology: Topology,
    settings: Settings,
    memories: Memories,
    met: Mutex<HashMap<Address, Arc<Node>>>,
    master: RwLock<Option<Address>>,
    slots: RwLock<SlotMap>,
    asking_for_slots: Attempt<()>,
    asking_for_master: Attempt<Address>,
}

/// One node. The first request that needs the connection opens the connection, and other requests wait for the outcome.
#[derive(Debug)]
pub(crate) struct Node {
    info: ConnectionInfo,
    link: RwLock<Option<Arc<Link>>>,
    connecting: Attempt<Weak<Link>>,
}

impl Nodes {
    pub(crate) fn new(topology: Topology, settings: Settings) -> Self {
        Self {
            topology,
            settings,
            memories: Memories::new(),
            met: Mutex::default(),
            master: RwLock::default(),
            slots: RwLock::default(),
            asking_for_slots: Attempt::default(),
            asking_for_master: Attempt::default(),
        }
    }

    /// Connects to all masters of the store.
    pub(crate) async fn connect(&self, is_first_start: bool) -> Result<(), StoreError> {
        let serving = match &self.topology {
            Topology::Single(info) => vec![address(info.addr())],
            Topology::Sentinel { .. } => vec![self.ask_for_master().await?],
            Topology::Cluster { .. } => {
                self.ask_for_slots().await?;
                self.slots.read().unwrap_or_else(PoisonError::into_inner).masters()
            }
        };
        for address in serving {
            self.link_to(&address, is_first_start).await?;
        }
        Ok(())
    }

    /// Returns the connection to the node that serves a slot.
    pub(crate) async fn link_for(&self, slot: u16) -> Result<Arc<Link>, StoreError> {
        let serving = match &self.topology {
            Topology::Single(info) => address(info.addr()),
            Topology::Sentinel { .. } => match self.known_master() {
                Some(master) => master,
                None => self.ask_for_master().await?,
            },
            Topology::Cluster { .. } => {
                if self.master_of(slot).is_none() {
                    self.ask_for_slots().await?;
                }
                let none = || StoreError::NoNode { reason: format!("the cluster has no master for slot {slot}") };
                self.master_of(slot).ok_or_else(none)?
            }
        };
        let link = self.link_to(&serving, false).await;
        if link.is_err() {
            self.doubt(&serving);
        }
        link
    }

    /// Returns the connection to a node, and opens the connection if there is none.
    pub(crate) async fn link_to(&self, address: &Address, is_first_start: bool) -> Result<Arc<Link>, StoreError> {
        let node = self.node(address);
        if let Some(link) = node.open_link() {
            return Ok(link);
        }
        let is_watched_by_sentinels = matches!(self.topology, Topology::Sentinel { .. });
        let demands = Demands { settings: self.settings, is_first_start, is_watched_by_sentinels };
        let connected = node.connecting.share(async {
            if let Some(link) = node.open_link() {
                return Ok(Arc::downgrade(&link));
            }
            let link = Arc::new(Link::open(&node.info, &self.memories, demands).await?);
            *node.link.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&link));
            Ok(Arc::downgrade(&link))
        });
        let ended = || StoreError::Unreachable {
            node: node.info.addr().to_string(),
            reason: "the connection ended at once".into(),
        };
        connected.await?.upgrade().ok_or_else(ended)
    }

    /// Stops using a connection that failed. The next request asks which node serves the key, and opens a new connection.
    pub(crate) fn drop_link(&self, failed: &Arc<Link>) {
        for address in self.close(failed) {
            self.doubt(&address);
        }
    }

    /// Notes that the node `to` serves a slot, because the node of `from` redirected a command to `to`.
    ///
    /// The node of `from` may be a replica now, so the cache opens a new connection before it uses that node as a
    /// master.
    pub(crate) fn note_move(&self, slot: u16, from: &Arc<Link>, to: &Address) {
        self.close(from);
        let lost_until = from.whole_after();
        self.slots.write().unwrap_or_else(PoisonError::into_inner).move_slot(slot, to, lost_until);
    }

    /// Returns whether an earlier master of this slot may have admitted this authenticator and lost it.
    pub(crate) fn may_have_forgotten(&self, slot: u16, client_time: UnixTime) -> bool {
        let whole_after = self.slots.read().unwrap_or_else(PoisonError::into_inner).whole_after(slot);
        let Settings { start, clock_skew, .. } = self.settings;
        may_have_been_admitted(client_time, whole_after, start, clock_skew)
    }

    /// Removes a connection from its nodes, and returns the addresses of these nodes.
    fn close(&self, unused: &Arc<Link>) -> Vec<Address> {
        let nodes = self.locked_met();
        let closes = |node: &Node| {
            let mut link = node.link.write().unwrap_or_else(PoisonError::into_inner);
            link.take_if(|link| Arc::ptr_eq(link, unused)).is_some()
        };
        nodes.iter().filter(|(_, node)| closes(node)).map(|(address, _)| address.clone()).collect()
    }

    /// Returns the connections that are open.
    pub(crate) fn open_links(&self) -> Vec<Arc<Link>> {
        self.locked_met().values().filter_map(|node| node.open_link()).collect()
    }

    /// Marks a node as unknown: the cache no longer uses it as the master, or as the master of its slots. The next
    /// request then asks for the slots or the master again.
    fn doubt(&self, address: &Address) {
        self.slots.write().unwrap_or_else(PoisonError::into_inner).forget(address);
        self.note_master(None);
    }

    fn known_master(&self) -> Option<Address> {
        self.master.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note_master(&self, master: Option<Address>) {
        *self.master.write().unwrap_or_else(PoisonError::into_inner) = master;
    }

    fn master_of(&self, slot: u16) -> Option<Address> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).master_of(slot)
    }

    fn locked_met(&self) -> std::sync::MutexGuard<'_, HashMap<Address, Arc<Node>>> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn node(&self, address: &Address) -> Arc<Node> {
        let mut nodes = self.locked_met();
        let node = nodes.entry(address.clone()).or_insert_with(|| {
            let info = self.topology.info_for(address);
            Arc::new(Node { info, link: RwLock::default(), connecting: Attempt::default() })
        });
        Arc::clone(node)
    }
}

impl Node {
    fn open_link(&self) -> Option<Arc<Link>> {
        let link = self.link.read().unwrap_or_else(PoisonError::into_inner);
        link.as_ref().filter(|link| !link.is_closed()).map(Arc::clone)
    }
}

impl Topology {
    /// Returns the connection settings for the node at this address. The user, the password and TLS are those that the
    /// server's configuration gives.
    fn info_for(&self, (host, port): &Address) -> ConnectionInfo {
        let model = match self {
            Self::Single(info) => return info.clone(),
            Self::Sentinel { master, .. } => master,
            Self::Cluster { model, .. } => model,
        };
        let addr = match model.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => ConnectionAddr::TcpTls {
                host: host.clone(),
                port: *port,
                insecure: *insecure,
                tls_params: tls_params.clone(),
            },
            _ => ConnectionAddr::Tcp(host.clone(), *port),
        };
        model.clone().set_addr(addr)
    }
}

/// Returns the host and port of an address. For a Unix socket, returns the path as the host.
fn address(addr: &ConnectionAddr) -> Address {
    match addr {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => (host.clone(), *port),
        other => (other.to_string(), 0),
    }
}

/// Sends one command to a node on a new connection. The node need not be fit, because it is not asked to remember keys.
pub(crate) async fn ask(
    info: &ConnectionInfo,
    question: &redis::Cmd,
    limit: Duration,
) -> Result<redis::Value, StoreError> {
    let node = info.addr().to_string();
    let error = |error| StoreError::of(&node, &error);
    let asked = async {
        // Without this setting, the client sends `CLIENT SETINFO`, which this crate's user may have no right to send.
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        let client = redis::Client::open(info.clone().set_redis_settings(settings)).map_err(error)?;
        let config =
            redis::AsyncConnectionConfig::new().set_connection_timeout(Some(limit)).set_response_timeout(Some(limit));
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await.map_err(error)?;
        question.query_async(&mut connection).await.map_err(error)
    };
    tokio::time::timeout(limit, asked).await.unwrap_or(Err(StoreError::TimedOut { node: node.clone() }))
}
