//! The replay cache of a tenant, whose entries outlive the process.
//!
//! If the state is in a file, the disk has the entry of an authenticator before the server admits the authenticator. So
//! the entry survives a `kill -9` and a power loss. docs/seamless.md says what this costs. If the state is in Valkey,
//! the replay cache is `kerberos-sso-valkey`.
//!
//! Each cache first asks a [`MemoryReplayCache`], which limits the number of authenticators of each client.

use crate::store::{Key, Kind, Nodes, Records, StoreError, When, WithoutStore};
use kerberos_sso::replay::{
    Admission, AsyncReplayCache, MemoryReplayCache, ReplayCache as _, ReplayEntry, ReplayLimit,
};
use kerberos_sso::{Policy, UnixTime};
use kerberos_sso_valkey::{Builder, ValkeyReplayCache};
use std::time::Duration;

/// The makers of replay caches, by the engine of the store.
pub(crate) enum Replays {
    /// `epoch` is the time since which the store has lost no entries.
    Stored {
        records: Records,
        epoch: UnixTime,
    },
    Valkey {
        nodes: Nodes,
        without_store: WithoutStore,
    },
}

impl Replays {
    /// Makes the replay cache of a tenant.
    pub(crate) async fn cache(&self, policy: &Policy) -> Result<Replay, String> {
        match self {
            Self::Stored { records, epoch } => {
                let own = MemoryReplayCache::new(ENTRIES, policy.clock_skew(), *epoch);
                Ok(Replay::Stored(StoredReplay { own, records: records.clone() }))
            }
            Self::Valkey { nodes, without_store } => {
                let cache = || builder(nodes, policy.clock_skew()).with_entries(ENTRIES);
                match (cache().connect().await, without_store) {
                    (Ok(cache), _) => Ok(Replay::Valkey(cache)),
                    (Err(error), WithoutStore::Refuse) => Err(error.to_string()),
                    (Err(error), WithoutStore::Passwords) => {
                        tracing::error!("until the replay store can be asked, tickets are refused: {error}");
                        cache().start().map(Replay::Valkey).map_err(|error| error.to_string())
                    }
                }
            }
        }
    }
}

fn builder(nodes: &Nodes, clock_skew: Duration) -> Builder {
    match nodes {
        Nodes::Single(address) => ValkeyReplayCache::single(address, clock_skew),
        Nodes::Sentinels { service, sentinels } => {
            ValkeyReplayCache::sentinel(service, sentinels.iter().map(String::as_str), clock_skew)
        }
        Nodes::Cluster { cluster } => ValkeyReplayCache::cluster(cluster.iter().map(String::as_str), clock_skew),
    }
}

#[cfg(test)]
impl Replays {
    pub(crate) fn for_tests() -> Self {
        Self::Stored { records: Records::for_tests(), epoch: UnixTime::from_seconds(0) }
    }
}

/// The replay cache of a tenant.
pub(crate) enum Replay {
    Stored(StoredReplay),
    Valkey(ValkeyReplayCache),
}

/// A replay cache in the store of this machine.
pub(crate) struct StoredReplay {
    /// Refuses the authenticators from before the store's epoch, because the store may have lost their entries.
    own: MemoryReplayCache,
    records: Records,
}

impl Replay {
    /// Accepts authenticators from before the store's epoch too. **Such an authenticator may be a replay.**
    pub(crate) fn taking_earlier_authenticators(self) -> Self {
        match self {
            Self::Stored(cache) => {
                Self::Stored(StoredReplay { own: cache.own.taking_earlier_authenticators(), ..cache })
            }
            Self::Valkey(cache) => Self::Valkey(cache),
        }
    }
}

impl AsyncReplayCache for Replay {
    async fn admit(&self, entry: &ReplayEntry<'_>, now: UnixTime) -> Admission {
        match self {
            Self::Stored(cache) => cache.admit(entry, now).await,
            Self::Valkey(cache) => cache.admit(entry, now).await,
        }
    }
}

impl AsyncReplayCache for StoredReplay {
    async fn admit(&self, entry: &ReplayEntry<'_>, now: UnixTime) -> Admission {
        match self.own.check_and_insert(entry, now) {
            Admission::New => {}
            refused => return refused,
        }
        let key = Key::new(Kind::Replay, entry.tag.as_bytes());
        match self.records.store().put(&key, Vec::new(), entry.forget_at(MARGIN), When::Absent).await {
            Ok(true) => Admission::New,
            Ok(false) => Admission::Seen,
            Err(StoreError::Full) => Admission::Full(ReplayLimit::Cache),
            Err(error) => {
                tracing::error!("no authenticator is admitted: {error}");
                Admission::Failed
            }
        }
    }
}

/// The number of replay entries of each tenant in memory, which take 4.7 MB. One client has 4,000 entries at most.
const ENTRIES: usize = 200_000;

/// The time that the store keeps an entry after the authenticator has expired, in case this machine's clock is set
/// back.
const MARGIN: Duration = Duration::from_secs(5);
