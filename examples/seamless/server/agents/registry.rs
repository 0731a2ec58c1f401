//! The agents and the enrolment tokens, in the store of all nodes.
//!
//! While the store cannot be reached, this node uses the agents that it has read from the store in the last ten
//! minutes.

use super::unix_time;
use crate::store::{Change, FOR_EVER, Key, Kind, Records, Sealer, StoreError, When};
use seamless_pta::enrolment::{Grant, GrantId};
use seamless_pta::time::FORGET_AFTER;
use seamless_pta::user::Tenant;
use seamless_pta::{Agent, AgentId, Time};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(super) struct Registry {
    records: Records,
    /// The agents that this node has read from the store, each with the time of the read.
    known: Mutex<HashMap<AgentId, (Agent, Time)>>,
}

/// The reason why an agent was not added.
#[derive(Debug)]
pub(super) enum NotAdded {
    /// The tenant already has the largest allowed number of agents.
    TooMany,
    Store(StoreError),
}

impl Registry {
    pub(super) fn new(records: Records) -> Self {
        Self { records, known: Mutex::default() }
    }

    /// Returns an agent.
    pub(super) async fn get(&self, id: AgentId, now: Time) -> Result<Option<Agent>, StoreError> {
        match self.records.get::<Agent>(&key(id)).await {
            Ok(agent) => {
                self.note(id, agent.as_ref(), now);
                Ok(agent)
            }
            Err(StoreError::Unreachable(why)) => {
                let known = self.known().get(&id).filter(|(_, read)| now < read.after(WITHOUT_STORE)).cloned();
                known.map(|(agent, _)| Some(agent)).ok_or(StoreError::Unreachable(why))
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the agents of a tenant. The list no longer has an agent ten days after its certificate expired.
    pub(super) async fn list(&self, tenant: &Tenant, now: Time) -> Result<Vec<Agent>, StoreError> {
        let ids: Vec<AgentId> = self.records.get(&self.of_tenant(tenant)).await?.unwrap_or_default();
        let mut agents = Vec::new();
        for id in ids {
            agents.extend(self.get(id, now).await?);
        }
        Ok(agents)
    }

    /// Adds an agent that has enrolled.
    pub(super) async fn add(&self, agent: &Agent, now: Time) -> Result<(), NotAdded> {
        let present: Vec<AgentId> = self.list(agent.tenant(), now).await?.iter().map(Agent::id).collect();
        if present.len() >= MAX_AGENTS {
            return Err(NotAdded::TooMany);
        }
        self.records.put(&key(agent.id()), agent, end(agent), When::Absent).await?;
        let add = |ids: Option<Vec<AgentId>>| {
            // The update keeps agents that another node has added meanwhile.
            let mut ids = ids.unwrap_or_default();
            ids.retain(|id| present.contains(id) || self.is_new(*id));
            ids.push(agent.id());
            (Change::Put(ids, FOR_EVER), ())
        };
        self.note(agent.id(), Some(agent), now);
        self.records.update(&self.of_tenant(agent.tenant()), add).await.map_err(NotAdded::Store)
    }

    /// Changes an agent, and returns the result of `change`. Returns `None` if there is no such agent.
    pub(super) async fn change<R>(
        &self,
        id: AgentId,
        now: Time,
        mut change: impl FnMut(Agent) -> (Option<Agent>, R),
    ) -> Result<Option<R>, StoreError> {
        let apply = |agent: Option<Agent>| {
            let Some(agent) = agent else { return (Change::Keep, None) };
            match change(agent) {
                (Some(changed), result) => {
                    let until = end(&changed);
                    self.note(id, Some(&changed), now);
                    (Change::Put(changed, until), Some(result))
                }
                (None, result) => (Change::Keep, Some(result)),
            }
        };
        self.records.update(&key(id), apply).await
    }

    pub(super) async fn put_grant(&self, id: GrantId, grant: &Grant) -> Result<(), StoreError> {
        self.records.put(&grant_key(id), grant, unix_time(grant.until()), When::Absent).await.map(drop)
    }

    pub(super) async fn grant(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        self.records.get(&grant_key(id)).await
    }

    /// Deletes a grant and returns it. Only one caller can get the grant.
    pub(super) async fn take_grant(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        let key = grant_key(id);
        self.records.take_with(&Sealer::new(self.records.secret(), b"", &key), &key).await
    }

    fn of_tenant(&self, tenant: &Tenant) -> Key {
        let name = self.records.secret().name(&[b"agents", tenant.as_str().as_bytes()]);
        Key::new(Kind::AgentsOfTenant, &name)
    }

    fn note(&self, id: AgentId, agent: Option<&Agent>, now: Time) {
        let mut known = self.known();
        match agent {
            Some(agent) => known.insert(id, (agent.clone(), now)),
            None => known.remove(&id),
        };
    }

    /// Returns whether this node has not read the entry of an agent yet. Another node may have just added this agent.
    fn is_new(&self, id: AgentId) -> bool {
        !self.known().contains_key(&id)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<AgentId, (Agent, Time)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<StoreError> for NotAdded {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn key(id: AgentId) -> Key {
    Key::new(Kind::Agent, id.as_bytes())
}

fn grant_key(id: GrantId) -> Key {
    Key::new(Kind::EnrolmentToken, id.as_bytes())
}

/// Returns the time at which the entry of an agent expires. A working agent renews its certificate, and so extends this
/// time.
fn end(agent: &Agent) -> kerberos_sso::UnixTime {
    unix_time(agent.not_after().after(FORGET_AFTER))
}

/// The largest number of agents of a tenant.
const MAX_AGENTS: usize = 64;

/// The time for which a node uses the agents that it has read, while the store cannot be reached.
const WITHOUT_STORE: Duration = Duration::from_mins(10);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::{Outage, Secret};
    use kerberos_sso::UnixTime;
    use seamless_pta::agent::{Issued, Newcomer};
    use seamless_pta::certificate::Role;
    use seamless_pta::message::{Csr, Host, ProgramVersion};
    use seamless_pta::{Fixed, SealingKey};
    use std::sync::Arc;

    fn agent() -> Agent {
        let newcomer = Newcomer {
            id: AgentId::from_random([1; 16]),
            tenant: Tenant::new("contoso.test").unwrap(),
            role: Role::Pta,
            host: Host::new("gw1").unwrap(),
            version: ProgramVersion::new("0.1.0").unwrap(),
        };
        let (serial, key) = (Fixed::new([2; 16]), SealingKey::from_random(&[3; 32]).public());
        let issued = Issued { serial, key, not_after: Time::from_seconds(2_000), challenge: Fixed::new([4; 32]) };
        Agent::enrol(newcomer, &issued, &Csr::new(vec![5]).unwrap(), Time::from_seconds(1_000))
    }

    #[tokio::test]
    async fn agent_that_the_node_has_read_is_known_for_ten_minutes_without_the_store_and_others_are_not() {
        let store = Arc::new(Outage::new(|| UnixTime::from_seconds(1_000)));
        let [node, other] = [(), ()].map(|()| Registry::new(Records::new(store.clone(), Secret::new([1; 32]))));
        let (agent, at) = (agent(), Time::from_seconds);
        node.add(&agent, at(1_000)).await.unwrap();
        assert_eq!(other.list(agent.tenant(), at(1_000)).await.unwrap(), std::slice::from_ref(&agent));
        store.set_away(true);
        assert_eq!(node.get(agent.id(), at(1_599)).await.unwrap(), Some(agent.clone()));
        assert!(node.get(agent.id(), at(1_600)).await.is_err());
        assert!(node.get(AgentId::from_random([9; 16]), at(1_000)).await.is_err());
        assert!(node.change(agent.id(), at(1_000), |agent| (Some(agent.revoked()), ())).await.is_err());
    }
}
