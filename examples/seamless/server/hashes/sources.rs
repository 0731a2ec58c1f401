//! The sources of a tenant: how far each one is, and whose accounts it sends.
//!
//! A source is the certificate of an agent. The first source that sends an account of a domain sends the accounts of this domain from
//! then on. Another one may not, until the first one is revoked, locked or expired: so no source takes a domain over in silence.
//!
//! Numbers of changes are compared within one directory server of one source only ([`numbering`]). So a source that was revoked
//! cannot have numbered its records so high that those of its successor are older.

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

/// What the server knows of the source that sent last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Synchronised {
    /// The agent that sent.
    pub(crate) agent: AgentId,
    /// The time of the last batch, in seconds since 1970.
    pub(crate) last: i64,
    /// The number of accounts that the source had still to send then.
    pub(crate) left: u64,
    /// The number of iterations of the last verifier, with which an unknown name is derived.
    pub(crate) iterations: Option<u32>,
}

/// The cursors of an agent by the directory servers that number its changes, the newest one last.
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

    /// Returns the cursor of a directory server, or the newest one if the source does not name it.
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

    /// Lets an agent send the accounts of a domain, if `before` still sends them. Returns the agent that sends them now.
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

/// Returns whose numbers of changes can be compared with each other: those of one directory server that one agent sends.
pub(super) fn numbering(agent: AgentId, source: ObjectId) -> ObjectId {
    let digest = Sha256::new().chain_update(agent.as_bytes()).chain_update(source.0).finalize();
    ObjectId(digest.first_chunk().copied().unwrap_or_default())
}

/// The largest number of directory servers of one agent.
const MAX_CURSORS: usize = 4;
