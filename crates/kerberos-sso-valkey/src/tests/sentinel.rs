//! Tests with a master that sentinels choose.

use super::store::Store;
use super::{SKEW, admit, patient};
use crate::{Sentinels, StoreError, ValkeyReplayCache};
use kerberos_sso::replay::Admission;
use std::time::Duration;

/// Returns the answer of a sentinel that names `store` as the master.
fn naming(store: &Store) -> String {
    let port = store.port.to_string();
    format!("*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{port}\r\n", port.len())
}

async fn sentinels(masters: [&Store; 3]) -> [Store; 3] {
    let sentinels = [Store::start().await, Store::start().await, Store::start().await];
    for (sentinel, master) in sentinels.iter().zip(masters) {
        sentinel.answer("SENTINEL", &naming(master));
    }
    sentinels
}

fn builder(sentinels: &[Store; 3]) -> crate::Builder {
    let addresses = sentinels.each_ref().map(Store::address);
    patient(ValkeyReplayCache::sentinel("replay", addresses.iter().map(String::as_str), SKEW))
}

async fn master() -> Store {
    let master = Store::start().await;
    master.describe("min_slaves_good_slaves", "1");
    master
}

#[tokio::test]
async fn authenticator_is_stored_at_the_master_that_two_of_three_sentinels_name() {
    let (old, new) = (master().await, master().await);
    let cache = builder(&sentinels([&old, &new, &new]).await).connect().await.unwrap();
    assert_eq!(admit(&cache, 1, 0).await, Admission::New);
    assert_eq!((old.commands("SET").len(), new.commands("SET").len()), (0, 1));
}

#[tokio::test]
async fn connect_fails_when_three_sentinels_name_three_masters() {
    let masters = [master().await, master().await, master().await];
    let refused = builder(&sentinels(masters.each_ref()).await).connect().await.unwrap_err();
    assert!(matches!(refused, StoreError::NoNode { .. }), "{refused:?}");
}

#[tokio::test]
async fn master_without_min_replicas_to_write_is_refused_unless_it_is_allowed() {
    let alone = Store::start().await;
    let sentinels = sentinels([&alone; 3]).await;
    let refused = builder(&sentinels).connect().await.unwrap_err();
    assert_eq!(refused, StoreError::IsolatedMaster { node: format!("127.0.0.1:{}", alone.port) });
    assert!(builder(&sentinels).allow_isolated_master().connect().await.is_ok());
}

#[tokio::test]
async fn successor_after_a_failover_admits_only_authenticators_from_after_the_first_contact() {
    let (old, new) = (master().await, master().await);
    new.describe("run_id", "successor");
    new.describe("master_replid2", "aa11");
    let sentinels = sentinels([&old; 3]).await;
    let cache = builder(&sentinels).connect().await.unwrap();
    assert_eq!(admit(&cache, 1, 0).await, Admission::New);
    for sentinel in &sentinels {
        sentinel.answer("SENTINEL", &naming(&new));
    }
    old.answer("SET", "-READONLY You can't write against a read only replica.\r\n");
    assert_eq!(admit(&cache, 2, 0).await, Admission::Failed);
    assert_eq!(admit(&cache, 3, 0).await, Admission::TooOld);
    assert_eq!(admit(&cache, 4, -1).await, Admission::New);
    assert_eq!(new.commands("SET").len(), 1);
}

#[tokio::test]
async fn sentinels_return_the_master_that_two_of_three_name_and_no_master_without_a_majority() {
    let (old, new) = (master().await, master().await);
    let minute = Duration::from_secs(60);
    let asked = async |masters: [&Store; 3]| {
        let sentinels = sentinels(masters).await;
        let addresses = sentinels.each_ref().map(Store::address);
        Sentinels::new("replay", addresses.iter().map(String::as_str)).unwrap().master(minute).await
    };
    assert_eq!(asked([&old, &new, &new]).await, Ok(("127.0.0.1".into(), new.port)));
    let third = master().await;
    assert!(matches!(asked([&old, &new, &third]).await, Err(StoreError::NoNode { .. })));
    assert!(matches!(Sentinels::new("replay", ["http://:secret@x"]), Err(StoreError::Address { .. })));
}
