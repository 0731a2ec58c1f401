//! The reasons why the store cannot decide.

use crate::settings::MAX_CLOCK_OFFSET;
use std::fmt;
use thiserror::Error;

/// The reason why the store does not decide about authenticators now.
///
/// `Display` is a sentence for the operator of the store. It has no password. `Debug` prints the same sentence, since `main`
/// prints an error so.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// An address cannot be used.
    #[error("{address:?} is no address of a store: {reason}; write redis://HOST:PORT, or rediss:// for TLS")]
    Address {
        /// The address, without its user and password.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A node does not answer, or ends the connection.
    #[error("{node} cannot be reached: {reason}; check that it runs, and the network between")]
    Unreachable {
        /// The node's host and port.
        node: String,
        /// The error of the connection.
        reason: String,
    },
    /// A node answers too late. Whether it took the authenticator is not known.
    #[error("{node} did not answer in time; check its load and the network between")]
    TimedOut {
        /// The node's host and port.
        node: String,
    },
    /// A node refuses this client's user or password, or a command.
    #[error(
        "{node} refuses this client: {reason}; the user needs the keys ~{{}}r* and the commands +set +info +time +wait \
         +waitaof +asking +cluster|slots +client|tracking +hello"
    )]
    Denied {
        /// The node's host and port.
        node: String,
        /// The node's own words.
        reason: String,
    },
    /// A node may throw away what it remembers.
    #[error(
        "{node} has maxmemory-policy {policy}, so it may forget an authenticator that can still be replayed; set noeviction"
    )]
    Evicts {
        /// The node's host and port.
        node: String,
        /// Its policy.
        policy: String,
    },
    /// The clocks differ.
    #[error(
        "the clock of {node} is {offset_seconds} s from this server's, and {} s are allowed; synchronise both",
        MAX_CLOCK_OFFSET.as_secs()
    )]
    Clock {
        /// The node's host and port.
        node: String,
        /// The node's time less this server's.
        offset_seconds: i64,
    },
    /// A node that should be a master is a replica.
    #[error("{node} is a replica; replay caches write to masters only, so name the master, or the sentinels")]
    Replica {
        /// The node's host and port.
        node: String,
    },
    /// A master that sentinels watch takes writes when it is cut off from its replicas.
    #[error(
        "{node} takes writes without a replica, so a master that is cut off admits what its successor admits again; set \
         min-replicas-to-write 1"
    )]
    IsolatedMaster {
        /// The node's host and port.
        node: String,
    },
    /// The node is no engine that this crate knows, or one without RESP3: Redis before 6.
    #[error("{node} is not a Redis 6, a Valkey or a later one: {reason}")]
    Engine {
        /// The node's host and port.
        node: String,
        /// What it lacks.
        reason: String,
    },
    /// The cluster, or the sentinels, cannot say which node serves.
    #[error("no node serves: {reason}")]
    NoNode {
        /// The reason.
        reason: String,
    },
    /// The node cannot take writes now: it loads, fails over, or has too few replicas.
    #[error("{node} takes no writes now: {reason}")]
    NotWritable {
        /// The node's host and port.
        node: String,
        /// The node's own words.
        reason: String,
    },
    /// Too few replicas or disks confirmed the write.
    #[error("{node} could not confirm the write: {confirmed} of {demanded} did")]
    Unconfirmed {
        /// The node's host and port.
        node: String,
        /// How many replicas, or disks, confirmed.
        confirmed: i64,
        /// How many must.
        demanded: i64,
    },
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StoreError {
    /// Sorts an error of the client crate about `node`.
    pub(crate) fn of(node: &str, error: &redis::RedisError) -> Self {
        use redis::{ErrorKind, ServerErrorKind};
        let (node, reason) = (node.to_owned(), error.to_string());
        match error.kind() {
            _ if error.is_timeout() => Self::TimedOut { node },
            ErrorKind::AuthenticationFailed | ErrorKind::Server(ServerErrorKind::NoPerm) => {
                Self::Denied { node, reason }
            }
            _ if matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM")) => Self::Denied { node, reason },
            ErrorKind::RESP3NotSupported | ErrorKind::Parse | ErrorKind::UnexpectedReturnType => {
                Self::Engine { node, reason }
            }
            ErrorKind::Server(_) | ErrorKind::Extension => Self::NotWritable { node, reason },
            _ => Self::Unreachable { node, reason },
        }
    }
}
