//! The owner of a job: the node that has the user's request. The owner offers the job, seals the password to the agent
//! that claims the job, and checks the answer. If an attempt is lost, the owner tries once more with another agent.

use super::{NoClaim, Offer, Pending, Queue};
use crate::agent::AgentId;
use crate::encoding::Fixed;
use crate::job::{Claim, NoVerdict, Offered, Outcome, Sealed, Ticket};
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

    /// Counts what an agent did with a password, for the list of agents.
    fn note(&self, _agent: AgentId, _done: Done) {}
}

/// What an agent did with a password that it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// The agent returned a ticket, which the validator may still refuse.
    Ticket,
    /// The agent returned a refusal of its directory.
    Refused,
    /// The agent said that it could not ask the directory.
    Failed,
    /// The agent returned nothing, or an answer that was not sealed with the key of the job.
    Silent,
}

/// The answer of the directory about a password.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// An agent returned a ticket. The password is right only if the validator accepts the ticket with its bindings.
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
/// Returns the failure if no verdict comes in time. The error also says whether the directory may have checked the
/// password.
pub async fn ask(
    queue: &dyn Queue,
    node: &dyn Node,
    (tenant, user): (Tenant, User),
    password: &Zeroizing<Vec<u8>>,
    budget: Budget,
) -> Result<Verdict, NoVerdict> {
    let id = node.random();
    let cannot_seal = NoVerdict { failure: Failure::CannotSeal, may_be_checked: false };
    let (id, _) = id.split_first_chunk::<16>().ok_or(cannot_seal)?;
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
) -> Result<Outcome, NoVerdict> {
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
    let (outcome, done) = match timeout(wait, queue.send(claim, job)).await {
        Ok(Ok(answer)) => answered(sealed, claim.agent, &answer, node.now()),
        Ok(Err(super::Lost)) | Err(_) => (sealed.lost(node.now()), Done::Silent),
    };
    node.note(claim.agent, done);
    Ok(outcome)
}

/// Applies an answer to the job. If the answer is forged, or is of another agent or job, the attempt is lost.
fn answered(sealed: Sealed, agent: AgentId, answer: &message::Answer, now: Time) -> (Outcome, Done) {
    match sealed.answer(agent, answer, now) {
        Ok(outcome @ Outcome::Ticket(_)) => (outcome, Done::Ticket),
        Ok(outcome @ Outcome::Refused { .. }) => (outcome, Done::Refused),
        Ok(outcome) => (outcome, Done::Failed),
        Err((sealed, _)) => (sealed.lost(now), Done::Silent),
    }
}
