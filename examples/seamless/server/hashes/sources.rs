//! The sources of a tenant: the position of each source, and the domains whose accounts it sends.
//!
//! A source is an enrolled agent that sends password hashes. The first source that sends an account of a domain becomes
//! the only source of this domain. Another source may take over only after the first source is revoked or locked, or
//! its certificate has expired. So no source can take a domain over unnoticed.
//!
//! Two change numbers are compared only if they come from the same directory server through the same source
//! ([`numbering`]). So a revoked source cannot block its successor by records with very high numbers.

use crate::store::{Change, FOR_EVER, Key, Kind, Records, StoreError, When};
use kerberos_sso::Sid;
use seamless_phs::ObjectId;
use seamless_pta::AgentId;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

#[derive(Clone)]
pub(super) struct Sources {
    tenant: Arc<str>,
    records: Records,
}

/// The facts about the last batch of a tenant, and about the agent that sent that batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Synchronised {
    /// The agent that sent the last batch.
    pub(crate) agent: AgentId,
    /// The time of the last batch, in seconds since 1970.
    pub(crate) last: i64,
    /// The number of accounts that the source still had to send after that batch.
    pub(crate) left: u64,
    /// The number of iterations of the last verifier. For an unknown name, the server derives the password with the
    /// same number, so that both derivations take the same time.
    pub(crate) iterations: Option<u32>,
}

/// The cursors of an agent, one for each directory server that numbers changes. The newest cursor is the last.
type Cursors = Vec<(ObjectId, String)>;

impl Sources {
    pub(super) const fn new(tenant: Arc<str>, records: Records) -> Self {
        Self { tenant, records }
    }

    pub(super) async fn synchronised(&self) -> Result<Option<Synchronised>, StoreError> {
        self.records.get(&self.key(&[b"source"])).await
    }

    pub(super) async fn set_synchronised(&self, synchronised: &Synchronised) -> Result<(), StoreError> {
        self.records.put(&self.key(&[b"source"]), synchronised, FOR_EVER, When::Always).await.map(drop)
    }

    /// Returns the agent's cursor for the directory server `source`. If `source` is `None`, returns the agent's newest
    /// cursor.
    pub(super) async fn cursor(
        &self,
        agent: AgentId,
        source: Option<ObjectId>,
    ) -> Result<Option<(ObjectId, String)>, StoreError> {
        let cursors: Cursors = self.records.get(&self.cursors_key(agent)).await?.unwrap_or_default();
        Ok(cursors.into_iter().rev().find(|(of, _)| source.is_none_or(|source| source == *of)))
    }

    /// Writes a cursor.
    pub(super) async fn set_cursor(&self, agent: AgentId, source: ObjectId, cursor: &str) -> Result<(), StoreError> {
        let set = |cursors: Option<Cursors>| {
            let mut cursors = cursors.unwrap_or_default();
            cursors.retain(|(of, _)| *of != source);
            let excess = cursors.len().saturating_add(1).saturating_sub(MAX_CURSORS);
            cursors.drain(..excess.min(cursors.len()));
            cursors.push((source, cursor.to_owned()));
            (Change::Put(cursors, FOR_EVER), ())
        };
        self.records.update(&self.cursors_key(agent), set).await
    }

    /// Returns the agent that sends the accounts of a domain.
    pub(super) async fn owner(&self, domain: Sid) -> Result<Option<AgentId>, StoreError> {
        self.records.get(&self.owner_key(domain)).await
    }

    /// Makes `agent` the source of a domain, if `before` is still the source. Returns the agent that is the source
    /// afterwards.
    pub(super) async fn set_owner(
        &self,
        domain: Sid,
        before: Option<AgentId>,
        agent: AgentId,
    ) -> Result<AgentId, StoreError> {
        let set = |owner: Option<AgentId>| match owner {
            Some(owner) if Some(owner) != before => (Change::Keep, owner),
            _ => (Change::Put(agent, FOR_EVER), agent),
        };
        self.records.update(&self.owner_key(domain), set).await
    }

    fn cursors_key(&self, agent: AgentId) -> Key {
        self.key(&[b"cursors", agent.as_bytes()])
    }

    fn owner_key(&self, domain: Sid) -> Key {
        self.key(&[b"owner", &domain.to_bytes()])
    }

    fn key(&self, name: &[&[u8]]) -> Key {
        let parts: Vec<&[u8]> = [self.tenant.as_bytes()].into_iter().chain(name.iter().copied()).collect();
        Key::new(Kind::HashSource, &self.records.secret().name(&parts))
    }
}

/// Returns an identifier of the change numbers that a directory server gives to an agent. Two change numbers can be
/// compared only if they have the same identifier.
pub(super) fn numbering(agent: AgentId, source: ObjectId) -> ObjectId {
    let digest = Sha256::new().chain_update(agent.as_bytes()).chain_update(source.0).finalize();
    ObjectId(digest.first_chunk().copied().unwrap_or_default())
}

/// The largest number of cursors that the store keeps for one agent. Each cursor is for another directory server.
const MAX_CURSORS: usize = 4;
