//! A replay cache for [`kerberos_sso`] that several servers share. The store is Valkey or Redis: a single server, a master
//! that sentinels choose, or a cluster.
//!
//! With [`MemoryReplayCache`](kerberos_sso::replay::MemoryReplayCache), a second server behind the same load balancer admits
//! an authenticator that the first server has admitted. With this cache, only one of all servers admits the authenticator.
//!
//! ```no_run
//! use kerberos_sso::Policy;
//! use kerberos_sso_server::Server;
//! use kerberos_sso_valkey::ValkeyReplayCache;
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let policy = Policy::default();
//! let cache = ValkeyReplayCache::single("redis://sso:secret@10.0.0.5", policy.clock_skew()).connect().await?;
//! let server = Server::in_realm("HTTP/www.example.com").start_with("/etc/www/http.keytab", cache)?;
//! let layer = server.layer(); // for axum, hyper and tonic
//! # Ok(())
//! # }
//! ```
//!
//! The [manual](kerberos_sso::manual::several_nodes) helps operators: topology, memory, failures, log and metrics.
//!
//! # The store
//! The store must be Redis 6.2 or later, or Valkey, with `maxmemory-policy noeviction`. The store needs about 110
//! octets of memory for each sign-in within two clock skews. The clocks of the store and of the servers may differ by
//! two seconds at most. The cache refuses a node that does not meet these conditions, with the reason ([`StoreError`]).
//!
//! This crate needs a user with few rights:
//!
//! ```text
//! ACL SETUSER sso on >secret ~{}r* +set +info +time +wait +asking +cluster|slots +client|tracking +hello
//! ```
//!
//! [`Builder::confirmed_on_disk`] also needs `+waitaof`. At a sentinel, the user needs one right:
//!
//! ```text
//! ACL SETUSER sso on >secret +sentinel|get-master-addr-by-name
//! ```
//!
//! With the feature `tls`, `rediss://` addresses use TLS by rustls. If the process has no provider of cryptography when
//! the cache is made, the cache makes `ring` the default of the process. To use another provider, call its
//! `install_default` before you make the cache.
//!
//! # When the store forgets
//! A node that restarts without its data, is promoted, or is emptied may have lost authenticators that were admitted. The
//! cache detects this loss before it uses the node's next answer. The cache then refuses every authenticator whose time is
//! not later than the loss ([`Admission::TooOld`](kerberos_sso::replay::Admission::TooOld)).
//!
//! | the client's clock | after the loss | authenticators that were admitted before the loss and that an attacker can replay |
//! |---|---|---|
//! | is correct | the client is accepted from the next second on | none |
//! | is slow | the client is refused until its clock has passed the second of the loss | none |
//! | is fast, by at most one skew | the client is accepted at once | the authenticators of the last N seconds before the loss, if the client's clock is N seconds fast |
//!
//! The table compares the client's clock with this server's clock. If this server's clock is slow by two seconds, a client
//! with a correct clock counts as fast by two seconds.
//!
//! [`Builder::with_strict_start`] prevents the replay in the last row, and refuses all clients for a while. Only
//! [`Builder::first_start`] switches off these refusals: with this setting, the operator states that no authenticator was
//! admitted before.
//!
//! The cache reads the node's `INFO` at each connection and each second: the process, its history of writes, and the number
//! of times that it was emptied. A node that is emptied while it is connected notifies the cache before its next answer
//! (`CLIENT TRACKING`).
//!
//! The cache cannot detect these losses:
//! - An administrator deletes single keys, swaps databases, or loads an old copy of the data into a running process.
//! - An administrator empties the node and then resets the count (`CONFIG RESETSTAT`), before this process connects.
//! - The clock of the node's machine is slow when the node starts, and is corrected before this process connects. The
//!   node counts its uptime by that clock. So let the machine synchronise its clock before the node starts.
//! - A node of a cluster loses its memory, and gives slots to another node before this process connects. So move no
//!   slots for two clock skews after a loss.
//!
//! # Several masters
//! In a network partition, the old master must stop accepting writes before a new master accepts writes. In a cluster,
//! `cluster-node-timeout` ensures this. With sentinels, `min-replicas-to-write` ensures this under two conditions, so
//! this crate demands this setting. The setting must be the number of all replicas, because a master that is cut off
//! may still have some of its replicas. `min-replicas-max-lag` must be shorter than the sentinels'
//! `down-after-milliseconds`.

mod address;
mod attempt;
mod builder;
mod cache;
mod error;
mod info;
mod link;
mod memory;
mod nodes;
mod outcomes;
mod sentinels;
mod settings;
mod slot;

pub use builder::Builder;
pub use cache::ValkeyReplayCache;
pub use error::StoreError;
pub use outcomes::Outcomes;
pub use sentinels::Sentinels;

#[cfg(test)]
mod tests;
