//! The messages about sign-outs that clients have not received yet. The store keeps each message until the client has
//! received or refused it, or until the server gives it up. If a node stops, another node sends the messages that the
//! stopped node has not delivered, or the same node does so after its restart.
//!
//! The store cannot list its entries, so the messages of a tenant are in [`PARTS`] lists. Before a node sends a
//! message, it claims the message for the time of a lease. The message is not due before the end of the lease, so no
//! other node sends it. If the node stops during the lease, the message is due again after the lease.

use crate::clock;
use crate::store::{Change, Key, Kind, Locator, Records, StoreError};
use kerberos_sso::UnixTime;
use serde::{Deserialize, Serialize};

/// The messages in the store.
#[derive(Clone)]
pub(crate) struct LogoutQueue(Records);

/// A message that tells a client that a user has signed out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    id: Locator,
    pub(super) client_id: String,
    /// The user's subject for this client.
    pub(super) subject: String,
    /// The `sid` that this client's tokens have for the user's stay.
    pub(super) session: String,
    /// The number of tries that have begun.
    tries: u8,
    /// The time of the next try, in seconds since 1970. While a node has claimed the message, this time is the end of
    /// the lease.
    due: i64,
    /// The time at which the server gives the message up, in seconds since 1970.
    end: i64,
    part: u8,
}

impl Pending {
    /// Makes a message. All messages of a stay are in the same list.
    pub(super) fn new(stay: &Locator, client_id: String, subject: String, session: String, now: UnixTime) -> Self {
        let part = stay.first().and_then(|octet| octet.checked_rem(PARTS)).unwrap_or_default();
        let (due, end) = (now.seconds(), now.saturating_add_seconds(LIFE).seconds());
        Self { id: clock::random(), client_id, subject, session, tries: 0, due, end, part }
    }

    fn claim(&mut self, now: UnixTime) {
        self.tries = self.tries.saturating_add(1);
        self.due = now.saturating_add_seconds(LEASE).seconds();
    }

    fn is_due(&self, now: UnixTime) -> bool {
        self.due <= now.seconds()
    }
}

impl LogoutQueue {
    pub(crate) const fn new(records: Records) -> Self {
        Self(records)
    }

    /// Adds messages of one stay. Claims at most `most` of the added messages for this node, and returns the claimed
    /// messages. Does not add a message if its list already has [`MAX_OF_CLIENT`] messages to the same client, or
    /// [`MAX_OF_PART`] messages in all.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(super) async fn add(
        &self,
        tenant: &str,
        messages: Vec<Pending>,
        most: usize,
        now: UnixTime,
    ) -> Result<Vec<Pending>, StoreError> {
        let Some(part) = messages.first().map(|message| message.part) else { return Ok(Vec::new()) };
        let change = |list: Option<Vec<Pending>>| {
            let (mut list, mut claimed) = (live(list, now), Vec::new());
            for message in &messages {
                let of_client = list.iter().filter(|one| one.client_id == message.client_id).count();
                if list.len() >= MAX_OF_PART || of_client >= MAX_OF_CLIENT {
                    let client_id = &message.client_id;
                    tracing::error!(tenant, client_id, "a client is not told of a sign-out: too many messages wait");
                    continue;
                }
                let mut message = message.clone();
                if claimed.len() < most {
                    message.claim(now);
                    claimed.push(message.clone());
                }
                list.push(message);
            }
            (put(list, now), claimed)
        };
        self.0.update(&self.key(tenant, part), change).await
    }

    /// Claims at most `most` of the messages in a list that are due.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(super) async fn claim(
        &self,
        tenant: &str,
        part: u8,
        most: usize,
        now: UnixTime,
    ) -> Result<Vec<Pending>, StoreError> {
        let key = self.key(tenant, part);
        let listed: Option<Vec<Pending>> = self.0.get(&key).await?;
        // If no message is due, the node does not write to the store.
        if most == 0 || !listed.is_some_and(|list| list.iter().any(|message| message.is_due(now))) {
            return Ok(Vec::new());
        }
        let change = |list: Option<Vec<Pending>>| {
            let (mut list, mut claimed) = (live(list, now), Vec::new());
            for message in list.iter_mut().filter(|message| message.is_due(now)).take(most) {
                message.claim(now);
                claimed.push(message.clone());
            }
            (put(list, now), claimed)
        };
        self.0.update(&key, change).await
    }

    /// Deletes a message that was delivered, or that its client refused.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked. The message then stays in the queue, and a node sends the message
    /// again.
    pub(super) async fn finish(&self, tenant: &str, message: &Pending, now: UnixTime) -> Result<(), StoreError> {
        let change = |list: Option<Vec<Pending>>| {
            let mut list = live(list, now);
            list.retain(|one| one.id != message.id);
            (put(list, now), ())
        };
        self.0.update(&self.key(tenant, message.part), change).await
    }

    /// Postpones a message whose try failed. Returns whether another try follows. Does not change a message that
    /// another node has claimed since then.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked. The message is then due after the lease.
    pub(super) async fn postpone(&self, tenant: &str, message: &Pending, now: UnixTime) -> Result<bool, StoreError> {
        let pause = usize::from(message.tries).checked_sub(1).and_then(|failed| PAUSES.get(failed));
        let change = |list: Option<Vec<Pending>>| {
            let mut list = live(list, now);
            match pause {
                Some(pause) => {
                    let mut own = list.iter_mut().filter(|one| one.id == message.id && one.tries == message.tries);
                    if let Some(own) = own.next() {
                        own.due = now.saturating_add_seconds(*pause).seconds();
                    }
                }
                None => list.retain(|one| one.id != message.id),
            }
            (put(list, now), ())
        };
        self.0.update(&self.key(tenant, message.part), change).await?;
        Ok(pause.is_some())
    }

    fn key(&self, tenant: &str, part: u8) -> Key {
        Key::new(Kind::LogoutMessages, &self.0.secret().name(&[b"logout", tenant.as_bytes(), &[part]]))
    }
}

/// Returns the messages whose `end` has not come, and logs the others.
fn live(list: Option<Vec<Pending>>, now: UnixTime) -> Vec<Pending> {
    let mut list = list.unwrap_or_default();
    list.retain(|message| {
        let is_live = message.end > now.seconds();
        if !is_live {
            tracing::error!(
                client_id = message.client_id,
                "a client is not told of a sign-out: no node could deliver the message in time"
            );
        }
        is_live
    });
    list
}

fn put(list: Vec<Pending>, now: UnixTime) -> Change<Vec<Pending>> {
    let end = list.iter().map(|message| message.end).max().unwrap_or_else(|| now.seconds());
    Change::Put(list, UnixTime::from_seconds(end))
}

/// The number of lists of a tenant.
pub(super) const PARTS: u8 = 16;

/// The largest number of messages in a list.
const MAX_OF_PART: usize = 64;

/// The largest number of messages to one client in a list. With this limit, a client that does not answer leaves room
/// for other clients.
const MAX_OF_CLIENT: usize = 16;

/// The pauses after a try that failed, in seconds. After the last pause, one more try follows.
const PAUSES: [i64; 5] = [2, 10, 60, 5 * 60, 15 * 60];

/// The time of a lease, in seconds. A node ends each try within this time.
const LEASE: i64 = 30;

/// The lifetime of a message, in seconds. If no node runs in this time, the message ends without a further try.
const LIFE: i64 = 60 * 60;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::store::{Memory, Secret};
    use std::sync::Arc;

    const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);
    const TENANT: &str = "contoso.test";

    fn at(seconds: i64) -> UnixTime {
        NOW.saturating_add_seconds(seconds)
    }

    /// Returns the queues of two nodes with one store. The store's clock stands still.
    fn nodes() -> [LogoutQueue; 2] {
        let store = Arc::new(Memory::new(|| NOW));
        [(), ()].map(|()| LogoutQueue::new(Records::new(store.clone(), Secret::new([1; 32]))))
    }

    fn message(client_id: &str) -> Pending {
        Pending::new(&[7; 16], client_id.into(), "subject".into(), "session".into(), NOW)
    }

    async fn claimed(node: &LogoutQueue, seconds: i64) -> Vec<String> {
        let claimed = node.claim(TENANT, 7, 9, at(seconds)).await.unwrap();
        claimed.into_iter().map(|message| message.client_id).collect()
    }

    #[tokio::test]
    async fn message_of_a_node_that_ended_is_claimed_by_one_other_node_after_the_lease() {
        let [ended, other] = nodes();
        let own = ended.add(TENANT, vec![message("a"), message("b")], 1, NOW).await.unwrap();
        assert_eq!(own.iter().map(|message| &*message.client_id).collect::<Vec<_>>(), ["a"]);
        assert_eq!(claimed(&other, 0).await, ["b"], "nobody had claimed it");
        assert_eq!(claimed(&other, 29).await, [""; 0]);
        assert_eq!(claimed(&other, 30).await, ["a", "b"]);
        assert_eq!(claimed(&ended, 30).await, [""; 0]);
    }

    #[tokio::test]
    async fn two_nodes_at_the_same_time_claim_each_message_once() {
        let nodes = nodes();
        for client_id in ["a", "b", "c"] {
            nodes[0].add(TENANT, vec![message(client_id)], 0, NOW).await.unwrap();
        }
        let claims = nodes.each_ref().map(|node| node.claim(TENANT, 7, 2, NOW));
        let [first, second] = claims;
        let (first, second) = tokio::join!(first, second);
        let mut all: Vec<_> = first.unwrap().into_iter().chain(second.unwrap()).map(|one| one.client_id).collect();
        all.sort();
        assert_eq!(all, ["a", "b", "c"]);
    }

    #[tokio::test]
    async fn message_is_tried_six_times_with_longer_pauses_and_then_given_up() {
        let [node, _] = nodes();
        let mut own = node.add(TENANT, vec![message("a")], 1, NOW).await.unwrap();
        let mut seconds = 0;
        for pause in [2, 10, 60, 300, 900] {
            assert_eq!(node.postpone(TENANT, &own[0], at(seconds)).await, Ok(true));
            assert_eq!(claimed(&node, seconds + pause - 1).await, [""; 0], "{pause}");
            seconds += pause;
            own = node.claim(TENANT, 7, 1, at(seconds)).await.unwrap();
        }
        assert_eq!(node.postpone(TENANT, &own[0], at(seconds)).await, Ok(false));
        assert_eq!(claimed(&node, 3_599).await, [""; 0]);
    }

    #[tokio::test]
    async fn delivered_message_is_deleted_and_an_undelivered_one_ends_after_an_hour() {
        let [node, other] = nodes();
        let own = node.add(TENANT, vec![message("a"), message("b")], 1, NOW).await.unwrap();
        node.finish(TENANT, &own[0], NOW).await.unwrap();
        assert_eq!(claimed(&other, 3_599).await, ["b"]);
        node.add(TENANT, vec![message("c")], 0, NOW).await.unwrap();
        assert_eq!(claimed(&other, 3_600).await, [""; 0]);
    }

    #[tokio::test]
    async fn node_whose_lease_ended_does_not_postpone_the_try_of_another_node() {
        let [slow, other] = nodes();
        let of_slow = slow.add(TENANT, vec![message("a")], 1, NOW).await.unwrap();
        assert_eq!(claimed(&other, 30).await, ["a"]);
        slow.postpone(TENANT, &of_slow[0], at(31)).await.unwrap();
        assert_eq!(claimed(&slow, 59).await, [""; 0]);
        assert_eq!(claimed(&slow, 60).await, ["a"]);
    }

    #[tokio::test]
    async fn messages_of_a_client_that_does_not_answer_leave_room_for_other_clients_and_tenants() {
        let [node, _] = nodes();
        let of = |client_id: &'static str, count| (0..count).map(move |_| message(client_id)).collect::<Vec<_>>();
        assert_eq!(node.add(TENANT, of("a", 20), 99, NOW).await.unwrap().len(), 16);
        for client_id in ["b", "c", "d"] {
            assert_eq!(node.add(TENANT, of(client_id, 20), 99, NOW).await.unwrap().len(), 16, "{client_id}");
        }
        assert_eq!(node.add(TENANT, of("e", 1), 99, NOW).await.unwrap().len(), 0);
        assert_eq!(node.add("other.test", of("e", 1), 99, NOW).await.unwrap().len(), 1);
    }

    /// A client's id has at most 256 octets. JSON writes a quotation mark as two octets, so a list of such ids takes
    /// the most space.
    #[tokio::test]
    async fn full_list_of_long_client_ids_fits_into_the_store() {
        let [node, _] = nodes();
        for letter in ["a", "b", "c", "d"] {
            let client_id = format!("{letter}{}", "\"".repeat(255));
            let messages = (0..16).map(|_| {
                let names = ["s".repeat(43), "t".repeat(43)];
                let [subject, session] = names;
                Pending::new(&[7; 16], client_id.clone(), subject, session, NOW)
            });
            assert_eq!(node.add(TENANT, messages.collect(), 0, NOW).await, Ok(Vec::new()));
        }
        assert_eq!(node.claim(TENANT, 7, 99, NOW).await.unwrap().len(), 64);
    }
}
