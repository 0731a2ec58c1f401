//! The agents that are connected to one node: their waiting requests for jobs, and the jobs that wait for answers.

use super::{Claim, Lost, Offer};
use crate::agent::AgentId;
use crate::message::{Answer, Job};
use crate::seal::KeyId;
use crate::terms::JobId;
use crate::time::{HOLD, LATE, TAKE};
use crate::user::Tenant;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use thiserror::Error;
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout};

/// The agents of one node.
#[derive(Debug, Default)]
pub struct Gateway {
    inner: Mutex<Inner>,
    changed: Notify,
}

/// The number of an agent's connection. No other connection to this node has the same number.
pub type ConnectionId = u64;

/// Where a request for a job came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The agent.
    pub agent: AgentId,
    /// The tenant of the agent.
    pub tenant: Tenant,
    /// The sealing key that opens the job.
    pub key: KeyId,
    /// The connection of the request.
    pub connection: ConnectionId,
}

/// The result of a request for a job.
#[derive(Debug)]
pub enum Taken {
    /// The agent gets this job.
    Job(Box<Job>),
    /// There was no job for 25 seconds.
    Nothing,
    /// The request has ended, because the agent gets no more jobs.
    Ended,
}

/// The reason why an answer was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// No owner waits for the answer any more.
    #[error("nobody waits for the answer to this job any more")]
    Late,
    /// The agent has answered the job already.
    #[error("the job was answered already")]
    Again,
    /// Another agent has the job.
    #[error("another agent has this job")]
    OtherAgent,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    /// The connections of each agent.
    present: HashMap<AgentId, (Tenant, HashSet<ConnectionId>)>,
    /// The requests that wait for a job, the oldest first.
    waiting: VecDeque<Waiting>,
    /// The requests whose agents have claimed a job, each with the time until which the gateway reserves the request
    /// for the job.
    held: HashMap<JobId, (Waiting, Instant)>,
    running: HashMap<JobId, Running>,
    /// The jobs that have ended, each with the time until which the gateway remembers the job.
    ended: VecDeque<Ended>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    place: Place,
    tell: oneshot::Sender<Job>,
}

#[derive(Debug)]
struct Running {
    /// The number of the request that took the job. It tells two attempts of a job apart: the second may begin while
    /// the first still waits for its answer.
    number: u64,
    place: Place,
    tell: oneshot::Sender<Answer>,
}

#[derive(Debug)]
struct Ended {
    job: JobId,
    agent: AgentId,
    is_answered: bool,
    until: Instant,
}

impl Gateway {
    /// Waits until there is a job for the agent.
    pub async fn take(&self, place: Place) -> Taken {
        let (tell, mut told) = oneshot::channel();
        let number = self.inner().wait(place, tell);
        self.changed.notify_waiters();
        // If the client goes away, this future is dropped, and the guard withdraws the request.
        let withdrawal = Withdrawal { gateway: self, number };
        let taken = match timeout(TAKE, &mut told).await {
            Ok(taken) => taken,
            Err(_) if self.inner().withdraw(number) => return Taken::Nothing,
            // The agent has just claimed a job. Either the job comes within `HOLD`, or the claim expires.
            Err(_) => match timeout(HOLD, told).await {
                Ok(taken) => taken,
                Err(_) => return Taken::Nothing,
            },
        };
        drop(withdrawal);
        taken.map_or(Taken::Ended, |job| Taken::Job(Box::new(job)))
    }

    /// Claims an offer for a waiting agent of the offer's tenant: the agent that has the fewest jobs.
    #[must_use]
    pub fn claim(&self, offer: &Offer) -> Option<Claim> {
        self.inner().claim(offer, Instant::now())
    }

    /// Returns whether an agent that may claim the offer waits for a job.
    #[must_use]
    pub fn is_free(&self, offer: &Offer) -> bool {
        let is_meant = |place: &Place| place.tenant == offer.tenant && Some(place.agent) != offer.excluded;
        self.inner().waiting.iter().any(|waiting| is_meant(&waiting.place))
    }

    /// Returns whether an agent that may claim the offer has a connection.
    #[must_use]
    pub fn is_present(&self, offer: &Offer) -> bool {
        let is_meant = |(agent, (tenant, _)): (&AgentId, &(Tenant, HashSet<_>))| {
            *tenant == offer.tenant && Some(*agent) != offer.excluded
        };
        self.inner().present.iter().any(is_meant)
    }

    /// Sends a job to the agent that has claimed it, and waits for the answer.
    ///
    /// # Errors
    /// Returns [`Lost`] if the agent is gone, or if its claim has expired.
    pub async fn send(&self, job: Job) -> Result<Answer, Lost> {
        let (id, (tell, told)) = (job.job, oneshot::channel());
        let number = self.inner().send(job, tell, Instant::now())?;
        // If the owner stops waiting, this future is dropped, and the guard gives the job up.
        let _waiting = Attention { gateway: self, job: id, number };
        told.await.map_err(|_| Lost)
    }

    /// Delivers an agent's answer to the owner of the job.
    ///
    /// # Errors
    /// Returns [`AnswerError`] if no owner waits for an answer to this job from this agent.
    pub fn answer(&self, agent: AgentId, answer: Answer) -> Result<(), AnswerError> {
        let answered = self.inner().answer(agent, answer, Instant::now());
        self.changed.notify_waiters();
        answered
    }

    /// Handles the end of a connection. The gateway removes the requests that came over this connection. The jobs that
    /// the gateway sent over this connection are lost at once.
    pub fn closed(&self, connection: ConnectionId) {
        self.inner().remove(|place| place.connection == connection);
        self.changed.notify_waiters();
    }

    /// Ends the waiting requests of an agent that gets no more jobs. The agent may still answer the jobs that it has.
    pub fn withdraw(&self, agent: AgentId) {
        self.inner().waiting.retain(|waiting| waiting.place.agent != agent);
        self.changed.notify_waiters();
    }

    /// Ends the requests and the jobs of an agent that was revoked or locked.
    pub fn end(&self, agent: AgentId) {
        self.inner().remove(|place| place.agent == agent);
        self.changed.notify_waiters();
    }

    /// Returns the number of jobs that the agents of this node have not answered yet.
    #[must_use]
    pub fn running(&self) -> usize {
        self.inner().running.len()
    }

    /// Returns the agents that have a connection to this node.
    #[must_use]
    pub fn agents(&self) -> Vec<AgentId> {
        self.inner().present.keys().copied().collect()
    }

    /// Returns the tenants that have agents with a connection to this node.
    #[must_use]
    pub fn tenants(&self) -> HashSet<Tenant> {
        self.inner().present.values().map(|(tenant, _)| tenant.clone()).collect()
    }

    /// Returns a future that completes at the next change of this gateway after the call of [`Notified::enable`].
    pub fn changes(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Returns the time at which the next claim expires.
    #[must_use]
    pub fn next_release(&self) -> Option<Instant> {
        self.inner().held.values().map(|(_, until)| *until).min()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn wait(&mut self, place: Place, tell: oneshot::Sender<Job>) -> u64 {
        let (number, agent) = (self.next, place.agent);
        self.next = self.next.wrapping_add(1);
        let present = self.present.entry(agent).or_insert_with(|| (place.tenant.clone(), HashSet::new()));
        present.1.insert(place.connection);
        self.waiting.push_back(Waiting { number, place, tell });
        number
    }

    /// Removes a waiting request. Returns `false` if the request does not wait any more, because its agent has claimed
    /// a job.
    fn withdraw(&mut self, number: u64) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.number != number);
        self.waiting.len() < before
    }

    fn claim(&mut self, offer: &Offer, now: Instant) -> Option<Claim> {
        self.release(now);
        let is_meant = |place: &Place| place.tenant == offer.tenant && Some(place.agent) != offer.excluded;
        // The claim may be lost on the way to the owner. So the same offer gets the same claim when the owner repeats
        // it.
        let held = self.held.get(&offer.job).map(|(waiting, _)| &waiting.place);
        if let Some(place) = held.filter(|place| is_meant(place)) {
            return Some(Claim { job: offer.job, agent: place.agent, key: place.key });
        }
        let jobs_of = |agent: AgentId| {
            let held = self.held.values().filter(|(waiting, _)| waiting.place.agent == agent).count();
            let running = self.running.values().filter(|running| running.place.agent == agent).count();
            held.saturating_add(running)
        };
        let meant = self.waiting.iter().enumerate().filter(|(_, waiting)| is_meant(&waiting.place));
        let (at, _) = meant.min_by_key(|(_, waiting)| (jobs_of(waiting.place.agent), waiting.number))?;
        let waiting = self.waiting.remove(at)?;
        let claim = Claim { job: offer.job, agent: waiting.place.agent, key: waiting.place.key };
        let until = now.checked_add(HOLD).unwrap_or(now);
        if let Some((before, _)) = self.held.insert(offer.job, (waiting, until)) {
            self.waiting.push_front(before);
        }
        Some(claim)
    }

    /// Puts the requests whose claims have expired back to the front of the waiting requests.
    fn release(&mut self, now: Instant) {
        let ended: Vec<_> = self.held.extract_if(|_, (_, until)| *until <= now).collect();
        for (_, (waiting, _)) in ended {
            self.waiting.push_front(waiting);
        }
    }

    fn send(&mut self, job: Job, tell: oneshot::Sender<Answer>, now: Instant) -> Result<u64, Lost> {
        let id = job.job;
        let (waiting, _) = self.held.remove(&id).filter(|(_, until)| now < *until).ok_or(Lost)?;
        let Waiting { number, place, tell: give } = waiting;
        give.send(job).map_err(|_| Lost)?;
        if let Some(first) = self.running.insert(id, Running { number, place, tell }) {
            self.remember(id, first.place.agent, false, now);
        }
        Ok(number)
    }

    fn answer(&mut self, agent: AgentId, answer: Answer, now: Instant) -> Result<(), AnswerError> {
        self.forget(now);
        let id = answer.job();
        match self.running.get(&id).map(|running| running.place.agent) {
            Some(other) if other != agent => return Err(AnswerError::OtherAgent),
            Some(_) => {}
            None => {
                let ended = self.ended.iter().rfind(|ended| ended.job == id);
                return Err(match ended {
                    Some(ended) if ended.agent != agent => AnswerError::OtherAgent,
                    Some(ended) if ended.is_answered => AnswerError::Again,
                    _ => AnswerError::Late,
                });
            }
        }
        let running = self.running.remove(&id).ok_or(AnswerError::Late)?;
        let is_answered = running.tell.send(answer).is_ok();
        self.remember(id, agent, is_answered, now);
        if is_answered { Ok(()) } else { Err(AnswerError::Late) }
    }

    /// Ends an attempt whose owner no longer waits for the answer. `number` is the number of the agent's request that
    /// took the job. A later attempt of the same job has another number, and goes on.
    fn give_up(&mut self, job: JobId, number: u64, now: Instant) {
        if self.running.get(&job).is_some_and(|running| running.number == number)
            && let Some(running) = self.running.remove(&job)
        {
            self.remember(job, running.place.agent, false, now);
        }
    }

    fn remember(&mut self, job: JobId, agent: AgentId, is_answered: bool, now: Instant) {
        self.forget(now);
        if self.ended.len() >= MAX_ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back(Ended { job, agent, is_answered, until: now.checked_add(LATE).unwrap_or(now) });
    }

    fn forget(&mut self, now: Instant) {
        while self.ended.front().is_some_and(|ended| ended.until <= now) {
            self.ended.pop_front();
        }
    }

    /// Removes the requests and the jobs for whose place `is_gone` returns true. The agents that wait for these
    /// requests, and the owners that wait for the answers to these jobs, learn this at once.
    fn remove(&mut self, is_gone: impl Fn(&Place) -> bool) {
        let now = Instant::now();
        self.waiting.retain(|waiting| !is_gone(&waiting.place));
        self.held.retain(|_, (waiting, _)| !is_gone(&waiting.place));
        let lost: Vec<_> = self.running.extract_if(|_, running| is_gone(&running.place)).collect();
        for (job, running) in lost {
            self.remember(job, running.place.agent, false, now);
        }
        self.present.retain(|agent, (tenant, connections)| {
            let key = KeyId::new([0; 32]);
            connections.retain(|connection| {
                !is_gone(&Place { agent: *agent, tenant: tenant.clone(), key, connection: *connection })
            });
            !connections.is_empty()
        });
    }
}

/// Withdraws a request for a job when its client goes away.
struct Withdrawal<'g> {
    gateway: &'g Gateway,
    number: u64,
}

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        self.gateway.inner().withdraw(self.number);
    }
}

/// Gives a job up when its owner stops waiting.
struct Attention<'g> {
    gateway: &'g Gateway,
    job: JobId,
    number: u64,
}

impl Drop for Attention<'_> {
    fn drop(&mut self) {
        self.gateway.inner().give_up(self.job, self.number, Instant::now());
    }
}

/// The largest number of ended jobs that a gateway remembers.
const MAX_ENDED: usize = 65_536;
