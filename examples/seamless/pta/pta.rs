//! Pass-through authentication without I/O: its messages, keys, certificates and states. The caller passes in the time
//! and random octets.
//!
//! A user types a password into the form of a sign-in server. The server cannot reach the user's directory, but an agent
//! beside the directory can. The agent connects outward to the server, and takes jobs:
//!
//! 1. The server offers a [`job`]. The offer has no credential.
//! 2. An agent claims the job. The server then seals the password to the key of that agent ([`seal`]).
//! 3. The agent asks the KDC for a ticket as the user, and binds the ticket to the job ([`terms`]).
//! 4. The server validates that ticket like a browser's ticket. So an agent cannot sign in a user whose password it did
//!    not get.
//!
//! [`queue`] brings a job to an agent, and the answer back. The queue waits by the timer of Tokio, and reads no other
//! clock.
//!
//! An agent gets its [`certificate`] with an [`enrolment`] token. The module [`agent`] has the states of an agent.

pub mod agent;
pub mod certificate;
pub mod encoding;
pub mod enrolment;
pub mod job;
pub mod message;
pub mod queue;
pub mod seal;
pub mod terms;
pub mod time;
pub mod user;
pub mod verdict;

pub use agent::{Agent, AgentId};
pub use encoding::{Fixed, Octets, Text};
pub use seal::{KeyId, SealingKey, SealingPublicKey};
pub use time::Time;
pub use user::{Kind, User};
