//! The nodes of Valkey or Redis: one server, a master that sentinels choose, or a cluster.

use super::Key;
use kerberos_sso_valkey::Sentinels;
use redis::aio::{ConnectionLike as _, MultiplexedConnection};
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, SingleNodeRoutingInfo, SlotAddr};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, FromRedisValue, IntoConnectionInfo as _, RedisResult,
    TlsCertificates, Value,
};
use serde::Deserialize;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

/// The addresses of the nodes, as the configuration has them. An address is `redis://[USER:PASSWORD@]HOST[:PORT]`, or
/// `rediss://…` for TLS.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
#[cfg_attr(test, derive(Debug))]
pub(crate) enum Nodes {
    Single(String),
    /// The master that these sentinels know as `service`. The server uses the user and the password of the first address for
    /// the master.
    Sentinels {
        service: String,
        sentinels: Vec<String>,
    },
    /// Some nodes of a cluster.
    Cluster {
        cluster: Vec<String>,
    },
}

/// Makes connections to the nodes.
pub(super) enum Connector {
    Single(Client),
    Sentinels {
        sentinels: Sentinels,
        /// The address of the first sentinel. The server uses the user, the password and the TLS of this address for the
        /// master.
        model: String,
        authority: Authority,
    },
    Cluster(Box<ClusterClient>),
}

/// A connection to the master, or to all masters of a cluster. Clones share the connection.
#[derive(Clone)]
pub(super) enum Connection {
    Master(MultiplexedConnection),
    /// The master that most sentinels named.
    Named(MultiplexedConnection, Master),
    Cluster(ClusterConnection),
}

/// The host and the port of a master.
pub(super) type Master = (String, u16);

/// The authority that issued the certificates of the nodes, in PEM. If the value is `None`, the server trusts the authorities
/// of the operating system.
#[derive(Clone, Default)]
pub(crate) struct Authority(Option<Vec<u8>>);

impl Authority {
    pub(crate) fn read(path: Option<&Path>) -> Result<Self, String> {
        let read = |path: &Path| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
        Ok(Self(path.map(read).transpose()?))
    }

    pub(crate) fn pem(&self) -> Option<&[u8]> {
        self.0.as_deref()
    }

    fn certificates(&self) -> Option<TlsCertificates> {
        self.0.clone().map(|pem| TlsCertificates { client_tls: None, root_cert: Some(pem) })
    }
}

impl Nodes {
    pub(super) fn connector(&self, authority: &Authority) -> Result<Connector, String> {
        self.open(authority).map_err(|error| format!("`valkey` has no valid address: {error}"))
    }

    fn open(&self, authority: &Authority) -> Result<Connector, Box<dyn Error>> {
        // The server ignores an error, because another part of the process may already have chosen the same cryptography for
        // TLS.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(match self {
            Self::Single(address) => Connector::Single(Client::open(info(address, authority)?)?),
            Self::Sentinels { service, sentinels: addresses } => {
                let named = addresses.iter().map(String::as_str);
                let sentinels = match authority.pem() {
                    Some(pem) => Sentinels::with_root_certificate(service, named, pem)?,
                    None => Sentinels::new(service, named)?,
                };
                let model = addresses.first().ok_or("no sentinel is named")?.clone();
                Connector::Sentinels { sentinels, model, authority: authority.clone() }
            }
            Self::Cluster { cluster } => {
                let nodes = cluster.iter().map(|address| info(address, authority)).collect::<Result<Vec<_>, _>>()?;
                let builder = ClusterClientBuilder::new(nodes).connection_timeout(CONNECT_TIME).retries(REDIRECTIONS);
                let builder = match authority.certificates() {
                    Some(certificates) => builder.certs(certificates),
                    None => builder,
                };
                Connector::Cluster(Box::new(builder.build()?))
            }
        })
    }
}

/// Reads `redis://[USER:PASSWORD@]HOST[:PORT]`, or `rediss://…` for TLS. With an authority, each address must be
/// `rediss://…`.
fn info(address: &str, authority: &Authority) -> RedisResult<ConnectionInfo> {
    match authority.certificates() {
        Some(certificates) => Ok(Client::build_with_tls(address, certificates)?.get_connection_info().clone()),
        None => address.into_connection_info(),
    }
}

/// Returns the settings for the master at this address, with the user, the password and the TLS of `model`.
fn info_of((host, port): &Master, model: &str, authority: &Authority) -> RedisResult<ConnectionInfo> {
    let scheme = model.split_once("://").map_or("redis", |(scheme, _)| scheme);
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let settings = info(model, authority)?.redis_settings().clone();
    Ok(info(&format!("{scheme}://{host}:{port}"), authority)?.set_redis_settings(settings))
}

impl Connector {
    pub(super) async fn connect(&self) -> Result<Connection, Box<dyn Error + Send + Sync>> {
        Ok(match self {
            Self::Single(client) => Connection::Master(connect(client).await?),
            Self::Sentinels { sentinels, model, authority } => {
                let master = sentinels.master(CONNECT_TIME).await?;
                let mut connection = connect(&Client::open(info_of(&master, model, authority)?)?).await?;
                is_master(&mut connection).await?;
                Connection::Named(connection, master)
            }
            Self::Cluster(client) => Connection::Cluster(client.get_async_connection().await?),
        })
    }

    /// Returns whether most sentinels still name the master of this connection. The sentinels may have chosen another
    /// master while this node is cut off from them, or while the old master still answers.
    pub(super) async fn still_names(&self, used: &Master) -> bool {
        let Self::Sentinels { sentinels, .. } = self else { return true };
        sentinels.master(CONNECT_TIME).await.is_ok_and(|master| master == *used)
    }
}

async fn connect(client: &Client) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT_TIME));
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// Returns an error if the node is not a master. A node that the sentinels have just named perhaps does not yet know that it
/// is the master.
async fn is_master(connection: &mut MultiplexedConnection) -> Result<(), Box<dyn Error + Send + Sync>> {
    let described: String = redis::cmd("INFO").arg("replication").query_async(connection).await?;
    let is_master = described.lines().any(|line| line == "role:master");
    is_master.then_some(()).ok_or_else(|| "the node that the sentinels name is no master yet".into())
}

impl Connection {
    pub(super) async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> RedisResult<T> {
        match self {
            Self::Master(connection) | Self::Named(connection, _) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }

    /// Sends two commands together to the master of a key, and returns both answers.
    pub(super) async fn ask_both<T: FromRedisValue>(&mut self, commands: [Cmd; 2], key: &Key) -> RedisResult<T> {
        let mut pipe = redis::pipe();
        for command in commands {
            pipe.add_command(command);
        }
        let answers = match self {
            Self::Master(connection) | Self::Named(connection, _) => {
                connection.req_packed_commands(&pipe, 0, 2).await?
            }
            Self::Cluster(connection) => {
                let master = Route::with_key(key.as_bytes(), SlotAddr::Master);
                connection.route_pipeline(pipe, 0, 2, SingleNodeRoutingInfo::SpecificNode(master)).await?
            }
        };
        let answers = answers.into_iter().map(Value::extract_error).collect::<RedisResult<Vec<_>>>()?;
        Ok(redis::from_redis_value(Value::Array(answers))?)
    }
}

const CONNECT_TIME: Duration = Duration::from_secs(1);

/// The largest number of times that a cluster may redirect a command while the cluster moves slots.
const REDIRECTIONS: u32 = 3;
