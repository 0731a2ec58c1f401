//! The replay cache of a tenant, whose entries outlive the process.
//!
//! If the state is in a file, the disk has the entry of an authenticator before the server admits the authenticator. So the
//! entry survives a `kill -9` and a power loss. docs/seamless.md says how much time the write takes. If the state is in
//! Valkey, the replay cache is `kerberos-sso-valkey`.
//!
//! Each cache first asks a [`MemoryReplayCache`], which limits the number of authenticators of each client.

use crate::store::{Authority, Key, Kind, Nodes, Records, StoreError, When, WithoutStore};
use kerberos_sso::replay::{
    Admission, AsyncReplayCache, MemoryReplayCache, ReplayCache as _, ReplayEntry, ReplayLimit,
};
use kerberos_sso::{Policy, UnixTime};
use kerberos_sso_valkey::{Builder, ValkeyReplayCache};
use std::time::Duration;

/// Makes the replay caches of all tenants, for the engine of the store.
pub(crate) enum Replays {
    /// `epoch` is the time since which the store has lost no entries.
    Stored {
        records: Records,
        epoch: UnixTime,
    },
    Valkey {
        nodes: Nodes,
        authority: Authority,
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
            Self::Valkey { nodes, authority, without_store } => {
                let cache = || builder(nodes, authority, policy.clock_skew()).with_entries(ENTRIES);
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

fn builder(nodes: &Nodes, authority: &Authority, clock_skew: Duration) -> Builder {
    let builder = match nodes {
        Nodes::Single(address) => ValkeyReplayCache::single(address, clock_skew),
        Nodes::Sentinels { service, sentinels } => {
            ValkeyReplayCache::sentinel(service, sentinels.iter().map(String::as_str), clock_skew)
        }
        Nodes::Cluster { cluster } => ValkeyReplayCache::cluster(cluster.iter().map(String::as_str), clock_skew),
    };
    match authority.pem() {
        Some(pem) => builder.with_root_certificate(pem),
        None => builder,
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
    /// Makes the cache accept authenticators from before the store's epoch, which a cache in the store otherwise
    /// refuses. **Such an authenticator may be a replay.**
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

/// The number of replay entries of each tenant in memory. These entries take 4.7 MB. One client has 4,000 entries at most.
const ENTRIES: usize = 200_000;

/// The time that the store keeps an entry after the authenticator has expired, in case this machine's clock is set
/// back.
const MARGIN: Duration = Duration::from_secs(5);

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;
    use crate::store::{Memory, Outage, Secret};
    use kerberos_sso::replay::{ReplayClient, ReplayTag};
    use std::sync::Arc;

    const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);

    fn records() -> Records {
        Records::new(Arc::new(Memory::new(|| NOW)), Secret::new([1; 32]))
    }

    /// Returns the cache of a node that has just started. The epoch of the store is `epoch` seconds after `NOW`.
    async fn started(records: &Records, epoch: i64) -> Replay {
        let epoch = NOW.saturating_add_seconds(epoch);
        let replays = Replays::Stored { records: records.clone(), epoch };
        replays.cache(&Policy::default()).await.unwrap_or_else(|error| panic!("{error}"))
    }

    async fn admit(cache: &Replay, tag: u8, client_time: i64) -> Admission {
        let time = NOW.saturating_add_seconds(client_time);
        let client = ReplayClient::Name { realm: b"R", name: b"alice" };
        let until = time.saturating_add_seconds(300);
        cache.admit(&ReplayEntry::new(ReplayTag::from_bytes([tag; 16]), time, until, client), NOW).await
    }

    #[tokio::test]
    async fn authenticator_from_before_the_restart_is_admitted_only_if_it_was_never_used() {
        let records = records();
        let before = started(&records, -10_000).await;
        assert_eq!(admit(&before, 1, -60).await, Admission::New);
        let after = started(&records, -10_000).await;
        assert_eq!((admit(&after, 1, -60).await, admit(&after, 2, -60).await), (Admission::Seen, Admission::New));
        assert_eq!(admit(&before, 2, -60).await, Admission::Seen, "the other node admitted this authenticator");
    }

    #[tokio::test]
    async fn authenticator_from_before_the_epoch_is_too_old() {
        let cache = started(&records(), -60).await;
        for (client_time, expected) in [(-61, Admission::TooOld), (-60, Admission::TooOld), (-59, Admission::New)] {
            assert_eq!(admit(&cache, 1, client_time).await, expected, "{client_time}");
        }
    }

    #[tokio::test]
    async fn authenticator_is_refused_if_the_store_cannot_be_reached() {
        let outage = Arc::new(Outage::new(|| NOW));
        let cache = started(&Records::new(outage.clone(), Secret::new([1; 32])), -10_000).await;
        outage.set_away(true);
        assert_eq!(admit(&cache, 1, 0).await, Admission::Failed);
    }
}
