//! A replay cache for [`kerberos_sso`] that several servers share, in Valkey or Redis: one server, a master that sentinels
//! choose, or a cluster.
//!
//! With [`MemoryReplayCache`](kerberos_sso::replay::MemoryReplayCache), a second server behind the same load balancer admits the
//! authenticator that the first one has admitted. With this cache, exactly one of all servers admits it.
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
//! # The store
//! Redis 6.2 or later, or Valkey, with `maxmemory-policy noeviction`, and memory for the sign-ins of two clock skews: about 110
//! octets each. The store's clock and the servers' are synchronised to two seconds. A node that is not so is refused, with
//! the reason ([`StoreError`]).
//!
//! This crate needs a user with few rights:
//!
//! ```text
//! ACL SETUSER sso on >secret ~{}r* +set +info +time +wait +waitaof +asking +cluster|slots +client|tracking +hello
//! ```
//!
//! # When the store forgets
//! A node that restarts without its data, is promoted, or is emptied has forgotten authenticators that were admitted. The cache
//! knows it before it believes the node again. It then refuses every authenticator that is not younger
//! ([`Admission::TooOld`](kerberos_sso::replay::Admission::TooOld)).
//!
//! | the client's clock | after the node forgot | what an attacker can replay from before |
//! |---|---|---|
//! | is right | the client is served from the next second on | nothing |
//! | is slow | the client is refused until its clock has passed that second | nothing |
//! | is fast, by at most one skew | the client is served at once | what the client showed within its offset before, until it ends |
//!
//! [`Builder::with_strict_start`] closes the last row, and refuses all clients for a while. Only [`Builder::first_start`] waives
//! the rule: the operator's word that nothing was admitted before.
//!
//! The cache learns that a node forgot from its `INFO`, at each connection: the process, its history of writes, and how often it was
//! emptied. A node that is emptied while it is connected says so itself, before its next answer (`CLIENT TRACKING`).
//!
//! What it cannot know: an administrator who deletes single keys, swaps databases, or loads an old copy of the data into a
//! running process.
//!
//! # Several masters
//! In a partition, an old master must stop to take writes before a new one begins. A cluster sees to it with
//! `cluster-node-timeout`. With sentinels, the master needs `min-replicas-to-write`, which this crate demands.

mod builder;
mod cache;
mod error;
mod info;
mod link;
mod memory;
mod nodes;
mod outcomes;
mod settings;
mod slot;

pub use builder::Builder;
pub use cache::ValkeyReplayCache;
pub use error::StoreError;
pub use outcomes::Outcomes;

#[cfg(test)]
mod tests;
