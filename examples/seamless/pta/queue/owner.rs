//! The owner of a job: the node that has the user's request. It takes the job through its states, and tries once more with
//! another agent.

use super::{NoClaim, Offer, Pending, Queue};
use crate::agent::AgentId;
use crate::encoding::Fixed;
use crate::job::{Claim, Offered, Outcome, Sealed, Ticket};
use crate::message;
use crate::seal::{KeyId, SealingPublicKey};
use crate::terms::JobId;
use crate::time::{Budget, Time};
use crate::user::{Tenant, User};
use crate::verdict::{Failure, Refusal, Told};
use tokio::time::timeout;
use zeroize::Zeroizing;

/// What the owner needs from its node: a clock, randomness, and the registry of agents.
pub trait Node: Send + Sync {
    /// Returns the present time.
    fn now(&self) -> Time;

    /// Returns octets from the random number generator of the operating system.
    fn random(&self) -> Zeroizing<[u8; 32]>;

    /// Returns the sealing key of an agent that may take jobs of the tenant, or `None`.
    fn sealing_key<'a>(
        &'a self,
        tenant: &'a Tenant,
        agent: AgentId,
        key: &'a KeyId,
    ) -> Pending<'a, Option<SealingPublicKey>>;
}

/// The word of a directory about a password.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// An agent has a ticket. The ticket is a "yes" only if the validator accepts it with its bindings.
    Ticket(Ticket),
    /// The directory refused the password.
    Refused {
        /// The agent that asked the directory.
        agent: AgentId,
        /// The reason.
        refusal: Refusal,
        /// The NTSTATUS of the KDC, if it sent one.
        status: Option<u32>,
        /// Whether the directory had seen the password.
        told: Told,
    },
}

/// Asks the agents of a tenant about a password.
///
/// # Errors
/// Returns the failure if no agent could ask the directory in time.
pub async fn ask(
    queue: &dyn Queue,
    node: &dyn Node,
    (tenant, user): (Tenant, User),
    password: &Zeroizing<Vec<u8>>,
    budget: Budget,
) -> Result<Verdict, Failure> {
    let id = node.random();
    let (id, _) = id.split_first_chunk::<16>().ok_or(Failure::CannotSeal)?;
    let nonce = Fixed::new(*node.random());
    let mut offered = Offered::new((tenant, user), JobId::new(*id), nonce, budget, node.now());
    loop {
        match attempt(queue, node, offered, password).await? {
            Outcome::Ticket(ticket) => return Ok(Verdict::Ticket(ticket)),
            Outcome::Refused { agent, refusal, status, told } => {
                return Ok(Verdict::Refused { agent, refusal, status, told });
            }
            Outcome::Failed(failure) => return Err(failure),
            Outcome::Again(again) => offered = again,
        }
    }
}

async fn attempt(
    queue: &dyn Queue,
    node: &dyn Node,
    offered: Offered,
    password: &Zeroizing<Vec<u8>>,
) -> Result<Outcome, Failure> {
    let wait = node.now().until(offered.ends());
    let offer = Offer { job: offered.id(), tenant: offered.tenant().clone(), excluded: offered.excluded(), wait };
    let claim = match timeout(wait, queue.offer(&offer)).await {
        Ok(Ok(claim)) => claim,
        Ok(Err(NoClaim::NoAgent)) => return Err(offered.unclaimed(Failure::NoAgent)),
        Ok(Err(NoClaim::Busy)) | Err(_) => return Err(offered.unclaimed(Failure::Busy)),
    };
    let Some(key) = node.sealing_key(offered.tenant(), claim.agent, &claim.key).await else {
        return Ok(offered.disowned(claim.agent, node.now()));
    };
    let claimed = match offered.claim(Claim { agent: claim.agent, key }, node.now()) {
        Ok(claimed) => claimed,
        Err((offered, _)) => return Err(offered.unclaimed(Failure::Busy)),
    };
    let (sealed, job) = claimed.seal(password, node.random(), node.now())?;
    let wait = node.now().until(sealed.ends());
    match timeout(wait, queue.send(claim, job)).await {
        Ok(Ok(answer)) => Ok(answered(sealed, claim.agent, answer, node.now())),
        Ok(Err(super::Lost)) | Err(_) => Ok(sealed.lost(node.now())),
    }
}

/// A queue that brings the answer of another agent or job has lost the right one.
fn answered(sealed: Sealed, agent: AgentId, answer: message::Answer, now: Time) -> Outcome {
    sealed.answer(agent, answer, now).unwrap_or_else(|(sealed, _)| sealed.lost(now))
}
