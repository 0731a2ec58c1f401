//! The queue between the nodes of a sign-in server, on NATS.
//!
//! A user's request comes to one node, and the agents of the user's tenant may ask another one. [`Nats`] brings the offer of
//! a job to a node with such agents, then the sealed password, and the answer back:
//!
//! | subject | request | reply |
//! |---|---|---|
//! | `pta.<tenant>.offer`, one node of the group | [`message::Offer`] | [`message::Reply`] |
//! | `pta.node.<node>.job` | [`Job`](seamless_pta::message::Job) | [`message::Delivered`] |
//!
//! A node prefers its own agents, and asks the broker only if they are all busy or there are none. So they serve while the
//! broker is away. The queue delivers at most once and stores nothing: the owner of a job tries again.
//!
//! # What the broker can do
//! The broker and whoever can publish on these subjects see names and times, but no password and no answer: the password is
//! sealed to one agent, and the answer to the owner of the job. They can make neither a "yes" nor a refusal. They can drop
//! messages, which denies service; the owner counts an attempt without an answer as a wrong password. No message has the public
//! sealing key of an agent, without which nobody asks an agent about a password of their own choice. Each node proves itself to
//! the broker by a certificate, and `deploy/nats-server.conf` has the subjects that it may use.

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
