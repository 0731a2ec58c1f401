//! A master that sentinels choose.

use super::store::Store;
use super::{SKEW, admit, patient};
use crate::{StoreError, ValkeyReplayCache};
use kerberos_sso::replay::Admission;

/// The answer of a sentinel that takes `store` for the master.
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
async fn master_that_most_sentinels_name_is_asked() {
    let (old, new) = (master().await, master().await);
    let cache = builder(&sentinels([&old, &new, &new]).await).connect().await.unwrap();
    assert_eq!(admit(&cache, 1, 0).await, Admission::New);
    assert_eq!((old.commands("SET").len(), new.commands("SET").len()), (0, 1));
}

#[tokio::test]
async fn no_master_is_asked_if_the_sentinels_disagree() {
    let masters = [master().await, master().await, master().await];
    let refused = builder(&sentinels(masters.each_ref()).await).connect().await.unwrap_err();
    assert!(matches!(refused, StoreError::NoNode { .. }), "{refused:?}");
}

#[tokio::test]
async fn master_that_takes_writes_without_replicas_is_refused_unless_it_is_allowed() {
    let alone = Store::start().await;
    let sentinels = sentinels([&alone; 3]).await;
    let refused = builder(&sentinels).connect().await.unwrap_err();
    assert_eq!(refused, StoreError::IsolatedMaster { node: format!("127.0.0.1:{}", alone.port) });
    assert!(builder(&sentinels).allow_isolated_master().connect().await.is_ok());
}

#[tokio::test]
async fn successor_is_asked_after_a_failover_and_believed_from_the_first_contact_on() {
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
