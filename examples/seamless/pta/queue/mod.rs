//! The queue between the node that owns a job and the nodes to which agents are connected.
//!
//! The queue is in memory, and delivers each message at most once. A waiting offer has no credential: the owner seals
//! the password only to an agent that has claimed the job. The owner is the node that has the user's request. If an
//! attempt is lost, the owner tries again.
//!
//! - [`Gateway`] has the agents that are connected to one node.
//! - [`Queue`] brings offers to gateways, and jobs to the agents that have claimed them. [`InProcess`] is the queue of a
//!   server with one node.
//! - [`ask`] does the work of the owner: it offers the job, seals the password, and checks the answer.

mod gateway;
mod in_process;
mod owner;
#[cfg(test)]
mod tests;
mod turn;

pub use gateway::{AnswerError, ConnectionId, Gateway, Place, Taken};
pub use in_process::InProcess;
pub use owner::{Done, Node, Verdict, ask};
pub use turn::{MAX_WAITING, Turn, Turns};

use crate::agent::AgentId;
use crate::message::{Answer, Job};
use crate::seal::KeyId;
use crate::terms::JobId;
use crate::user::Tenant;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The transport of offers and jobs between nodes. The methods return boxed futures, so that a server can choose its
/// queue at run time.
pub trait Queue: Send + Sync {
    /// Offers a job to all agents of its tenant, and returns the first claim. Returns at once if no agent of the tenant
    /// is connected.
    fn offer<'a>(&'a self, offer: &'a Offer) -> Pending<'a, Result<Claim, NoClaim>>;

    /// Sends a job to the agent that has claimed it, and returns the agent's answer. Returns at once if the agent is
    /// gone. If the future is dropped, a later answer is refused.
    fn send(&self, claim: Claim, job: Job) -> Pending<'_, Result<Answer, Lost>>;

    /// Brings the offers and jobs of the queue to the agents of this node from now on.
    fn serve(&self, gateway: Arc<Gateway>);
}

/// The boxed future that a method of [`Queue`] or [`Node`] returns.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A job that waits for an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The number of the job.
    pub job: JobId,
    /// The tenant whose agents may claim the job.
    pub tenant: Tenant,
    /// The agent that may not claim the job, because it had the first attempt.
    pub excluded: Option<AgentId>,
    /// The time within which an agent must claim the job.
    pub wait: Duration,
}

/// The claim of an agent. For [`HOLD`](crate::time::HOLD), the gateway reserves a request of the agent for the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The job.
    pub job: JobId,
    /// The agent.
    pub agent: AgentId,
    /// The identifier of the agent's sealing key. The owner gets the public key from the registry, and not from this
    /// message.
    pub key: KeyId,
}

/// The reason why no agent has claimed a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoClaim {
    /// No agent of the tenant is connected.
    NoAgent,
    /// All agents have as many jobs as they can take.
    Busy,
}

/// The error if the agent is gone, or if its claim on the job has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;
