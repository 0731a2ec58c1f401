//! Tests with a single server.

use super::store::Store;
use super::{NOW, SKEW, admit, admit_at, patient};
use crate::{StoreError, ValkeyReplayCache};
use kerberos_sso::replay::{Admission, ReplayLimit};
use std::sync::Arc;
use std::time::Duration;

async fn cache(store: &Store) -> ValkeyReplayCache {
    patient(ValkeyReplayCache::single(&store.address(), SKEW)).connect().await.unwrap()
}

fn node(store: &Store) -> String {
    format!("127.0.0.1:{}", store.port)
}

#[tokio::test]
async fn authenticator_is_admitted_by_only_one_of_two_servers() {
    let store = Store::start().await;
    let (first, second) = (cache(&store).await, cache(&store).await);
    assert_eq!(admit(&first, 1, 0).await, Admission::New);
    assert_eq!(admit(&second, 1, 0).await, Admission::Seen);
    assert_eq!(admit(&second, 2, 0).await, Admission::New);
    assert_eq!(admit(&first, 2, 0).await, Admission::Seen);
    assert_eq!((first.outcomes().new, first.outcomes().seen), (1, 1));
}

#[tokio::test]
async fn replay_at_the_same_server_is_refused_without_a_command_to_the_store() {
    let store = Store::start().await;
    let cache = cache(&store).await;
    assert_eq!(admit(&cache, 1, 0).await, Admission::New);
    assert_eq!(admit(&cache, 1, 0).await, Admission::Seen);
    assert_eq!(store.commands("SET").len(), 1);
}

/// The authenticator is accepted until 300 s after its time. The store forgets the authenticator one second and the
/// margin of 5 s later.
#[tokio::test]
async fn store_forgets_an_authenticator_six_seconds_after_its_last_valid_second() {
    let store = Store::start().await;
    assert_eq!(admit(&cache(&store).await, 7, 10).await, Admission::New);
    let forget_at = (NOW.seconds() - 10 + 300 + 1 + 5) * 1_000;
    assert_eq!(store.commands("SET"), [format!("SET {{}}r{} 1 NX PXAT {forget_at}", "\u{7}".repeat(16))]);
}

#[tokio::test]
async fn authenticator_from_the_second_in_which_the_store_started_is_too_old() {
    let store = Store::start().await;
    let cache = cache(&store).await;
    assert_eq!(admit(&cache, 1, 99).await, Admission::TooOld);
    assert_eq!(admit(&cache, 2, 98).await, Admission::New);
    assert_eq!(cache.outcomes().too_old, 1);
}

#[tokio::test]
async fn strict_start_refuses_authenticators_until_306_seconds_after_the_start_of_the_store() {
    let store = Store::start().await;
    store.describe("uptime_in_seconds", "306");
    let strict = || patient(ValkeyReplayCache::single(&store.address(), SKEW)).with_strict_start();
    assert_eq!(admit(&strict().connect().await.unwrap(), 1, 0).await, Admission::TooOld);
    store.describe("run_id", "older");
    store.describe("uptime_in_seconds", "307");
    assert_eq!(admit(&strict().connect().await.unwrap(), 2, 0).await, Admission::New);
}

#[tokio::test]
async fn first_start_admits_authenticators_from_before_the_start_of_the_store_until_the_store_restarts() {
    let store = Store::start().await;
    let builder = patient(ValkeyReplayCache::single(&store.address(), SKEW));
    let cache = builder.first_start().connect().await.unwrap();
    assert_eq!(admit(&cache, 1, 250).await, Admission::New);
    store.restart("another").await;
    // The first requests after the restart may fail because the connection has ended.
    while admit(&cache, 2, 250).await == Admission::Failed {}
    assert_eq!(admit(&cache, 3, 250).await, Admission::TooOld);
    assert_eq!(admit(&cache, 4, 0).await, Admission::TooOld);
    assert_eq!(admit(&cache, 5, -1).await, Admission::New);
}

#[tokio::test]
async fn admitted_authenticator_is_too_old_after_a_restart_of_the_store() {
    let store = Store::start().await;
    let cache_before = cache(&store).await;
    assert_eq!(admit(&cache_before, 1, 0).await, Admission::New);
    store.restart("another").await;
    assert_eq!(admit(&cache(&store).await, 1, 0).await, Admission::TooOld);
}

#[tokio::test]
async fn admitted_authenticator_is_too_old_after_the_store_was_emptied() {
    let store = Store::start().await;
    let (first, second) = (cache(&store).await, cache(&store).await);
    assert_eq!(admit(&first, 1, 0).await, Admission::New);
    store.flush().await;
    assert_eq!(admit(&second, 1, 0).await, Admission::TooOld);
    assert_eq!(admit(&second, 2, -1).await, Admission::New);
}

/// The emptied store stores the authenticator again, and answers that the authenticator is new.
#[tokio::test]
async fn authenticator_is_too_old_when_the_store_is_emptied_before_its_answer() {
    let store = Store::start().await;
    let (first, second) = (cache(&store).await, cache(&store).await);
    assert_eq!(admit(&first, 1, 0).await, Admission::New);
    store.empty_before_next_answer();
    assert_eq!(admit(&second, 1, 0).await, Admission::TooOld);
    assert_eq!(store.commands("SET").len(), 2);
}

#[tokio::test]
async fn store_that_was_emptied_or_promoted_admits_only_authenticators_from_after_the_first_contact() {
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
async fn old_authenticators_are_admitted_after_a_reconnection_to_the_same_process() {
    let store = Store::start().await;
    let cache = cache(&store).await;
    store.disconnect().await;
    while admit(&cache, 1, 0).await == Admission::Failed {}
    assert_eq!(admit(&cache, 2, 98).await, Admission::New);
    assert_eq!(cache.fault(), None);
}

#[tokio::test]
async fn store_that_evicts_keys_is_a_replica_or_has_unreadable_info_is_refused() {
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
async fn store_is_refused_when_its_clock_differs_by_three_seconds_but_not_by_two() {
    for (offset, fits) in [(2, true), (-2, true), (3, false), (-3, false)] {
        let store = Store::start().await;
        store.set_clock_offset(offset);
        let connected = patient(ValkeyReplayCache::single(&store.address(), SKEW)).connect().await;
        let expected = StoreError::Clock { node: node(&store), offset_seconds: offset };
        assert_eq!(connected.err(), (!fits).then_some(expected));
    }
}

/// A store whose clock was ahead has deleted entries too early. The entries stay lost when the clock is correct
/// again.
#[tokio::test]
async fn authenticator_is_too_old_after_the_clock_of_the_store_stepped_ahead_and_back() {
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
async fn request_fails_while_the_clock_of_the_store_is_behind_and_is_admitted_afterwards() {
    let store = Store::start().await;
    let cache = cache(&store).await;
    store.set_clock_offset(-600);
    assert_eq!(admit(&cache, 1, 0).await, Admission::Failed);
    store.set_clock_offset(0);
    assert_eq!(admit(&cache, 2, 0).await, Admission::New);
}

#[tokio::test]
async fn authenticator_is_refused_as_full_when_the_store_has_no_memory() {
    let store = Store::start().await;
    let cache = cache(&store).await;
    store.answer("SET", "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    assert_eq!(admit(&cache, 1, 0).await, Admission::Full(ReplayLimit::Cache));
    assert_eq!(cache.outcomes().full, 1);
}

#[tokio::test]
async fn request_fails_while_the_store_accepts_no_writes() {
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
async fn error_lists_the_needed_rights_when_the_user_lacks_a_right_in_the_store() {
    let store = Store::start().await;
    store.answer("INFO", "-NOPERM this user has no permissions to run the 'info' command\r\n");
    let refused = patient(ValkeyReplayCache::single(&store.address(), SKEW)).connect().await.unwrap_err();
    assert!(matches!(refused, StoreError::Denied { .. }), "{refused:?}");
    assert!(refused.to_string().contains("+set +info +time"), "{refused}");
}

#[tokio::test]
async fn request_fails_after_the_time_out_and_its_command_is_sent_once() {
    let store = Store::start().await;
    let builder = patient(ValkeyReplayCache::single(&store.address(), SKEW));
    let cache = builder.with_timeout(Duration::from_millis(1)).start().unwrap();
    // The time-out of 1 ms does not include the connection, which has its own limit.
    store.answer("SET", "");
    assert_eq!(admit(&cache, 1, 0).await, Admission::Failed);
    assert_eq!(admit(&cache, 1, 0).await, Admission::Seen);
    assert_eq!(store.commands("SET").len(), 1);
}

#[tokio::test]
async fn request_fails_when_one_of_two_demanded_replicas_confirms() {
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
async fn request_fails_when_one_of_two_demanded_disks_confirms() {
    let store = Store::start().await;
    let builder = patient(ValkeyReplayCache::single(&store.address(), SKEW)).confirmed_on_disk(1);
    let cache = builder.connect().await.unwrap();
    store.answer("WAITAOF", "*2\r\n:1\r\n:0\r\n");
    assert_eq!(admit(&cache, 1, 0).await, Admission::Failed);
    store.answer("WAITAOF", "*2\r\n:1\r\n:1\r\n");
    assert_eq!(admit(&cache, 2, 0).await, Admission::New);
}

#[tokio::test]
async fn client_is_refused_after_its_share_of_100_entries() {
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
async fn start_succeeds_and_connect_fails_when_the_store_is_unreachable() {
    // The listener is dropped, so that its port is free.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("redis://{}", listener.local_addr().unwrap());
    drop(listener);
    let cache = patient(ValkeyReplayCache::single(&address, SKEW)).start().unwrap();
    assert_eq!(admit(&cache, 1, 0).await, Admission::Failed);
    assert!(matches!(cache.fault(), Some(StoreError::Unreachable { .. })), "{:?}", cache.fault());
    assert!(patient(ValkeyReplayCache::single(&address, SKEW)).connect().await.is_err());
}

#[test]
fn error_about_an_invalid_address_does_not_contain_its_password() {
    let refused = ValkeyReplayCache::single("http://user:secret@host", SKEW).start().unwrap_err();
    assert!(matches!(&refused, StoreError::Address { address, .. } if address == "host"), "{refused:?}");
    assert!(!refused.to_string().contains("secret"), "{refused}");
    let refused = ValkeyReplayCache::single("unix:///run/redis.sock?pass=secret&db=x", SKEW).start().unwrap_err();
    assert!(!refused.to_string().contains("secret"), "{refused}");
}

/// The store keeps an entry for a margin after the authenticator has expired. A wait of up to three seconds is
/// within this margin.
#[tokio::test]
async fn request_fails_when_the_answer_comes_four_seconds_after_the_request_but_not_after_three() {
    for (waited, expected) in
        [(3, Admission::New), (4, Admission::Failed), (-2, Admission::New), (-3, Admission::Failed)]
    {
        let store = Store::start().await;
        let cache = cache(&store).await;
        let now = NOW.saturating_add_seconds(-waited);
        assert_eq!(admit_at(&cache, [1; 16], 0, now).await, expected, "{waited}");
        let fault = StoreError::Clock { node: node(&store), offset_seconds: waited };
        assert_eq!(cache.fault(), (expected == Admission::Failed).then_some(fault), "{waited}");
    }
}

/// The store computes its uptime from its clock. If somebody sets the clock back after the start, the uptime can be
/// negative.
#[tokio::test]
async fn store_with_a_negative_uptime_may_have_forgotten_authenticators_up_to_the_first_contact() {
    for uptime in ["-5", "-9223372036854775808"] {
        let store = Store::start().await;
        store.describe("uptime_in_seconds", uptime);
        let cache = cache(&store).await;
        assert_eq!(admit(&cache, 1, 0).await, Admission::TooOld, "{uptime}");
        assert_eq!(admit(&cache, 2, -1).await, Admission::New, "{uptime}");
    }
}

/// A node that was a replica for a while does not end its connections, so the cache asks for `INFO` again.
#[tokio::test]
async fn authenticator_is_too_old_when_the_store_was_a_replica_since_the_connection_was_opened() {
    let store = Store::start().await;
    let cache = cache(&store).await;
    store.describe("master_replid", "bb22");
    store.describe("master_replid2", "cc33");
    cache.shared.look().await;
    assert_eq!(admit(&cache, 1, 0).await, Admission::TooOld);
    assert_eq!(admit(&cache, 2, -1).await, Admission::New);
}

#[tokio::test]
async fn connection_is_kept_when_the_store_is_unchanged() {
    let store = Store::start().await;
    let cache = cache(&store).await;
    cache.shared.look().await;
    assert_eq!(admit(&cache, 1, 0).await, Admission::New);
    assert_eq!(store.commands("HELLO").len(), 1);
}

#[tokio::test]
async fn request_fails_after_the_store_was_set_to_evict_keys() {
    let store = Store::start().await;
    let cache = cache(&store).await;
    store.describe("maxmemory_policy", "allkeys-lru");
    cache.shared.look().await;
    assert_eq!(admit(&cache, 1, 0).await, Admission::Failed);
    assert!(matches!(cache.fault(), Some(StoreError::Evicts { .. })), "{:?}", cache.fault());
}

/// If the requests did not share the failure, each request would wait for the sum of the time-outs of all earlier
/// requests.
#[tokio::test]
async fn requests_that_wait_for_a_connection_share_its_failure() {
    let store = Store::start().await;
    store.answer("INFO", "-LOADING Redis is loading the dataset in memory\r\n");
    let cache = Arc::new(patient(ValkeyReplayCache::single(&store.address(), SKEW)).start().unwrap());
    let mut requests = tokio::task::JoinSet::new();
    for number in 0..20 {
        let cache = Arc::clone(&cache);
        requests.spawn(async move { admit(&cache, number, 0).await });
    }
    assert_eq!(requests.join_all().await, [Admission::Failed; 20]);
    assert_eq!(store.commands("INFO").len(), 1);
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn connect_fails_as_unreachable_when_the_store_ends_the_tls_handshake() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("rediss://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let refused = patient(ValkeyReplayCache::single(&address, SKEW)).connect().await.unwrap_err();
    assert!(matches!(refused, StoreError::Unreachable { .. }), "{refused:?}");
}

#[tokio::test]
async fn clone_counts_the_answers_of_the_cache() {
    let store = Store::start().await;
    let cache = cache(&store).await;
    let clone = cache.clone();
    assert_eq!(admit(&cache, 1, 0).await, Admission::New);
    assert_eq!(admit(&clone, 1, 0).await, Admission::Seen);
    assert_eq!((clone.outcomes().new, cache.outcomes().seen), (1, 1));
}
