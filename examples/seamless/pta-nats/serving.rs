//! The agents' side of the queue: a node takes offers and jobs of other nodes for the agents that are connected to it.

use crate::broker::Broker;
use crate::message::{Delivered, Offer, Reply, read, write};
use crate::subject::{GROUP, NodeName, jobs, offers};
use futures_util::StreamExt as _;
use seamless_pta::message::{Job, V1, read as read_job};
use seamless_pta::queue::{self, Gateway};
use seamless_pta::user::Tenant;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

/// Serves the other nodes until the task is ended.
pub(crate) async fn serve(broker: Arc<dyn Broker>, node: NodeName, gateway: Arc<Gateway>) {
    tokio::join!(serve_jobs(&broker, &node, &gateway), serve_tenants(&broker, &node, &gateway));
}

/// Subscribes to the offers of each tenant that has agents at this node. So no node subscribes to the offers of a
/// tenant without agents.
async fn serve_tenants(broker: &Arc<dyn Broker>, node: &NodeName, gateway: &Arc<Gateway>) {
    // The tasks end when the set is dropped.
    let (mut tasks, mut served) = (JoinSet::new(), HashMap::<Tenant, AbortHandle>::new());
    loop {
        // The node registers for changes before it reads the tenants. So the wait below notices every later change.
        let mut changed = pin!(gateway.changes());
        changed.as_mut().enable();
        let tenants = gateway.tenants();
        served.retain(|tenant, task| {
            let is_left = !tenants.contains(tenant) || task.is_finished();
            if is_left {
                task.abort();
            }
            !is_left
        });
        for tenant in tenants {
            served.entry(tenant.clone()).or_insert_with(|| {
                let (broker, node, gateway) = (Arc::clone(broker), node.clone(), Arc::clone(gateway));
                tasks.spawn(async move { serve_offers(&*broker, &node, &gateway, tenant).await })
            });
        }
        while tasks.try_join_next().is_some() {}
        changed.await;
    }
}

/// Replies to the offers of one tenant at once.
async fn serve_offers(broker: &dyn Broker, node: &NodeName, gateway: &Gateway, tenant: Tenant) {
    let mut requests = broker.subscribe(offers(&tenant), Some(GROUP)).await;
    while let Some(request) = requests.next().await {
        let Some(Offer { v: V1, job, excluded }) = read(&request.body) else {
            tracing::warn!(tenant = %tenant, "an offer of another node cannot be read; it gets no reply");
            continue;
        };
        let offer = queue::Offer { job, tenant: tenant.clone(), excluded, wait: Duration::ZERO };
        let reply = match gateway.claim(&offer) {
            Some(claim) => Reply::Claim { v: V1, job, node: node.clone(), agent: claim.agent, key: claim.key },
            None if gateway.is_present(&offer) => Reply::Busy { v: V1, job },
            None => Reply::NoAgent { v: V1, job },
        };
        if let Some(body) = write(&reply) {
            broker.reply(request.reply, body).await;
        }
    }
}

/// Brings jobs to the agents that have claimed them. A job without a claim is lost at once. So the number of jobs is at
/// most the number that the agents can take.
async fn serve_jobs(broker: &Arc<dyn Broker>, node: &NodeName, gateway: &Arc<Gateway>) {
    let (mut tasks, mut requests) = (JoinSet::new(), broker.subscribe(jobs(node), None).await);
    while let Some(request) = requests.next().await {
        let Ok(job) = read_job::<Job>(&request.body) else {
            tracing::warn!("a job of another node cannot be read; it gets no reply");
            continue;
        };
        let (broker, gateway) = (Arc::clone(broker), Arc::clone(gateway));
        tasks.spawn(async move {
            if let Some(body) = write(&deliver(&gateway, job).await) {
                broker.reply(request.reply, body).await;
            }
        });
        while tasks.try_join_next().is_some() {}
    }
}

/// Sends a job to its agent, and waits no longer than the owner does. Both times in the job are from the owner's clock,
/// so their difference is right even if this node's clock is wrong.
async fn deliver(gateway: &Gateway, job: Job) -> Delivered {
    let (id, wait) = (job.job, job.issued.until(job.expires).min(MAX_ATTEMPT));
    match timeout(wait, gateway.send(job)).await {
        Ok(Ok(answer)) => Delivered::Answered { v: V1, answer },
        Ok(Err(queue::Lost)) | Err(_) => Delivered::Lost { v: V1, job: id },
    }
}

/// The longest time of one attempt, even if a job names a longer time.
const MAX_ATTEMPT: Duration = Duration::from_secs(10);
