//! Counts what each agent did with the passwords of this node's users. A compromised agent can read the passwords of
//! its jobs. From the counts, an operator sees how many passwords the agent got.

use crate::clock;
use kerberos_sso::UnixTime;
use seamless_pta::AgentId;
use seamless_pta::queue::Done;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The number of passwords and answers of each agent since the server started.
pub(crate) struct Tally {
    since: UnixTime,
    of_agents: Mutex<HashMap<AgentId, Counts>>,
}

/// What one agent did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    tickets: u64,
    refused: u64,
    failed: u64,
    silent: u64,
}

impl Counts {
    /// Returns the number of passwords that the agent got.
    pub(super) const fn jobs(self) -> u64 {
        self.tickets.saturating_add(self.refused).saturating_add(self.failed).saturating_add(self.silent)
    }

    /// Returns each count with its name, for the metrics.
    pub(crate) const fn named(self) -> [(&'static str, u64); 4] {
        [("ticket", self.tickets), ("refused", self.refused), ("failed", self.failed), ("silent", self.silent)]
    }
}

impl Tally {
    pub(super) fn new() -> Self {
        Self { since: clock::now(), of_agents: Mutex::default() }
    }

    /// Returns the number of seconds for which the server has counted.
    pub(super) fn seconds(&self, now: UnixTime) -> u64 {
        u64::try_from(now.seconds().saturating_sub(self.since.seconds())).unwrap_or_default()
    }

    /// Counts a password that an agent got. Beyond `MAX_AGENTS` agents, further agents are not counted.
    pub(super) fn note(&self, agent: AgentId, done: Done) {
        let mut of_agents = self.of_agents.lock().unwrap_or_else(PoisonError::into_inner);
        if of_agents.len() >= MAX_AGENTS && !of_agents.contains_key(&agent) {
            return;
        }
        let counts = of_agents.entry(agent).or_default();
        let count = match done {
            Done::Ticket => &mut counts.tickets,
            Done::Refused => &mut counts.refused,
            Done::Failed => &mut counts.failed,
            Done::Silent => &mut counts.silent,
        };
        *count = count.saturating_add(1);
    }

    pub(super) fn of(&self, agent: AgentId) -> Counts {
        self.of_agents.lock().unwrap_or_else(PoisonError::into_inner).get(&agent).copied().unwrap_or_default()
    }

    /// Returns the counts of all agents.
    pub(crate) fn all(&self) -> Vec<(AgentId, Counts)> {
        let of_agents = self.of_agents.lock().unwrap_or_else(PoisonError::into_inner);
        of_agents.iter().map(|(agent, counts)| (*agent, *counts)).collect()
    }
}

/// The largest number of agents that are counted, so that the metrics stay small.
const MAX_AGENTS: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_agent_has_its_own_counts_and_the_1025th_has_none() {
        let tally = Tally::new();
        let agent = |number: u16| {
            let mut octets = [0; 16];
            octets.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
            AgentId::from_random(octets)
        };
        for done in [Done::Ticket, Done::Ticket, Done::Refused, Done::Failed, Done::Silent] {
            tally.note(agent(0), done);
        }
        assert_eq!(tally.of(agent(0)).named(), [("ticket", 2), ("refused", 1), ("failed", 1), ("silent", 1)]);
        assert_eq!((tally.of(agent(0)).jobs(), tally.of(agent(1)).jobs()), (5, 0));
        (0..=1_024).for_each(|number| tally.note(agent(number), Done::Ticket));
        assert_eq!((tally.all().len(), tally.of(agent(1_024)).jobs(), tally.of(agent(1_023)).jobs()), (1_024, 0, 1));
    }
}
