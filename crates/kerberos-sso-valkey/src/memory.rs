//! The time up to which a node may have forgotten authenticators, and the authenticators that are refused for this reason.
//!
//! A node that restarted, was emptied or was promoted may have lost authenticators that were admitted before. So this crate
//! refuses every authenticator that may have been sent before the loss.

use crate::info::{Life, Node};
use crate::settings::{MARGIN, Start};
use kerberos_sso::UnixTime;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The memory of one life of a node. Authenticators that were admitted up to `whole_after` may be forgotten.
#[derive(Debug)]
pub(crate) struct Memory {
    whole_after: Mutex<Option<UnixTime>>,
}

impl Memory {
    const fn new(whole_after: Option<UnixTime>) -> Self {
        Self { whole_after: Mutex::new(whole_after) }
    }

    /// Notes that the node may have forgotten the authenticators that it stored up to `now`.
    pub(crate) fn forget(&self, now: UnixTime) {
        let mut whole_after = self.whole_after.lock().unwrap_or_else(PoisonError::into_inner);
        *whole_after = (*whole_after).max(Some(now));
    }

    /// Returns the instant up to which admitted authenticators may be forgotten; `None` if the node forgot none.
    pub(crate) fn whole_after(&self) -> Option<UnixTime> {
        *self.whole_after.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether an authenticator with the time `client_time` may have been admitted and forgotten.
    pub(crate) fn may_have_forgotten(&self, client_time: UnixTime, start: Start, clock_skew: Duration) -> bool {
        may_have_been_admitted(client_time, self.whole_after(), start, clock_skew)
    }
}

/// Returns whether it is possible that an authenticator with
/// the time `client_time` was admitted at `whole_after` or earlier.
pub(crate) fn may_have_been_admitted(
    client_time: UnixTime,
    whole_after: Option<UnixTime>,
    start: Start,
    clock_skew: Duration,
) -> bool {
    let Some(whole_after) = whole_after else { return false };
    let closed = match start {
        Start::Default => whole_after,
        // Before the loss, a client with a fast clock may have sent authenticators whose times are up to one skew
        // later.
        Start::Strict => after(after(whole_after, clock_skew), MARGIN),
    };
    client_time.seconds() <= closed.seconds()
}

/// The memories of the node processes that this process has met. For each process, the latest life is kept.
#[derive(Debug)]
pub(crate) struct Memories {
    known: Mutex<HashMap<String, (Life, Arc<Memory>)>>,
}

impl Memories {
    pub(crate) fn new() -> Self {
        Self { known: Mutex::default() }
    }

    /// Returns the memory of a node whose `INFO` was read at `now`. `is_first_start` is set if the operator states that
    /// no authenticator was admitted before. In this case, a process of the store that this server meets for the first
    /// time has lost no authenticator.
    pub(crate) fn of(&self, node: &Node, now: UnixTime, is_first_start: bool) -> Arc<Memory> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (life, memory) = known.entry(node.life.run_id.clone()).or_insert_with(|| {
            let whole_after = if is_first_start {
                None
            } else if node.forgot_at_unknown_time() {
                Some(now)
            } else {
                // The node rounds its uptime, so it may have started up to one second later.
                Some(now.saturating_add_seconds(node.uptime_seconds.saturating_neg()).saturating_add_seconds(1))
            };
            // A life cannot begin later than `now`.
            (node.life.clone(), Arc::new(Memory::new(whole_after.map(|whole_after| whole_after.min(now)))))
        });
        // A count of flushes can also return to an earlier value, because `CONFIG RESETSTAT` sets the count to zero.
        if *life != node.life {
            memory.forget(now);
            life.clone_from(&node.life);
        }
        Arc::clone(memory)
    }
}

/// Returns the instant that is `duration` later than `instant`.
fn after(instant: UnixTime, duration: Duration) -> UnixTime {
    instant.saturating_add_seconds(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::info::tests::MASTER;

    const NOW: UnixTime = UnixTime::from_seconds(1_795_000_000);
    const SKEW: Duration = Duration::from_secs(300);

    fn at(seconds: i64) -> UnixTime {
        NOW.saturating_add_seconds(seconds)
    }

    #[test]
    fn authenticator_from_the_second_in_which_the_node_started_or_earlier_may_be_forgotten() {
        let memory = Memories::new().of(&Node::parse(MASTER).unwrap(), NOW, false);
        assert_eq!(memory.whole_after(), Some(at(-99)));
        assert!(memory.may_have_forgotten(at(-99), Start::Default, SKEW));
        assert!(!memory.may_have_forgotten(at(-98), Start::Default, SKEW));
    }

    #[test]
    fn strict_start_also_refuses_authenticators_up_to_305_seconds_after_a_loss_at_a_skew_of_300_seconds() {
        let memory = Memories::new().of(&Node::parse(MASTER).unwrap(), NOW, false);
        assert!(memory.may_have_forgotten(at(-99 + 305), Start::Strict, SKEW));
        assert!(!memory.may_have_forgotten(at(-99 + 306), Start::Strict, SKEW));
    }

    #[test]
    fn process_of_a_first_start_has_forgotten_nothing_but_the_process_after_a_restart_may_have() {
        let memories = Memories::new();
        let first = memories.of(&Node::parse(MASTER).unwrap(), NOW, true);
        assert!(!first.may_have_forgotten(at(-1_000), Start::Strict, SKEW));
        let restarted = MASTER.replace("5d3f0a1c8b", "another").replace("seconds:100", "seconds:0");
        let second = memories.of(&Node::parse(&restarted).unwrap(), at(60), false);
        assert!(second.may_have_forgotten(at(60), Start::Default, SKEW));
        assert!(!second.may_have_forgotten(at(61), Start::Default, SKEW));
    }

    #[test]
    fn promoted_or_emptied_node_may_have_forgotten_authenticators_up_to_the_first_contact() {
        let promoted = MASTER.replace("master_replid2:0", "master_replid2:9");
        let emptied = format!("{MASTER}cmdstat_flushall:calls=1,usec=5\r\n");
        for info in [promoted, emptied] {
            let memory = Memories::new().of(&Node::parse(&info).unwrap(), NOW, false);
            assert_eq!(memory.whole_after(), Some(NOW), "{info}");
        }
    }

    #[test]
    fn second_contact_with_a_promoted_node_does_not_change_the_time_of_its_loss() {
        let memories = Memories::new();
        let promoted = Node::parse(&MASTER.replace("master_replid2:0", "master_replid2:9")).unwrap();
        memories.of(&promoted, NOW, false);
        assert_eq!(memories.of(&promoted, at(500), false).whole_after(), Some(NOW));
    }

    /// `CONFIG RESETSTAT` sets the count of flushes to the value that it had before the flush.
    #[test]
    fn node_may_have_forgotten_authenticators_up_to_the_contact_at_which_its_count_of_flushes_is_zero_again() {
        let memories = Memories::new();
        let [whole, emptied] = [MASTER.into(), format!("{MASTER}cmdstat_flushall:calls=1,usec=5\r\n")];
        for (info, seconds) in [(&whole, 0), (&emptied, 60), (&whole, 90)] {
            memories.of(&Node::parse(info).unwrap(), at(seconds), false);
        }
        let memory = memories.of(&Node::parse(&whole).unwrap(), at(120), false);
        assert_eq!(memory.whole_after(), Some(at(90)));
    }

    /// Between the two contacts, the node may have been a replica, and another master may have admitted authenticators
    /// that the node does not have.
    #[test]
    fn process_with_another_history_of_writes_may_have_forgotten_authenticators_up_to_the_second_contact() {
        let memories = Memories::new();
        memories.of(&Node::parse(MASTER).unwrap(), NOW, true);
        let promoted = Node::parse(&MASTER.replace("replid:aa11", "replid:bb22")).unwrap();
        assert_eq!(memories.of(&promoted, at(500), false).whole_after(), Some(at(500)));
    }

    #[test]
    fn node_that_lost_its_memory_twice_may_have_forgotten_authenticators_up_to_the_later_loss() {
        let memory = Memories::new().of(&Node::parse(MASTER).unwrap(), NOW, true);
        memory.forget(at(10));
        memory.forget(at(5));
        assert_eq!(memory.whole_after(), Some(at(10)));
    }
}
