//! The reasons why the store cannot decide.

use crate::settings::MAX_CLOCK_OFFSET;
use std::fmt;
use thiserror::Error;

/// The reason why the store cannot decide about an authenticator.
///
/// `Display` is a sentence for the operator of the store, and contains no password. `Debug` prints the same sentence, because
/// a `main` that returns an error prints it by `Debug`.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// An address cannot be used.
    #[error("{address:?} is not a valid store address: {reason}; write redis://HOST:PORT, or rediss:// for TLS")]
    Address {
        /// The address, without its user and password.
        address: String,
        /// The reason why the address cannot be used.
        reason: String,
    },
    /// A node does not answer, or ends the connection.
    #[error("{node} cannot be reached: {reason}; check that the store runs, and check the network")]
    Unreachable {
        /// The node's host and port.
        node: String,
        /// The error of the connection.
        reason: String,
    },
    /// A node answers too late. The cache does not know whether the node stored the authenticator.
    #[error("{node} did not answer in time; check the network and the load of the store")]
    TimedOut {
        /// The node's host and port.
        node: String,
    },
    /// A node refuses the user, the password or a command of this server.
    #[error(
        "{node} refuses this server: {reason}; check the ACL rules of the user with which this server signs in. A node \
         of the store must allow the keys ~{{}}r* and the commands +set +info +time +wait +asking +cluster|slots \
         +client|tracking +hello; confirmed_on_disk also needs +waitaof. A sentinel must allow \
         +sentinel|get-master-addr-by-name"
    )]
    Denied {
        /// The node's host and port.
        node: String,
        /// The node's error text.
        reason: String,
    },
    /// A node may evict keys when its memory is full.
    #[error(
        "{node} has maxmemory-policy {policy}, so it may forget an authenticator that can still be replayed; set noeviction"
    )]
    Evicts {
        /// The node's host and port.
        node: String,
        /// The node's `maxmemory-policy`.
        policy: String,
    },
    /// The node's clock and this server's clock differ by more than two seconds.
    #[error(
        "the clock of {node} differs from this server's clock by {offset_seconds} s, but at most {} s are allowed; synchronise \
        both clocks",
        MAX_CLOCK_OFFSET.as_secs()
    )]
    Clock {
        /// The node's host and port.
        node: String,
        /// The node's time minus this server's time.
        offset_seconds: i64,
    },
    /// The node is a replica, but the cache needs a master.
    #[error(
        "{node} is a replica; replay caches write to masters only; give the address of the master, or the addresses of the \
        sentinels"
    )]
    Replica {
        /// The node's host and port.
        node: String,
    },
    /// A master that sentinels watch accepts writes when it is cut off from its replicas.
    #[error(
        "{node} accepts writes without a replica. If {node} is cut off, the next master can admit an authenticator that \
        {node} admitted; set min-replicas-to-write to the number of all replicas"
    )]
    IsolatedMaster {
        /// The node's host and port.
        node: String,
    },
    /// The node is neither Valkey nor Redis, or is too old for RESP3, such as Redis before version 6.
    #[error("{node} is neither Valkey nor Redis 6.2 or later: {reason}")]
    Engine {
        /// The node's host and port.
        node: String,
        /// The answer that this crate cannot use.
        reason: String,
    },
    /// The cluster has no master for the slot, or the sentinels do not agree on a master.
    #[error("no node of the store can be asked: {reason}")]
    NoNode {
        /// The reason why no node can be asked.
        reason: String,
    },
    /// The node cannot accept writes now: it loads its data, fails over, or has too few replicas.
    #[error("{node} accepts no writes now: {reason}")]
    NotWritable {
        /// The node's host and port.
        node: String,
        /// The node's error text.
        reason: String,
    },
    /// Fewer replicas or disks confirmed the write than the cache demands.
    #[error("{node} could not confirm the write: {confirmed} of {demanded} replicas or disks confirmed it")]
    Unconfirmed {
        /// The node's host and port.
        node: String,
        /// The number of replicas or disks that confirmed the write.
        confirmed: i64,
        /// The number of replicas or disks that must confirm the write.
        demanded: i64,
    },
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StoreError {
    /// Converts an error that the crate `redis` reports about `node`.
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
