//! One server.

use super::store::Store;
use super::{NOW, SKEW, admit, patient};
use crate::{StoreError, ValkeyReplayCache};
use kerberos_sso::replay::{Admission, ReplayLimit};
use std::time::Duration;

async fn cache(store: &Store) -> ValkeyReplayCache {
    patient(ValkeyReplayCache::single(&store.address(), SKEW)).connect().await.unwrap()
}

fn node(store: &Store) -> String {
    format!("127.0.0.1:{}", store.port)
}

#[tokio::test]
async fn authenticator_is_admitted_by_one_of_two_servers() {
    let store = Store::start().await;
    let (first, second) = (cache(&store).await, cache(&store).await);
    assert_eq!(admit(&first, 1, 0).await, Admission::New);
    assert_eq!(admit(&second, 1, 0).await, Admission::Seen);
    assert_eq!(admit(&second, 2, 0).await, Admission::New);
    assert_eq!(admit(&first, 2, 0).await, Admission::Seen);
    assert_eq!((first.outcomes().new, first.outcomes().seen), (1, 1));
}

#[tokio::test]
async fn replay_at_the_same_server_does_not_ask_the_store() {
    let store = Store::start().await;
    let cache = cache(&store).await;
    assert_eq!(admit(&cache, 1, 0).await, Admission::New);
    assert_eq!(admit(&cache, 1, 0).await, Admission::Seen);
    assert_eq!(store.commands("SET").len(), 1);
}

/// One second after the last at which it is accepted (300 s after its time), and the margin of 5 s.
#[tokio::test]
async fn store_forgets_an_authenticator_six_seconds_after_its_last() {
    let store = Store::start().await;
    assert_eq!(admit(&cache(&store).await, 7, 10).await, Admission::New);
    let forget_at = (NOW.seconds() - 10 + 300 + 1 + 5) * 1_000;
    assert_eq!(store.commands("SET"), [format!("SET {{}}r{} 1 NX PXAT {forget_at}", "\u{7}".repeat(16))]);
}

#[tokio::test]
async fn authenticator_from_before_the_stores_start_is_too_old() {
    let store = Store::start().await;
    let cache = cache(&store).await;
    assert_eq!(admit(&cache, 1, 99).await, Admission::TooOld);
    assert_eq!(admit(&cache, 2, 98).await, Admission::New);
    assert_eq!(cache.outcomes().too_old, 1);
}

#[tokio::test]
async fn strict_start_refuses_for_one_skew_and_the_margin_after_the_stores_start() {
    let store = Store::start().await;
    store.describe("uptime_in_seconds", "306");
    let strict = || patient(ValkeyReplayCache::single(&store.address(), SKEW)).with_strict_start();
    assert_eq!(admit(&strict().connect().await.unwrap(), 1, 0).await, Admission::TooOld);
    store.describe("run_id", "older");
    store.describe("uptime_in_seconds", "307");
    assert_eq!(admit(&strict().connect().await.unwrap(), 2, 0).await, Admission::New);
}

#[tokio::test]
async fn first_start_takes_what_is_older_than_the_store_until_the_store_is_another_process() {
    let store = Store::start().await;
    let builder = patient(ValkeyReplayCache::single(&store.address(), SKEW));
    let cache = builder.first_start().connect().await.unwrap();
    assert_eq!(admit(&cache, 1, 250).await, Admission::New);
    store.restart("another").await;
    // The first request after the end of the connection may meet that end.
    while admit(&cache, 2, 250).await == Admission::Failed {}
    assert_eq!(admit(&cache, 3, 250).await, Admission::TooOld);
    assert_eq!(admit(&cache, 4, 0).await, Admission::TooOld);
    assert_eq!(admit(&cache, 5, -1).await, Admission::New);
}

#[tokio::test]
async fn nothing_that_was_admitted_is_admitted_again_after_a_restart() {
    let store = Store::start().await;
    let cache_before = cache(&store).await;
    assert_eq!(admit(&cache_before, 1, 0).await, Admission::New);
    store.restart("another").await;
    assert_eq!(admit(&cache(&store).await, 1, 0).await, Admission::TooOld);
}

#[tokio::test]
async fn nothing_that_was_admitted_is_admitted_again_after_the_store_was_emptied() {
    let store = Store::start().await;
    let (first, second) = (cache(&store).await, cache(&store).await);
    assert_eq!(admit(&first, 1, 0).await, Admission::New);
    store.flush().await;
    assert_eq!(admit(&second, 1, 0).await, Admission::TooOld);
    assert_eq!(admit(&second, 2, -1).await, Admission::New);
}

/// The store takes the authenticator after it was emptied, so it answers that it is new.
#[tokio::test]
async fn answer_of_a_store_that_was_emptied_meanwhile_admits_nobody() {
    let store = Store::start().await;
    let (first, second) = (cache(&store).await, cache(&store).await);
    assert_eq!(admit(&first, 1, 0).await, Admission::New);
    store.empty_before_next_answer();
    assert_eq!(admit(&second, 1, 0).await, Admission::TooOld);
    assert_eq!(store.commands("SET").len(), 2);
}

#[tokio::test]
async fn store_that_was_emptied_or_promoted_before_is_whole_from_the_first_contact_on() {
    for (field, value) in
        [("cmdstat_flushall", "calls=1,usec=3"), ("cmdstat_flushdb", "calls=1"), ("master_replid2", "9")]
    {
        let store = Store::start().await;
        store.describe(field, value);
        let cache = cache(&store).await;
        assert_eq!(admit(&cache, 1, 0).await, Admission::TooOld, "{field}");
        assert_eq!(admit(&cache, 2, -1).await, Admission::New, "{field}");
    }
}

#[tokio::test]
async fn connection_that_ended_is_made_again_and_the_same_process_believed() {
    let store = Store::start().await;
    let cache = cache(&store).await;
    store.disconnect().await;
    while admit(&cache, 1, 0).await == Admission::Failed {}
    assert_eq!(admit(&cache, 2, 98).await, Admission::New);
    assert_eq!(cache.fault(), None);
}

#[tokio::test]
async fn unfit_store_is_refused_with_its_reason() {
    let refused = |field: &'static str, value: &'static str| async move {
        let store = Store::start().await;
        store.describe(field, value);
        let refused = patient(ValkeyReplayCache::single(&store.address(), SKEW)).connect().await.unwrap_err();
        (refused, node(&store))
    };
    let (error, node) = refused("maxmemory_policy", "allkeys-lru").await;
    assert_eq!(error, StoreError::Evicts { node, policy: "allkeys-lru".into() });
    let (error, node) = refused("role", "slave").await;
    assert_eq!(error, StoreError::Replica { node });
    let (error, node) = refused("uptime_in_seconds", "long").await;
    let reason = "INFO has no usable field uptime_in_seconds".into();
    assert_eq!(error, StoreError::Engine { node, reason });
}

#[tokio::test]
async fn clock_two_seconds_off_serves_and_three_seconds_off_does_not() {
    for (offset, fits) in [(2, true), (-2, true), (3, false), (-3, false)] {
        let store = Store::start().await;
        store.set_clock_offset(offset);
        let connected = patient(ValkeyReplayCache::single(&store.address(), SKEW)).connect().await;
        let expected = StoreError::Clock { node: node(&store), offset_seconds: offset };
        assert_eq!(connected.err(), (!fits).then_some(expected));
    }
}

/// A clock that was ahead has let the store forget, also when it is right again.
#[tokio::test]
async fn clock_that_steps_ahead_and_back_leaves_a_store_that_forgot() {
    let store = Store::start().await;
    let cache = cache(&store).await;
    store.set_clock_offset(600);
    assert_eq!(admit(&cache, 1, 0).await, Admission::Failed);
    assert_eq!(cache.fault(), Some(StoreError::Clock { node: node(&store), offset_seconds: 600 }));
    store.set_clock_offset(0);
    assert_eq!(admit(&cache, 2, 0).await, Admission::TooOld);
    assert_eq!(admit(&cache, 3, -1).await, Admission::New);
}

#[tokio::test]
async fn clock_that_steps_back_decides_nothing_and_has_forgotten_nothing() {
    let store = Store::start().await;
    let cache = cache(&store).await;
    store.set_clock_offset(-600);
    assert_eq!(admit(&cache, 1, 0).await, Admission::Failed);
    store.set_clock_offset(0);
    assert_eq!(admit(&cache, 2, 0).await, Admission::New);
}

#[tokio::test]
async fn full_store_refuses_as_full() {
    let store = Store::start().await;
    let cache = cache(&store).await;
    store.answer("SET", "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    assert_eq!(admit(&cache, 1, 0).await, Admission::Full(ReplayLimit::Cache));
    assert_eq!(cache.outcomes().full, 1);
}

#[tokio::test]
async fn store_that_takes_no_writes_decides_nothing() {
    for refusal in
        ["READONLY You can't write", "LOADING", "NOREPLICAS Not enough", "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN"]
    {
        let store = Store::start().await;
        let cache = cache(&store).await;
        store.answer("SET", &format!("-{refusal}\r\n"));
        assert_eq!(admit(&cache, 1, 0).await, Admission::Failed, "{refusal}");
        assert!(matches!(cache.fault(), Some(StoreError::NotWritable { .. })), "{:?}", cache.fault());
        store.answer_as_usual("SET");
        assert_eq!(admit(&cache, 2, 0).await, Admission::New, "{refusal}");
    }
}

#[tokio::test]
async fn user_without_rights_is_named_with_the_rights() {
    let store = Store::start().await;
    store.answer("INFO", "-NOPERM this user has no permissions to run the 'info' command\r\n");
    let refused = patient(ValkeyReplayCache::single(&store.address(), SKEW)).connect().await.unwrap_err();
    assert!(matches!(refused, StoreError::Denied { .. }), "{refused:?}");
    assert!(refused.to_string().contains("+set +info +time"), "{refused}");
}

#[tokio::test]
async fn late_answer_is_not_waited_for_and_the_command_not_sent_again() {
    let store = Store::start().await;
    let builder = patient(ValkeyReplayCache::single(&store.address(), SKEW));
    let cache = builder.with_timeout(Duration::from_millis(1)).start().unwrap();
    // The connection is made first, which has a limit of its own.
    store.answer("SET", "");
    assert_eq!(admit(&cache, 1, 0).await, Admission::Failed);
    assert_eq!(admit(&cache, 1, 0).await, Admission::Seen);
    assert_eq!(store.commands("SET").len(), 1);
}

#[tokio::test]
async fn replicas_must_confirm_if_they_are_demanded() {
    let store = Store::start().await;
    let builder = patient(ValkeyReplayCache::single(&store.address(), SKEW)).confirmed_by_replicas(2);
    let cache = builder.connect().await.unwrap();
    store.answer("WAIT", ":1\r\n");
    assert_eq!(admit(&cache, 1, 0).await, Admission::Failed);
    assert_eq!(cache.fault(), Some(StoreError::Unconfirmed { node: node(&store), confirmed: 1, demanded: 2 }));
    store.answer("WAIT", ":2\r\n");
    assert_eq!(admit(&cache, 2, 0).await, Admission::New);
    assert_eq!(store.commands("WAIT"), ["WAIT 2 60000", "WAIT 2 60000"]);
}

#[tokio::test]
async fn disks_must_confirm_if_they_are_demanded() {
    let store = Store::start().await;
    let builder = patient(ValkeyReplayCache::single(&store.address(), SKEW)).confirmed_on_disk(1);
    let cache = builder.connect().await.unwrap();
    store.answer("WAITAOF", "*2\r\n:1\r\n:0\r\n");
    assert_eq!(admit(&cache, 1, 0).await, Admission::Failed);
    store.answer("WAITAOF", "*2\r\n:1\r\n:1\r\n");
    assert_eq!(admit(&cache, 2, 0).await, Admission::New);
}

#[tokio::test]
async fn client_has_its_share_of_a_servers_entries() {
    let store = Store::start().await;
    let builder = patient(ValkeyReplayCache::single(&store.address(), SKEW)).with_client_share(100);
    let cache = builder.connect().await.unwrap();
    let mut admitted = 0;
    for number in 0..200 {
        admitted += usize::from(admit(&cache, number, 0).await == Admission::New);
    }
    assert_eq!(admitted, 100);
    assert_eq!(cache.outcomes().client_share, 100);
    assert_eq!(store.commands("SET").len(), 100);
}

#[tokio::test]
async fn cache_that_starts_without_a_store_decides_once_there_is_one() {
    // A port that was free a moment ago.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("redis://{}", listener.local_addr().unwrap());
    drop(listener);
    let cache = patient(ValkeyReplayCache::single(&address, SKEW)).start().unwrap();
    assert_eq!(admit(&cache, 1, 0).await, Admission::Failed);
    assert!(matches!(cache.fault(), Some(StoreError::Unreachable { .. })), "{:?}", cache.fault());
    assert!(patient(ValkeyReplayCache::single(&address, SKEW)).connect().await.is_err());
}

#[test]
fn address_that_is_none_is_named_without_its_password() {
    let refused = ValkeyReplayCache::single("http://user:secret@host", SKEW).start().unwrap_err();
    assert!(matches!(&refused, StoreError::Address { address, .. } if address == "host"), "{refused:?}");
    assert!(!refused.to_string().contains("secret"), "{refused}");
}
