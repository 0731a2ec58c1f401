//! The states of a job: `offered → claimed → sealed → answered | failed`. After a lost attempt, the job is `offered` once
//! more, for another agent.
//!
//! Each step consumes the state before it. So the password is sealed only to an agent that has claimed the job, and
//! only the answer of this agent ends the job. The states `offered` and `sealed` have time limits ([`Offered::ends`],
//! [`Sealed::ends`]). When a limit has passed, the caller calls [`Offered::unclaimed`] or [`Sealed::lost`].

use crate::agent::AgentId;
use crate::encoding::Fixed;
use crate::message::{self, Word};
use crate::seal::{AnswerKey, SealingPublicKey};
use crate::terms::{JobId, Terms};
use crate::time::{Budget, Time};
use crate::user::{Tenant, User};
use crate::verdict::{Failure, Fault, Refusal, Told};
use kerberos_sso::ChannelBindings;
use thiserror::Error;
use zeroize::Zeroizing;

/// A job that waits for an agent. It has no credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    asked: Asked,
    before: Option<Before>,
    since: Time,
}

/// A job that an agent has claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    asked: Asked,
    before: Option<Before>,
    claim: Claim,
    since: Time,
}

/// A job whose password is sealed to the agent that has claimed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    asked: Asked,
    before: Option<Before>,
    terms: Terms,
    key: AnswerKey,
}

/// The first attempt of a job. The agent of this attempt cannot get the second attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Before {
    agent: AgentId,
    end: NoVerdict,
}

/// The end of an attempt, or of a job, without a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{failure}")]
pub struct NoVerdict {
    /// The reason.
    pub failure: Failure,
    /// Whether the directory may have checked the password. This is so if an agent had the password, and no answer with the
    /// key of the job says that the agent did not ask the directory. Without this rule, an attacker who drops answers could
    /// guess passwords, and no guess would count.
    pub may_be_checked: bool,
}

/// The sign-in that a user asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    id: JobId,
    tenant: Tenant,
    user: User,
    nonce: Fixed<32>,
    budget: Budget,
    until: Time,
}

/// The claim of an agent, with the sealing key from the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The agent.
    pub agent: AgentId,
    /// The sealing key of the agent.
    pub key: SealingPublicKey,
}

/// The end of a job, or its next attempt.
#[derive(Clone, Debug)]
pub enum Outcome {
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
    /// The attempt is lost, and another agent may claim the job.
    Again(Offered),
    /// The job ended without a verdict.
    Failed(NoVerdict),
}

/// A ticket with the bindings that it must have.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// The agent that asked the directory.
    pub agent: AgentId,
    /// The AP-REQ in GSS framing.
    pub token: message::Ticket,
    /// The channel bindings of this attempt.
    pub bindings: ChannelBindings,
}

/// The reason why an agent cannot claim a job. The job stays offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotClaimed {
    /// The agent had the first attempt.
    #[error("the agent had the first attempt of this job")]
    SameAgent,
    /// The time for a claim has passed.
    #[error("the claim came too late")]
    TooLate,
}

/// The reason why an answer does not end a job. The job waits for another answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotAnswered {
    /// The answer came from an agent that has not claimed the job.
    #[error("the answer is of an agent that has not claimed this job")]
    OtherAgent,
    /// The answer is for another job.
    #[error("the answer is for another job")]
    OtherJob,
    /// The answer was not sealed with the key of this attempt.
    #[error("the answer is not of the agent that opened the job")]
    Forged,
}

impl NoVerdict {
    /// Makes the end of an attempt in which no agent asked the directory.
    const fn unasked(failure: Failure) -> Self {
        Self { failure, may_be_checked: false }
    }

    /// Makes the end of an attempt in which an agent may have asked the directory.
    const fn unanswered(failure: Failure) -> Self {
        Self { failure, may_be_checked: true }
    }

    /// Combines this first attempt with the second attempt into the end of the job.
    const fn and(self, second: Self) -> Self {
        Self { failure: second.failure, may_be_checked: self.may_be_checked || second.may_be_checked }
    }
}

impl Offered {
    /// Offers a job. `id` and `nonce` must be random, and must not be used for anything else.
    #[must_use]
    pub fn new((tenant, user): (Tenant, User), id: JobId, nonce: Fixed<32>, budget: Budget, now: Time) -> Self {
        let until = now.after(budget.whole);
        Self { asked: Asked { id, tenant, user, nonce, budget, until }, before: None, since: now }
    }

    /// Returns the number of the job.
    #[must_use]
    pub const fn id(&self) -> JobId {
        self.asked.id
    }

    /// Returns the tenant of the job.
    #[must_use]
    pub const fn tenant(&self) -> &Tenant {
        &self.asked.tenant
    }

    /// Returns the agent that may not claim the job, because it had the first attempt.
    #[must_use]
    pub fn excluded(&self) -> Option<AgentId> {
        self.before.map(|before| before.agent)
    }

    /// Returns the time after which no agent may claim the job.
    #[must_use]
    pub fn ends(&self) -> Time {
        self.since.after(self.asked.budget.offer).min(self.asked.until)
    }

    /// Gives the job to an agent.
    ///
    /// # Errors
    /// Returns the job with the reason if this agent may not have the job.
    pub fn claim(self, claim: Claim, now: Time) -> Result<Claimed, (Self, NotClaimed)> {
        if self.excluded() == Some(claim.agent) {
            return Err((self, NotClaimed::SameAgent));
        }
        if now >= self.ends() {
            return Err((self, NotClaimed::TooLate));
        }
        Ok(Claimed { asked: self.asked, before: self.before, claim, since: now })
    }

    /// Ends a job that no agent has claimed. If there was a first attempt, the job fails for the reason of that attempt.
    #[must_use]
    pub fn unclaimed(self, reason: Failure) -> NoVerdict {
        self.before.map_or(NoVerdict::unasked(reason), |before| before.end)
    }

    /// Returns the outcome after a claim that the registry refuses.
    #[must_use]
    pub fn disowned(self, agent: AgentId, now: Time) -> Outcome {
        again(self.asked, self.before, Before { agent, end: NoVerdict::unasked(Failure::NoAgent) }, now)
    }
}

impl Claimed {
    /// Returns the agent that has claimed the job.
    #[must_use]
    pub const fn agent(&self) -> AgentId {
        self.claim.agent
    }

    /// Seals the password to the agent, and returns the message for the agent. `random` must not be used for anything else.
    ///
    /// # Errors
    /// Returns the failure if the password or the key of the agent cannot be used.
    pub fn seal(
        self,
        password: &[u8],
        random: Zeroizing<[u8; 32]>,
        now: Time,
    ) -> Result<(Sealed, message::Job), NoVerdict> {
        let Self { asked, before, claim, since } = self;
        let terms = Terms {
            tenant: asked.tenant.clone(),
            agent: claim.agent,
            key: claim.key.id(),
            job: asked.id,
            user: asked.user.clone(),
            issued: now,
            expires: since.after(asked.budget.attempt).min(asked.until),
            nonce: asked.nonce,
        };
        let end = NoVerdict::unasked(Failure::CannotSeal);
        let end = before.map_or(end, |before| before.end.and(end));
        let (sealed, key) = claim.key.seal_password(&terms, password, random).map_err(|_| end)?;
        let job = message::Job::new(&terms, sealed);
        Ok((Sealed { asked, before, terms, key }, job))
    }

    /// Returns the outcome if the agent is gone before it got the password.
    #[must_use]
    pub fn lost(self, now: Time) -> Outcome {
        let end = NoVerdict::unasked(Failure::TimedOut);
        again(self.asked, self.before, Before { agent: self.claim.agent, end }, now)
    }
}

impl Sealed {
    /// Returns the time after which the attempt counts as lost.
    #[must_use]
    pub const fn ends(&self) -> Time {
        self.terms.expires
    }

    /// Returns the agent that has the job.
    #[must_use]
    pub const fn agent(&self) -> AgentId {
        self.terms.agent
    }

    /// Returns the outcome after an answer.
    ///
    /// # Errors
    /// Returns the job and the reason if the answer is forged, is of another agent, or is for another job.
    pub fn answer(self, agent: AgentId, answer: &message::Answer, now: Time) -> Result<Outcome, (Self, NotAnswered)> {
        if agent != self.terms.agent {
            return Err((self, NotAnswered::OtherAgent));
        }
        if answer.job() != self.terms.job {
            return Err((self, NotAnswered::OtherJob));
        }
        let word = match answer {
            message::Answer::Sealed { nonce, word, .. } => self.key.open(&self.terms, nonce, word),
            message::Answer::Unopened { .. } => Some(Word::Failed { code: Fault::CannotOpen, detail: None }),
        };
        let Some(word) = word else { return Err((self, NotAnswered::Forged)) };
        if now >= self.asked.until {
            return Ok(self.ended(NoVerdict::unanswered(Failure::Late), now));
        }
        Ok(match word {
            Word::Ticket { token, .. } => Outcome::Ticket(Ticket { agent, token, bindings: self.terms.bindings() }),
            Word::Refused { code, status, told } => Outcome::Refused { agent, refusal: code, status, told },
            Word::Failed { code, .. } => {
                let end = NoVerdict { failure: Failure::Agent(code), may_be_checked: code.may_be_checked() };
                self.ended(end, now)
            }
        })
    }

    /// Returns the outcome if the agent is silent until [`ends`](Self::ends), or if its connection has ended.
    #[must_use]
    pub fn lost(self, now: Time) -> Outcome {
        self.ended(NoVerdict::unanswered(Failure::TimedOut), now)
    }

    fn ended(self, end: NoVerdict, now: Time) -> Outcome {
        again(self.asked, self.before, Before { agent: self.terms.agent, end }, now)
    }
}

/// Offers the job to another agent after a lost attempt. After the second attempt, or when the job's time is over,
/// returns the failure of the job.
fn again(asked: Asked, first: Option<Before>, last: Before, now: Time) -> Outcome {
    match first {
        Some(first) => Outcome::Failed(first.end.and(last.end)),
        None if now >= asked.until => Outcome::Failed(last.end),
        None => Outcome::Again(Offered { asked, before: Some(last), since: now }),
    }
}

#[cfg(test)]
mod tests;
