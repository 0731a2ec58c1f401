//! The nodes of Valkey or Redis: one server, a master that sentinels choose, or a cluster.

use kerberos_sso_valkey::Sentinels;
use redis::aio::MultiplexedConnection;
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, FromRedisValue, IntoConnectionInfo as _,
    RedisResult,
};
use serde::Deserialize;
use std::error::Error;
use std::time::Duration;

/// The addresses of the nodes, as the configuration has them. An address is `redis://[USER:PASSWORD@]HOST[:PORT]`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
#[cfg_attr(test, derive(Debug))]
pub(crate) enum Nodes {
    Single(String),
    /// The master that these sentinels know as `service`. The master has the user and the password of the first address.
    Sentinels {
        service: String,
        sentinels: Vec<String>,
    },
    /// Some nodes of a cluster.
    Cluster {
        cluster: Vec<String>,
    },
}

/// A maker of connections to the nodes.
pub(super) enum Connector {
    Single(Client),
    Sentinels {
        sentinels: Sentinels,
        /// An address of a sentinel. The master has the user, the password and the TLS of this address.
        model: ConnectionInfo,
    },
    Cluster(ClusterClient),
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

impl Nodes {
    pub(super) fn connector(&self) -> Result<Connector, String> {
        self.open().map_err(|error| format!("`valkey` has no valid address: {error}"))
    }

    fn open(&self) -> Result<Connector, Box<dyn Error>> {
        Ok(match self {
            Self::Single(address) => Connector::Single(Client::open(address.as_str())?),
            Self::Sentinels { service, sentinels: addresses } => {
                let sentinels = Sentinels::new(service, addresses.iter().map(String::as_str))?;
                let model = info(addresses.first().ok_or("no sentinel is named")?)?;
                Connector::Sentinels { sentinels, model }
            }
            Self::Cluster { cluster } => {
                let nodes: Vec<_> = cluster.iter().map(|address| info(address)).collect::<Result<_, _>>()?;
                let builder = ClusterClientBuilder::new(nodes).connection_timeout(CONNECT_TIME);
                Connector::Cluster(builder.retries(REDIRECTIONS).build()?)
            }
        })
    }
}

fn info(address: &str) -> RedisResult<ConnectionInfo> {
    address.into_connection_info()
}

impl Connector {
    pub(super) async fn connect(&self) -> Result<Connection, Box<dyn Error + Send + Sync>> {
        Ok(match self {
            Self::Single(client) => Connection::Master(connect(client).await?),
            Self::Sentinels { sentinels, model } => {
                let master = sentinels.master(CONNECT_TIME).await?;
                let address = ConnectionAddr::Tcp(master.0.clone(), master.1);
                let client = Client::open(model.clone().set_addr(address))?;
                let mut connection = connect(&client).await?;
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

/// Returns an error unless the node is a master. A node that the sentinels have just named may not know it yet.
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
}

const CONNECT_TIME: Duration = Duration::from_secs(1);

/// The largest number of times that a cluster may redirect a command while its slots move.
const REDIRECTIONS: u32 = 3;
