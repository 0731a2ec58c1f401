//! The queue between the nodes of a sign-in server, on NATS.
//!
//! A user's request comes to one node, but the agents of the user's tenant may be connected to another node. [`Nats`]
//! carries the offer of a job to a node with agents of the tenant, then the job with the sealed password. Then it
//! carries the answer back:
//!
//! | subject | request | reply |
//! |---|---|---|
//! | `pta.<tenant>.offer`, one node of the group | [`message::Offer`] | [`message::Reply`] |
//! | `pta.node.<node>.job` | [`Job`](seamless_pta::message::Job) | [`message::Delivered`] |
//!
//! A node prefers its own agents. It asks the broker only if all its agents are busy, or if it has none. So a node's
//! own agents still get jobs while the broker cannot be reached. The queue delivers each message at most once, and
//! stores nothing. If a message is lost, the owner of the job tries again.
//!
//! # What the broker can do
//! The broker and everybody who can publish on these subjects see names and times. They cannot read a password or an answer:
//! the password is sealed to one agent, and the answer to the owner of the job. They can forge neither a "yes" nor a refusal.
//! They can drop messages, and so deny service. The owner counts an attempt without an answer as a wrong password. No message
//! has the public sealing key of an agent. Without this key, an attacker cannot ask an agent about a guessed password. Each
//! node authenticates to the broker by a certificate, and `deploy/nats-server.conf` has the subjects that the node may use.

pub mod broker;
mod client;
#[cfg(test)]
mod matrix;
pub mod message;
mod queue;
mod serving;
pub mod subject;

pub use client::{Access, ConnectError, Tls};
pub use queue::Nats;
pub use subject::NodeName;
