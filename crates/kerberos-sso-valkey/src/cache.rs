//! The replay cache: it asks the cache of this process first, then the store.

use crate::error::StoreError;
use crate::link::{Entry, Reply};
use crate::nodes::Nodes;
use crate::outcomes::{Counters, Outcomes};
use crate::settings::{MARGIN, Settings};
use crate::slot::slot;
use kerberos_sso::UnixTime;
use kerberos_sso::replay::{
    Admission, AsyncReplayCache, MemoryReplayCache, ReplayCache as _, ReplayEntry, ReplayLimit,
};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A replay cache that is shared by all servers with the same store.
///
/// [`single`](Self::single), [`sentinel`](Self::sentinel) and [`cluster`](Self::cluster) return a
/// [`Builder`](crate::Builder).
///
/// # The cost of a request
/// For a request, the cache sends the commands `SET … NX PXAT` and `TIME` to one node, in one round trip. If several
/// requests have the same authenticator, at any of the servers, at most one request is admitted.
///
/// # If the store cannot decide
/// The request is refused ([`Admission::Failed`]), and the user falls back to another way to sign in. The cache never
/// sends a command a second time, because the second command would find the entry of the first command and report a
/// replay. The cache logs why the store could not decide, each time
/// that the cause changes.
///
/// # Clones
/// A clone shares all data with the original. Keep a clone beside the validator to read [`outcomes`](Self::outcomes) and
/// [`fault`](Self::fault).
#[derive(Clone)]
pub struct ValkeyReplayCache {
    pub(crate) shared: Arc<Shared>,
    _watch: Arc<Watch>,
}

/// The task that compares the store's clock with this server's clock and asks the sentinels whether the master has
/// changed. The task ends when the last clone of the cache is dropped.
struct Watch(JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The data that the cache shares with its watch task.
pub(crate) struct Shared {
    pub(crate) nodes: Nodes,
    /// The authenticators that this process admitted. This cache also limits the number of authenticators of each client.
    pub(crate) own: MemoryReplayCache,
    pub(crate) settings: Settings,
    counters: Counters,
    fault: Mutex<Fault>,
}

/// The reason why the store did not decide, and the time of the last log event about the store.
#[derive(Debug, Default)]
struct Fault {
    error: Option<StoreError>,
    /// The reason that the latest log event named.
    logged_error: Option<StoreError>,
    logged: Option<Instant>,
}

impl Fault {
    /// Returns whether the cache must log the present reason at `now`: the log does not name the reason yet, and the
    /// last event is old enough.
    fn must_be_logged(&mut self, now: Instant) -> bool {
        let is_early = self.logged.is_some_and(|logged| now.saturating_duration_since(logged) < LOG_INTERVAL);
        if is_early || self.logged_error == self.error {
            return false;
        }
        self.logged_error.clone_from(&self.error);
        self.logged = Some(now);
        true
    }
}

/// The shortest interval between two log events about the store. Without this interval, a store that fails often would
/// fill the log.
const LOG_INTERVAL: Duration = Duration::from_secs(1);

/// The interval at which the cache compares the store's clock with this server's clock and asks the sentinels for the
/// master.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// The largest number of redirections that the cache follows for one request in a cluster. A slot that is moving causes
/// two redirections.
const MAX_MOVES: usize = 5;

impl ValkeyReplayCache {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let watched = Arc::downgrade(&shared);
        let watch = tokio::spawn(async move {
            loop {
                tokio::time::sleep(WATCH_INTERVAL).await;
                let Some(shared) = watched.upgrade() else { return };
                shared.look().await;
            }
        });
        Self { shared, _watch: Arc::new(Watch(watch)) }
    }

    /// Returns how many times the cache has given each answer so far.
    #[must_use]
    pub fn outcomes(&self) -> Outcomes {
        self.shared.counters.read()
    }

    /// Returns the reason why the store did not decide about the last authenticator; `None` if the store decided.
    #[must_use]
    pub fn fault(&self) -> Option<StoreError> {
        self.shared.fault.lock().unwrap_or_else(PoisonError::into_inner).error.clone()
    }
}

impl AsyncReplayCache for ValkeyReplayCache {
    async fn admit(&self, entry: &ReplayEntry<'_>, now: UnixTime) -> Admission {
        // The tag and the times are copied, so that the entry is not borrowed while the store is asked.
        let admission = match self.shared.own.check_and_insert(entry, now) {
            Admission::New => {
                let times = Entry { client_time: entry.client_time, forget_at: entry.forget_at(MARGIN), now };
                let key = key(entry.tag.as_bytes());
                self.shared.ask(&key, times).await
            }
            refused => refused,
        };
        self.shared.counters.count(admission);
        admission
    }
}

impl Shared {
    pub(crate) fn new(nodes: Nodes, own: MemoryReplayCache, settings: Settings) -> Self {
        Self { nodes, own, settings, counters: Counters::default(), fault: Mutex::default() }
    }

    async fn ask(&self, key: &[u8], entry: Entry) -> Admission {
        let began = Instant::now();
        // Without this limit, the sum of the waits for several nodes could be longer than the margin of an entry.
        let limit = self.settings.connect_timeout.saturating_add(self.settings.timeout);
        let late = || StoreError::NoNode { reason: format!("no node answered within {} ms", limit.as_millis()) };
        let answer = timeout(limit, self.ask_nodes(key, entry)).await.unwrap_or_else(|_| Err(late()));
        self.counters.count_answer(began.elapsed());
        self.note(answer.as_ref().err());
        match answer {
            Ok(admission) => admission,
            Err(_) => Admission::Failed,
        }
    }

    /// Asks the node that serves the key. If that node redirects the request, it has stored nothing, so the cache asks the
    /// node that the redirection names.
    async fn ask_nodes(&self, key: &[u8], entry: Entry) -> Result<Admission, StoreError> {
        let slot = slot(key);
        let mut link = self.nodes.link_for(slot).await?;
        let mut asks = false;
        for _ in 0..MAX_MOVES {
            if self.nodes.may_have_forgotten(slot, entry.client_time) {
                return Ok(Admission::TooOld);
            }
            let reply = match link.set_if_absent(key, entry, asks).await {
                Ok(reply) => reply,
                Err(error) => {
                    // After a time-out or too few confirmations, the cache keeps the connection, because the node is
                    // still the right node. After other errors, another process may run at this address, so the cache
                    // connects again.
                    if !matches!(error, StoreError::TimedOut { .. } | StoreError::Unconfirmed { .. }) {
                        self.nodes.drop_link(&link);
                    }
                    return Err(error);
                }
            };
            let (to, is_moved) = match reply {
                Reply::New => return Ok(Admission::New),
                Reply::Seen => return Ok(Admission::Seen),
                Reply::MayBeForgotten => return Ok(Admission::TooOld),
                Reply::Full => return Ok(Admission::Full(ReplayLimit::Cache)),
                Reply::Moved(to) => (to, true),
                Reply::Ask(to) => (to, false),
            };
            // Without a host, a redirection means the host of the node that sent the redirection.
            let to = if names_no_host(&to.0) { (host_of(link.node()), to.1) } else { to };
            if is_moved {
                self.nodes.note_move(slot, &link, &to);
            }
            asks = !is_moved;
            link = self.nodes.link_to(&to, false).await?;
        }
        Err(StoreError::NoNode { reason: format!("slot {slot} was redirected {MAX_MOVES} times") })
    }

    /// Checks each node to which a connection is open, and asks the sentinels whether the master has changed.
    pub(crate) async fn look(&self) {
        for link in self.nodes.open_links() {
            let Err(error) = link.check().await else { continue };
            if let StoreError::Clock { .. } = error {
                self.note(Some(&error));
            } else {
                tracing::warn!(%error, "a connection to the replay store is opened again");
                self.nodes.drop_link(&link);
            }
        }
        self.nodes.check_master().await;
    }

    /// Notes whether the store decided, and logs each change.
    fn note(&self, error: Option<&StoreError>) {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        if fault.error.as_ref() != error {
            fault.error = error.cloned();
        }
        if !fault.must_be_logged(Instant::now()) {
            return;
        }
        if let Some(error) = error {
            tracing::error!(%error, "the replay store does not decide, so requests with a ticket are refused");
        } else {
            tracing::info!("the replay store decides again");
        }
    }
}

/// Returns the store's key for a replay tag. The key begins with the empty hash tag `{}`, so a cluster hashes the whole key,
/// even if the replay tag contains braces.
fn key(tag: &[u8; 16]) -> [u8; 19] {
    let mut key = *b"{}r................";
    if let Some(place) = key.last_chunk_mut::<16>() {
        *place = *tag;
    }
    key
}

/// Returns whether the host in a node's answer means the host of that node (`CLUSTER SLOTS`, `MOVED`).
pub(crate) fn names_no_host(host: &str) -> bool {
    matches!(host, "" | "?")
}

fn host_of(node: &str) -> String {
    node.rsplit_once(':').map_or(node, |(host, _)| host).into()
}

impl fmt::Debug for ValkeyReplayCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValkeyReplayCache").field("outcomes", &self.outcomes()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects)]
    use super::{Fault, LOG_INTERVAL, host_of, key, names_no_host};
    use crate::error::StoreError;
    use std::time::{Duration, Instant};

    #[test]
    fn key_of_a_replay_tag_is_the_empty_hash_tag_and_the_letter_r_and_the_tag() {
        assert_eq!(&key(b"0123456789abcdef"), b"{}r0123456789abcdef");
    }

    #[test]
    fn host_of_a_node_is_its_address_without_the_port() {
        assert_eq!(host_of("10.0.0.1:6379"), "10.0.0.1");
        assert_eq!(host_of("[::1]:6379"), "[::1]");
    }

    #[test]
    fn host_that_is_empty_or_a_question_mark_is_no_host() {
        assert_eq!(["", "?", "a", "??"].map(names_no_host), [true, true, false, false]);
    }

    #[test]
    fn fault_that_changes_within_a_second_of_a_log_event_is_logged_a_second_after_that_event() {
        let (began, mut fault) = (Instant::now(), Fault::default());
        let mut at = |error: Option<&StoreError>, after: Duration| {
            fault.error = error.cloned();
            fault.must_be_logged(began + after)
        };
        let error = StoreError::TimedOut { node: "a:1".into() };
        let nearly = LOG_INTERVAL.saturating_sub(Duration::from_nanos(1));
        assert!(!at(None, Duration::ZERO));
        assert!(at(Some(&error), Duration::ZERO));
        assert!(!at(None, nearly));
        assert!(at(None, LOG_INTERVAL));
        assert!(!at(Some(&error), LOG_INTERVAL + nearly));
        assert!(at(Some(&error), LOG_INTERVAL * 2));
        assert!(!at(Some(&error), LOG_INTERVAL * 3));
    }
}
