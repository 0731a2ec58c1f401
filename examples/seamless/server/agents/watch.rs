//! Ends the requests of agents that were revoked, drained or locked at another node.
//!
//! A node holds a request for a job for 25 seconds. The owner of a job asks the registry before it seals a password, so a
//! revoked agent gets no password in this time. But its waiting requests must end, too, because an operator who revokes
//! an agent expects this.

use super::{Agents, time};
use crate::clock;
use seamless_pta::agent::State;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

impl Agents {
    /// Asks the registry about the agents of this node each second, until the server drops this value.
    pub(super) fn watch(self: &Arc<Self>) {
        let agents = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                sleep(EVERY).await;
                let Some(agents) = agents.upgrade() else { return };
                agents.end_revoked().await;
            }
        });
    }

    /// Ends the requests and jobs of agents that may no longer have them. While the store cannot be reached, this
    /// function ends nothing.
    async fn end_revoked(&self) {
        let now = time(clock::now());
        for agent in self.gateway.agents() {
            let Ok(found) = self.registry.get(agent, now).await else { continue };
            match found.map(|found| found.state(now)) {
                None | Some(State::Revoked | State::Locked) => {
                    tracing::info!(%agent, "an agent that may not work any more loses its requests and its jobs");
                    self.gateway.end(agent);
                }
                Some(State::Draining) => self.gateway.withdraw(agent),
                Some(State::Enrolled | State::Active | State::Silent) => {}
            }
        }
    }
}

/// The time between two checks. For each agent, each check reads the store once.
const EVERY: Duration = Duration::from_secs(1);
