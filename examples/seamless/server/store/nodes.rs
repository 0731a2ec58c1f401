//! The nodes of Valkey or Redis: one server, a master that sentinels choose, or a cluster.

use redis::aio::MultiplexedConnection;
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use redis::{AsyncConnectionConfig, Client, Cmd, ConnectionInfo, FromRedisValue, IntoConnectionInfo as _, RedisResult};
use serde::Deserialize;
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
    Sentinels(SentinelClient),
    Cluster(ClusterClient),
}

/// A connection to the master, or to all masters of a cluster. Clones share the connection.
#[derive(Clone)]
pub(super) enum Connection {
    Master(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Nodes {
    pub(super) fn connector(&self) -> RedisResult<Connector> {
        Ok(match self {
            Self::Single(address) => Connector::Single(Client::open(address.as_str())?),
            Self::Sentinels { service, sentinels } => {
                let sentinels = infos(sentinels)?;
                let settings = sentinels.first().map(|first| first.redis_settings().clone());
                let master =
                    settings.map(|settings| SentinelNodeConnectionInfo::default().set_redis_connection_info(settings));
                Connector::Sentinels(SentinelClient::build(
                    sentinels,
                    service.clone(),
                    master,
                    SentinelServerType::Master,
                )?)
            }
            Self::Cluster { cluster } => {
                let builder = ClusterClientBuilder::new(infos(cluster)?).connection_timeout(CONNECT_TIME);
                Connector::Cluster(builder.retries(REDIRECTIONS).build()?)
            }
        })
    }
}

fn infos(addresses: &[String]) -> RedisResult<Vec<ConnectionInfo>> {
    addresses.iter().map(|address| address.as_str().into_connection_info()).collect()
}

impl Connector {
    pub(super) async fn connect(&mut self) -> RedisResult<Connection> {
        let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT_TIME));
        Ok(match self {
            Self::Single(client) => {
                Connection::Master(client.get_multiplexed_async_connection_with_config(&config).await?)
            }
            Self::Sentinels(client) => Connection::Master(client.get_async_connection_with_config(&config).await?),
            Self::Cluster(client) => Connection::Cluster(client.get_async_connection().await?),
        })
    }
}

impl Connection {
    pub(super) async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> RedisResult<T> {
        match self {
            Self::Master(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }
}

const CONNECT_TIME: Duration = Duration::from_secs(1);

/// The largest number of times that a cluster may redirect a command while its slots move.
const REDIRECTIONS: u32 = 3;
