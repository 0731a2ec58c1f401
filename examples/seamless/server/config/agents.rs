//! The configuration of the agents that validate passwords, and of the broker between the nodes to which agents are
//! connected.
//!
//! `"agents": { "listen": "0.0.0.0:8443", "nodes": ["https://n1.contoso.test:8443", "https://n2.contoso.test:8443"],
//! "broker": { "url": "nats://broker.contoso.test:4222", "node": "n1", "ca": "nodes-ca.pem", "certificate": "n1.pem", "key":
//! "n1.key" } }`

use crate::store::Engine;
use seamless_pta::message::{NodeUrl, ProgramVersion};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The listener for agents. Only agents connect to this listener, so a firewall can block everybody else.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentsConfig {
    /// The address of the listener. A proxy in front of the listener must pass TLS through.
    pub(crate) listen: SocketAddr,
    /// The addresses at which agents reach the nodes, as `https://HOST:PORT`. The first address is that of this node.
    pub(crate) nodes: Vec<String>,
    /// The number of jobs that one agent takes at the same time.
    #[serde(default = "AgentsConfig::concurrency")]
    pub(crate) concurrency: u16,
    /// The oldest version of the agent's program that may take jobs.
    #[serde(default = "AgentsConfig::min_version")]
    pub(crate) min_version: String,
    /// The Unix socket on which `seamless agents` asks this server. Without this field, the socket is beside the state
    /// on disk.
    pub(crate) socket: Option<PathBuf>,
    /// The broker between several nodes. Without this field, only the agents that are connected to this node validate
    /// its passwords.
    pub(crate) broker: Option<BrokerConfig>,
}

/// The broker, which is NATS. Only a server with the feature `nats` can use a broker. `deploy/nats-server.conf` is the
/// configuration of the broker itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BrokerConfig {
    /// The address, like `nats://broker.contoso.test:4222`.
    pub(crate) url: String,
    /// The name of this node: small letters, digits and hyphens. No other node may have this name.
    pub(crate) node: String,
    /// The files for mutual TLS, in PEM: the authority of the broker, and the certificate and the key of this node.
    /// Only a broker on this machine can be used without these files.
    pub(crate) ca: Option<PathBuf>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
}

impl AgentsConfig {
    /// Returns the configuration of a server whose agents are on the same machine.
    pub(crate) fn of_loopback(listen: SocketAddr) -> Self {
        let (concurrency, min_version) = (2, Self::min_version());
        Self { listen, nodes: vec![format!("https://{listen}")], concurrency, min_version, socket: None, broker: None }
    }

    const fn concurrency() -> u16 {
        8
    }

    fn min_version() -> String {
        "0.0.0".into()
    }

    /// Returns the paths, which are relative to the folder of the configuration file.
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let broker =
            self.broker.iter_mut().flat_map(|broker| [&mut broker.ca, &mut broker.certificate, &mut broker.key]);
        broker.flatten().chain(self.socket.as_mut())
    }

    /// Refuses values that are not valid, or that cannot be used with the engine of the store. Nodes that share a
    /// broker must also share a store, so that they know the same agents.
    pub(super) fn check(&self, engine: Option<&Engine>) -> Result<(), String> {
        if self.nodes.is_empty()
            || self.nodes.len() > 64
            || self.nodes.iter().any(|node| NodeUrl::parse(node).is_none())
        {
            return Err("agents: nodes: write from 1 to 64 addresses like https://n1.contoso.test:8443".into());
        }
        if !(1..=64).contains(&self.concurrency) {
            return Err("agents: concurrency must be from 1 to 64".into());
        }
        if ProgramVersion::new(self.min_version.as_str()).is_none() {
            return Err("agents: min_version: write a version like 0.1.0".into());
        }
        match &self.broker {
            Some(_) if !matches!(engine, Some(Engine::Valkey { .. })) => {
                Err("agents: broker: nodes with a broker need a shared store; name `valkey` in `state`".into())
            }
            Some(broker) => broker.check(),
            None => Ok(()),
        }
    }
}

impl BrokerConfig {
    fn check(&self) -> Result<(), String> {
        let is_ours = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-';
        if !(1..=63).contains(&self.node.len()) || !self.node.bytes().all(is_ours) {
            return Err("agents: broker: node: the name may have only small letters, digits and hyphens".into());
        }
        if !self.url.starts_with("nats://") {
            return Err("agents: broker: url: write an address like nats://broker.contoso.test:4222".into());
        }
        let files = [&self.ca, &self.certificate, &self.key].into_iter().flatten().count();
        if files == 0 || files == 3 {
            Ok(())
        } else {
            Err("agents: broker: give all three of `ca`, `certificate` and `key`, or none".into())
        }
    }
}
