//! The owner's side of the queue: the owner offers jobs, and sends sealed passwords.

use crate::broker::{Broker, Link, NotDelivered};
use crate::client::{Access, ConnectError, Connection};
use crate::message::{self, Delivered, Reply, read, write};
use crate::serving::serve;
use crate::subject::{self, NodeName};
use seamless_pta::message::{Answer, Job, V1};
use seamless_pta::queue::{Claim, Gateway, Lost, NoClaim, Offer, Pending, Queue, Turns};
use seamless_pta::terms::JobId;
use seamless_pta::time::HOLD;
use std::collections::HashMap;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

/// The queue of one of several nodes.
pub struct Nats {
    node: NodeName,
    broker: Arc<dyn Broker>,
    own: OnceLock<(Arc<Gateway>, JoinHandle<()>)>,
    turns: Turns,
    /// The claims of agents at other nodes on jobs of this node: the node of the agent, and the time at which the claim
    /// expires.
    claims: Mutex<HashMap<JobId, (NodeName, Instant)>>,
}

/// The reply of the other nodes to an offer.
enum Others {
    Claimed(Claim),
    Busy,
    /// The node that replied has no agent that may claim the job. Another node may have such an agent.
    NotThere,
    /// Nobody replied, because no other node has an agent of the tenant.
    Nobody,
    /// No readable reply came.
    Silent,
}

impl Nats {
    /// Makes the queue of a node, and begins to connect to the broker. The broker need not be reachable yet.
    ///
    /// # Errors
    /// Returns [`ConnectError`] for an address or a file that cannot be used.
    pub async fn connect(node: NodeName, access: &Access) -> Result<Self, ConnectError> {
        Ok(Self::new(Arc::new(Connection::begin(access, &node).await?), node))
    }

    /// Makes the queue of a node on a broker.
    #[must_use]
    pub fn new(broker: Arc<dyn Broker>, node: NodeName) -> Self {
        Self { node, broker, own: OnceLock::new(), turns: Turns::default(), claims: Mutex::default() }
    }

    /// Returns whether the broker can be reached now, for the health of the node.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        *self.broker.link().borrow() != Link::Away
    }

    /// Waits until an agent of this node or of another node is free.
    async fn claim(&self, offer: &Offer) -> Result<Claim, NoClaim> {
        let (gateway, _) = self.own.get().ok_or(NoClaim::NoAgent)?;
        let _turn = self.turns.take(&offer.tenant).ok_or(NoClaim::Busy)?;
        let until = Instant::now().checked_add(offer.wait);
        let until = until.unwrap_or_else(Instant::now);
        // The result if no agent claims the job in time.
        let mut reason = NoClaim::NoAgent;
        loop {
            // The node registers for changes before it looks for a free agent. So the wait below notices every later
            // change.
            let mut changed = pin!(gateway.changes());
            changed.as_mut().enable();
            if let Some(claim) = gateway.claim(offer) {
                // In the first attempt, an agent of another node may have claimed the job. That claim no longer counts.
                self.claims().remove(&claim.job);
                return Ok(claim);
            }
            let is_present = gateway.is_present(offer);
            let pause = match timeout_at(until, self.ask(offer)).await.unwrap_or(Others::Silent) {
                Others::Claimed(claim) => return Ok(claim),
                Others::Nobody if !is_present && self.is_settled() => return Err(NoClaim::NoAgent),
                Others::NotThere => NEXT_NODE,
                Others::Busy => {
                    reason = NoClaim::Busy;
                    PAUSE
                }
                Others::Nobody | Others::Silent => PAUSE,
            };
            if is_present {
                reason = NoClaim::Busy;
            }
            if Instant::now() >= until {
                return Err(reason);
            }
            let pause = until.min(Instant::now().checked_add(pause).unwrap_or(until));
            // If a claim of one of this node's agents expires during the pause, the next round finds this agent free.
            let _ = timeout_at(pause, changed).await;
        }
    }

    /// Offers a job once to one of the other nodes with agents of the tenant.
    async fn ask(&self, offer: &Offer) -> Others {
        let Offer { job, ref tenant, excluded, wait: _ } = *offer;
        let Some(body) = write(&message::Offer { v: V1, job, excluded }) else { return Others::Silent };
        let reply = match timeout(REPLY, self.request(subject::offers(tenant), body)).await {
            Ok(Ok(reply)) => read::<Reply>(&reply).filter(|reply| reply.job() == job),
            Ok(Err(NotDelivered::NoResponders)) => return Others::Nobody,
            Ok(Err(NotDelivered::Away)) | Err(_) => return Others::Silent,
        };
        match reply {
            Some(Reply::Claim { agent, key, node, .. }) if Some(agent) != excluded => {
                self.remember(job, node);
                Others::Claimed(Claim { job, agent, key })
            }
            Some(Reply::Busy { .. }) => Others::Busy,
            Some(Reply::NoAgent { .. }) => Others::NotThere,
            Some(Reply::Claim { .. }) | None => {
                tracing::warn!(%job, "a reply to an offer cannot be read; the owner offers the job again");
                Others::Silent
            }
        }
    }

    async fn deliver(&self, job: Job) -> Result<Answer, Lost> {
        let (gateway, _) = self.own.get().ok_or(Lost)?;
        let id = job.job;
        let claimed = self.claims().remove(&id);
        let Some((node, _)) = claimed else { return gateway.send(job).await };
        let body = write(&job).ok_or(Lost)?;
        let reply = self.request(subject::jobs(&node), body).await.map_err(|_| Lost)?;
        match read(&reply) {
            Some(Delivered::Answered { answer, .. }) if answer.job() == id => Ok(answer),
            Some(Delivered::Lost { .. }) => Err(Lost),
            Some(Delivered::Answered { .. }) | None => {
                tracing::warn!(job = %id, %node, "an answer of a node cannot be read; the job counts as lost");
                Err(Lost)
            }
        }
    }

    /// Sends a request. The request is lost as soon as the connection ends, because its reply can no longer come.
    async fn request(&self, subject: String, body: Vec<u8>) -> Result<Vec<u8>, NotDelivered> {
        let mut link = self.broker.link();
        if *link.borrow_and_update() == Link::Away {
            return Err(NotDelivered::Away);
        }
        tokio::select! {
            reply = self.broker.request(subject, body) => reply,
            _ = link.changed() => Err(NotDelivered::Away),
        }
    }

    /// Returns whether the other nodes have had enough time to reconnect to the broker.
    fn is_settled(&self) -> bool {
        matches!(*self.broker.link().borrow(), Link::Since(since) if since.elapsed() >= SETTLED)
    }

    fn remember(&self, job: JobId, node: NodeName) {
        let now = Instant::now();
        let mut claims = self.claims();
        // Some claims never get their job, for example if the registry refuses the agent. So this function also removes
        // claims that have expired.
        claims.retain(|_, (_, until)| now < *until);
        claims.insert(job, (node, now.checked_add(HOLD).unwrap_or(now)));
    }

    fn claims(&self) -> MutexGuard<'_, HashMap<JobId, (NodeName, Instant)>> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue for Nats {
    fn offer<'a>(&'a self, offer: &'a Offer) -> Pending<'a, Result<Claim, NoClaim>> {
        Box::pin(self.claim(offer))
    }

    fn send(&self, _claim: Claim, job: Job) -> Pending<'_, Result<Answer, Lost>> {
        Box::pin(self.deliver(job))
    }

    /// Uses the first gateway only, because a process has one gateway. Call this function in a runtime of Tokio,
    /// because the function starts a task.
    fn serve(&self, gateway: Arc<Gateway>) {
        self.own.get_or_init(|| {
            let serving = tokio::spawn(serve(Arc::clone(&self.broker), self.node.clone(), Arc::clone(&gateway)));
            (gateway, serving)
        });
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        if let Some((_, serving)) = self.own.get() {
            serving.abort();
        }
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats")
            .field("node", &self.node)
            .field("connected", &self.is_connected())
            .finish_non_exhaustive()
    }
}

/// The time for a reply to an offer. A working node replies at once. If no reply comes in this time, the owner offers
/// the job again, and another node of the group may get that offer.
const REPLY: Duration = Duration::from_millis(125);

/// The time before an offer is repeated while all agents are busy.
const PAUSE: Duration = Duration::from_millis(20);

/// The time before an offer is repeated if the node that got the offer has no agent that may claim the job.
const NEXT_NODE: Duration = Duration::from_millis(2);

/// The time after which all nodes are connected again to a broker that has restarted. A node tries to connect every 400
/// milliseconds.
const SETTLED: Duration = Duration::from_secs(1);
