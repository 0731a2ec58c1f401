//! Tests of the store's operations, on each engine that needs no server, and of the typed values in the store.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::disk::Disk;
use super::*;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;

/// Returns the time that the stores of these tests see, except in a test with its own clock.
fn fixed() -> UnixTime {
    at(1_000)
}

const fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

fn key(name: &str) -> Key {
    Key::new(Kind::Session, name.as_bytes())
}

/// Calls a test with a store in memory and with a store in a file.
async fn on_each_engine(test: impl AsyncFn(Arc<dyn Store>, &str)) {
    let folder = TempDir::new().unwrap();
    test(Arc::new(Memory::new(fixed)), "memory").await;
    test(Arc::new(Disk::open(&folder.path().join("new/state.redb"), fixed).unwrap()), "disk").await;
}

async fn put(store: &dyn Store, name: &str, value: &str, end: i64, when: When<'_>) -> bool {
    store.put(&key(name), value.into(), at(end), when).await.unwrap()
}

#[tokio::test]
async fn value_is_written_only_if_its_condition_applies() {
    on_each_engine(async |store: Arc<dyn Store>, engine: &str| {
        let store = &*store;
        let mut written = Vec::new();
        for (value, when) in [
            ("a", When::Holds(b"")),
            ("b", When::Absent),
            ("c", When::Absent),
            ("d", When::Holds(b"c")),
            ("e", When::Holds(b"b")),
            ("f", When::Always),
        ] {
            if put(store, "k", value, 2_000, when).await {
                written.push(value);
            }
        }
        assert_eq!(written, ["b", "e", "f"], "{engine}");
        assert_eq!(store.get(&key("k")).await.unwrap().as_deref(), Some(&b"f"[..]), "{engine}");
    })
    .await;
}

#[tokio::test]
async fn entry_is_returned_by_one_take_only() {
    on_each_engine(async |store: Arc<dyn Store>, engine: &str| {
        put(&*store, "k", "a", 2_000, When::Always).await;
        assert_eq!(store.take(&key("k")).await.unwrap().as_deref(), Some(&b"a"[..]), "{engine}");
        assert_eq!(store.take(&key("k")).await, Ok(None), "{engine}");
        assert_eq!(store.get(&key("k")).await, Ok(None), "{engine}");
    })
    .await;
}

/// For the store, the present time is second 1,000.
#[tokio::test]
async fn entry_is_absent_at_its_end_and_later() {
    on_each_engine(async |store: Arc<dyn Store>, engine: &str| {
        for (end, is_there) in [(999, false), (1_000, false), (1_001, true)] {
            let name = end.to_string();
            put(&*store, &name, "a", end, When::Always).await;
            assert_eq!(store.get(&key(&name)).await.unwrap().is_some(), is_there, "{engine} {end}");
            assert_eq!(put(&*store, &name, "b", 2_000, When::Absent).await, !is_there, "{engine} {end}");
        }
    })
    .await;
}

#[tokio::test]
async fn value_of_64_kibibytes_is_written_and_a_longer_value_is_refused() {
    on_each_engine(async |store: Arc<dyn Store>, engine: &str| {
        let put = async |length| store.put(&key("k"), vec![7; length], at(2_000), When::Always).await;
        assert_eq!(put(65_536).await, Ok(true), "{engine}");
        assert_eq!(put(65_537).await, Err(StoreError::TooLong(65_537)), "{engine}");
        assert_eq!(store.get(&key("k")).await.unwrap().unwrap().len(), 65_536, "{engine}");
    })
    .await;
}

/// 64 requests run at the same time. The thread that writes the file does several requests in one transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_one_of_64_simultaneous_requests_writes_an_absent_entry() {
    on_each_engine(async |store: Arc<dyn Store>, engine: &str| {
        let requests: Vec<_> = (0..64)
            .map(|number: u8| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.put(&key("k"), vec![number], at(2_000), When::Absent).await.unwrap() })
            })
            .collect();
        let mut wrote = Vec::new();
        for (number, request) in (0..64).zip(requests) {
            if request.await.unwrap() {
                wrote.push(number);
            }
        }
        assert_eq!(store.get(&key("k")).await, Ok(Some(wrote.clone())), "{engine}");
        assert_eq!(wrote.len(), 1, "{engine}");
    })
    .await;
}

#[tokio::test]
async fn memory_at_its_limit_refuses_new_entries_until_an_entry_has_ended() {
    static NOW: AtomicI64 = AtomicI64::new(1_000);
    let store = Memory::new(|| at(NOW.load(Ordering::Relaxed))).with_max_entries(2);
    assert!(put(&store, "a", "1", 1_010, When::Always).await && put(&store, "b", "1", 1_020, When::Always).await);
    let refused = store.put(&key("c"), vec![], at(1_030), When::Always).await;
    assert_eq!(refused, Err(StoreError::Full));
    assert!(put(&store, "b", "2", 1_020, When::Always).await, "an entry that exists is written");
    NOW.store(1_010, Ordering::Relaxed);
    assert!(put(&store, "c", "1", 1_030, When::Always).await);
}

#[tokio::test]
async fn file_has_all_entries_after_it_was_closed_and_opened_again() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.redb");
    let store = Disk::open(&path, fixed).unwrap();
    put(&store, "k", "a", 2_000, When::Always).await;
    drop(store);
    // The writing thread closes the file soon after the store is dropped.
    let store = loop {
        match Disk::open(&path, fixed) {
            Ok(store) => break store,
            Err(error) => assert!(error.contains("another process uses this file"), "{error}"),
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(store.get(&key("k")).await, Ok(Some(b"a".to_vec())));
}

#[tokio::test]
async fn file_that_is_in_use_or_is_no_database_is_refused_with_its_path_and_the_remedy() {
    let folder = TempDir::new().unwrap();
    let (used, other) = (folder.path().join("used"), folder.path().join("other"));
    let _store = Disk::open(&used, fixed).unwrap();
    std::fs::write(&other, vec![b'x'; 10_000]).unwrap();
    for (path, remedy) in [(used, "--state"), (other, "other")] {
        let error = Disk::open(&path, fixed).err().unwrap();
        assert!(error.starts_with(&path.display().to_string()) && error.contains(remedy), "{error}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn state_folder_and_its_files_are_readable_for_this_user_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = TempDir::new().unwrap();
    let folder = home.path().join("a/seamless");
    let records = open(&Engine::Disk { folder: folder.clone() }, &crate::metrics::Metrics::new()).unwrap();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.clone()), 0o700);
    assert_eq!((mode(folder.join("secret")), mode(folder.join("state.redb"))), (0o600, 0o600));
    drop(records);
    std::fs::set_permissions(folder.join("secret"), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(Secret::read(&folder.join("secret")).unwrap_err().contains("chmod 600"));
}

#[test]
fn secret_is_made_once_and_must_have_32_octets() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("secret");
    let derived = |secret: &Secret| secret.derive(b"", &[b"test"]);
    let made = Secret::read_or_make(&path).unwrap();
    assert_eq!(derived(&Secret::read_or_make(&path).unwrap()), derived(&made));
    assert_ne!(derived(&Secret::new([0; 32])), derived(&made));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    std::fs::write(&path, [7; 31]).unwrap();
    assert!(Secret::read(&path).unwrap_err().contains("32 octets, but has 31"));
}

#[test]
fn derived_octets_differ_for_each_input_and_for_each_list_of_purposes() {
    let secret = Secret::new([1; 32]);
    let derived = [
        secret.derive(b"", &[b"ab", b"c"]),
        secret.derive(b"", &[b"a", b"bc"]),
        secret.derive(b"", &[b"abc"]),
        secret.derive(b"x", &[b"abc"]),
    ];
    for (one, left) in derived.iter().enumerate() {
        assert!(derived.iter().skip(one.saturating_add(1)).all(|right| left != right));
    }
    assert_ne!(secret.name(&[b"ab", b"c"]), secret.name(&[b"a", b"bc"]));
}

#[test]
fn sealed_value_opens_only_with_the_same_secret_and_input_and_entry() {
    let (secret, entry, other) = (Secret::new([1; 32]), key("a"), key("b"));
    let sealed = Sealer::new(&secret, b"cookie", &entry).seal(b"value").unwrap();
    let open = |secret, input: &[u8], key, sealed: &[u8]| {
        Sealer::new(&Secret::new([secret; 32]), input, key).open(sealed).map(|value| value.to_vec())
    };
    assert_eq!(open(1, b"cookie", &entry, &sealed), Some(b"value".to_vec()));
    assert_eq!(open(2, b"cookie", &entry, &sealed), None);
    assert_eq!(open(1, b"other", &entry, &sealed), None);
    assert_eq!(open(1, b"cookie", &other, &sealed), None);
    for length in 0..sealed.len() {
        assert_eq!(open(1, b"cookie", &entry, &sealed[..length]), None, "{length}");
    }
    for place in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[place] ^= 1;
        assert_eq!(open(1, b"cookie", &entry, &changed), None, "{place}");
    }
}

#[tokio::test]
async fn update_sees_the_change_of_another_request_and_replaces_a_foreign_value() {
    let store = Arc::new(Memory::new(fixed));
    let records = Records::new(store.clone(), Secret::new([1; 32]));
    let count = |number: Option<u32>| {
        let next = number.unwrap_or(0).saturating_add(1);
        (Change::Put(next, at(2_000)), next)
    };
    assert_eq!(records.update(&key("k"), count).await, Ok(1));
    assert_eq!(records.update(&key("k"), count).await, Ok(2));
    store.put(&key("k"), b"foreign".to_vec(), at(2_000), When::Always).await.unwrap();
    assert_eq!(records.get::<u32>(&key("k")).await, Ok(None));
    assert_eq!(records.update(&key("k"), count).await, Ok(1));
}

#[tokio::test]
async fn value_of_another_type_counts_as_foreign() {
    let records = Records::new(Arc::new(Memory::new(fixed)), Secret::new([1; 32]));
    records.put(&key("k"), &json!({"a": 1}), at(2_000), When::Always).await.unwrap();
    assert_eq!(records.get::<u32>(&key("k")).await, Ok(None));
    assert!(records.entry::<u32>(&key("k")).await.unwrap().is_foreign());
}

#[tokio::test]
async fn epoch_is_the_time_of_the_first_request_and_a_node_with_another_secret_cannot_change_it() {
    let store = Arc::new(Memory::new(fixed));
    let records = Records::new(store.clone(), Secret::new([1; 32]));
    assert_eq!(epoch(&records, at(1_005)).await, Ok(at(1_005)));
    assert_eq!(epoch(&records, at(1_500)).await, Ok(at(1_005)));
    let other = Records::new(store, Secret::new([2; 32]));
    assert_eq!(epoch(&other, at(1_500)).await, Err(StoreError::Foreign("epoch")));
    assert_eq!(epoch(&records, at(1_500)).await, Ok(at(1_005)));
}

/// No server listens on the port, because the test closes the port before the first operation.
#[tokio::test]
async fn valkey_that_cannot_be_reached_fails_each_operation() {
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let store = of_valkey(&format!("redis://127.0.0.1:{port}"), None).unwrap();
    for _ in 0..2 {
        assert!(matches!(store.get(&key("k")).await, Err(StoreError::Unreachable(_))));
    }
    assert!(matches!(store.take(&key("k")).await, Err(StoreError::Unreachable(_))));
}

fn of_valkey(address: &str, authority: Option<&Path>) -> Result<valkey::Valkey, String> {
    valkey::Valkey::new(&Nodes::Single(address.into()), &Authority::read(authority)?)
}

#[test]
fn valkey_address_must_be_valid_and_must_use_tls_if_an_authority_is_named() {
    let folder = TempDir::new().unwrap();
    let [pem, missing] = ["ca.pem", "missing.pem"].map(|name| folder.path().join(name));
    std::fs::write(&pem, rcgen::generate_simple_self_signed(["store".into()]).unwrap().cert.pem()).unwrap();
    assert!(of_valkey("rediss://127.0.0.1", Some(&pem)).is_ok() && of_valkey("rediss://127.0.0.1", None).is_ok());
    for (address, authority, part) in [
        ("http://127.0.0.1", None, "no valid address"),
        ("redis://127.0.0.1", Some(&pem), "rediss://"),
        ("rediss://127.0.0.1", Some(&missing), "missing.pem"),
    ] {
        let refused = of_valkey(address, authority.map(PathBuf::as_path)).err().unwrap();
        assert!(refused.contains(part), "{address}: {refused}");
    }
}
