//! Tests with a cluster of two nodes.

use super::store::Store;
use super::{NOW, SKEW, admit, admit_at, patient};
use crate::slot::{SLOTS, slot};
use crate::{StoreError, ValkeyReplayCache};
use kerberos_sso::replay::Admission;
use std::sync::Arc;

/// Returns the answer to `CLUSTER SLOTS` of a cluster whose first node serves all slots below `border`.
fn slots(border: u16, first: &Store, second: &Store) -> String {
    let range =
        |from: u16, to: u16, port: u16| format!("*3\r\n:{from}\r\n:{to}\r\n*2\r\n$9\r\n127.0.0.1\r\n:{port}\r\n");
    format!("*2\r\n{}{}", range(0, border - 1, first.port), range(border, SLOTS - 1, second.port))
}

async fn two_nodes(border: u16) -> (Store, Store, ValkeyReplayCache) {
    let (first, second) = (Store::start().await, Store::start().await);
    second.describe("run_id", "second");
    for node in [&first, &second] {
        node.answer("CLUSTER", &slots(border, &first, &second));
    }
    let cache = patient(ValkeyReplayCache::cluster([first.address().as_str()], SKEW)).connect().await.unwrap();
    (first, second, cache)
}

fn slot_of(number: u8) -> u16 {
    slot(&[b"{}r".as_slice(), &[number; 16]].concat())
}

/// Returns the first other tag whose slot is the slot of `number`.
fn other_tag_in_the_slot_of(number: u8) -> [u8; 16] {
    let tags = (0_u128..).map(u128::to_be_bytes);
    tags.into_iter().find(|tag| slot(&[b"{}r".as_slice(), tag].concat()) == slot_of(number)).unwrap()
}

#[tokio::test]
async fn authenticator_is_stored_at_the_node_that_serves_its_slot() {
    let border = 8_192;
    let (first, second, cache) = two_nodes(border).await;
    let mut below = 0;
    for number in 0..40 {
        assert_eq!(admit(&cache, number, 0).await, Admission::New);
        below += usize::from(slot_of(number) < border);
    }
    assert!(0 < below && below < 40);
    assert_eq!((first.commands("SET").len(), second.commands("SET").len()), (below, 40 - below));
}

#[tokio::test]
async fn authenticator_is_stored_at_the_node_that_a_moved_redirection_names() {
    let (first, second, cache) = two_nodes(SLOTS - 1).await;
    first.answer("SET", &format!("-MOVED {} 127.0.0.1:{}\r\n", slot_of(1), second.port));
    assert_eq!(admit(&cache, 1, 0).await, Admission::New);
    assert_eq!((first.commands("SET").len(), second.commands("SET").len()), (1, 1));
    let again = patient(ValkeyReplayCache::cluster([second.address().as_str()], SKEW)).connect().await.unwrap();
    assert_eq!(admit(&again, 1, 0).await, Admission::Seen);
}

#[tokio::test]
async fn authenticator_is_stored_with_asking_at_the_node_that_an_ask_redirection_names() {
    let (first, second, cache) = two_nodes(SLOTS - 1).await;
    first.answer("SET", &format!("-ASK {} 127.0.0.1:{}\r\n", slot_of(1), second.port));
    assert_eq!(admit(&cache, 1, 0).await, Admission::New);
    assert_eq!(second.commands("ASKING").len(), 1);
    assert_eq!(second.commands("SET").len(), 1);
}

#[tokio::test]
async fn request_fails_when_two_nodes_redirect_it_to_each_other() {
    let (first, second, cache) = two_nodes(SLOTS - 1).await;
    first.answer("SET", &format!("-MOVED {} 127.0.0.1:{}\r\n", slot_of(1), second.port));
    second.answer("SET", &format!("-MOVED {} 127.0.0.1:{}\r\n", slot_of(1), first.port));
    assert_eq!(admit(&cache, 1, 0).await, Admission::Failed);
    assert!(matches!(cache.fault(), Some(StoreError::NoNode { .. })), "{:?}", cache.fault());
}

/// The new node of a slot may have restarted before the slot moved. So the node may have forgotten authenticators from
/// before its start.
#[tokio::test]
async fn authenticator_from_before_the_start_of_the_new_node_of_a_slot_is_too_old() {
    let (first, second, cache) = two_nodes(SLOTS - 1).await;
    second.restart("promoted").await;
    first.answer("SET", &format!("-MOVED {} 127.0.0.1:{}\r\n", slot_of(1), second.port));
    while admit(&cache, 1, 0).await == Admission::Failed {}
    assert_eq!(admit(&cache, 2, 0).await, Admission::TooOld);
}

/// A node restarts and loses authenticators. Then the cluster moves the slot from this node to another node.
#[tokio::test]
async fn authenticator_that_the_earlier_node_of_a_slot_lost_is_too_old_at_the_new_node() {
    let (first, second, cache) = two_nodes(SLOTS - 1).await;
    let other = patient(ValkeyReplayCache::cluster([first.address().as_str()], SKEW)).connect().await.unwrap();
    let lost = other_tag_in_the_slot_of(1);
    assert_eq!(admit_at(&other, lost, 50, NOW).await, Admission::New);
    first.restart("restarted").await;
    while admit(&cache, 2, 0).await == Admission::Failed {}
    first.answer("SET", &format!("-MOVED {} 127.0.0.1:{}\r\n", slot_of(1), second.port));
    assert_eq!(admit(&cache, 1, -1).await, Admission::New);
    assert_eq!(admit_at(&cache, lost, 50, NOW).await, Admission::TooOld);
    assert_eq!(second.commands("SET").len(), 1);
}

/// The cluster moved the slot while the cache had no connection, so the cache does not know which authenticators the
/// first node lost.
#[tokio::test]
async fn authenticator_is_too_old_when_its_slot_has_another_master_after_a_lost_connection() {
    let (first, second, cache) = two_nodes(SLOTS - 1).await;
    let moved = slots(1, &first, &second);
    first.answer("CLUSTER", &moved);
    second.answer("CLUSTER", &moved);
    first.disconnect().await;
    while admit(&cache, 1, -1).await == Admission::Failed {}
    assert_eq!(admit(&cache, 2, 0).await, Admission::TooOld);
    assert_eq!(admit(&cache, 3, -1).await, Admission::New);
}

/// A redirection shows that the node is a replica, or has given the slot away. Later, the node may become the master of
/// the slot again.
#[tokio::test]
async fn authenticator_is_too_old_when_a_node_that_redirected_became_the_master_again() {
    let (first, second, cache) = two_nodes(SLOTS - 1).await;
    first.answer("SET", &format!("-MOVED {} 127.0.0.1:{}\r\n", slot_of(1), second.port));
    assert_eq!(admit(&cache, 1, 0).await, Admission::New);
    first.answer_as_usual("SET");
    first.describe("master_replid", "bb22");
    first.describe("master_replid2", "cc33");
    assert_eq!(admit(&cache, 2, 0).await, Admission::TooOld);
    assert_eq!(admit(&cache, 3, -1).await, Admission::New);
}

#[tokio::test]
async fn slot_stays_at_the_host_of_the_redirecting_node_when_a_redirection_names_no_host() {
    for host in ["", "?"] {
        let (first, second, cache) = two_nodes(SLOTS - 1).await;
        first.answer("SET", &format!("-MOVED {} {host}:{}\r\n", slot_of(1), second.port));
        assert_eq!(admit(&cache, 1, 0).await, Admission::New);
        assert_eq!(cache.shared.nodes.link_for(slot_of(1)).await.unwrap().node(), format!("127.0.0.1:{}", second.port));
        assert_eq!(first.commands("SET").len(), 1);
    }
}

#[tokio::test]
async fn request_is_redirected_four_times_but_not_five_times() {
    for (redirections, expected) in [(4, Admission::New), (5, Admission::Failed)] {
        let (first, second, cache) = two_nodes(SLOTS - 1).await;
        let (mut from, mut to) = (&first, &second);
        for _ in 0..redirections {
            from.answer_once("SET", &format!("-MOVED {} 127.0.0.1:{}\r\n", slot_of(1), to.port));
            (from, to) = (to, from);
        }
        assert_eq!(admit(&cache, 1, 0).await, expected, "{redirections}");
        assert_eq!(first.commands("SET").len() + second.commands("SET").len(), 5);
    }
}

#[tokio::test]
async fn requests_that_wait_for_the_slots_share_one_answer() {
    let (first, second) = (Store::start().await, Store::start().await);
    second.describe("run_id", "second");
    first.answer("CLUSTER", &slots(SLOTS - 1, &first, &second));
    let cache = patient(ValkeyReplayCache::cluster([first.address().as_str()], SKEW)).start().unwrap();
    let cache = Arc::new(cache);
    let mut requests = tokio::task::JoinSet::new();
    for number in 0..20 {
        let cache = Arc::clone(&cache);
        requests.spawn(async move { admit(&cache, number, 0).await });
    }
    assert_eq!(requests.join_all().await, [Admission::New; 20]);
    assert_eq!(first.commands("CLUSTER").len(), 1);
}

#[tokio::test]
async fn connect_fails_as_unreachable_when_no_node_of_the_cluster_answers() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("redis://{}", listener.local_addr().unwrap());
    drop(listener);
    let refused = patient(ValkeyReplayCache::cluster([address.as_str()], SKEW)).connect().await.unwrap_err();
    assert!(matches!(refused, StoreError::Unreachable { .. }), "{refused:?}");
}
