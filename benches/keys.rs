//! Measures how the cost of a request depends on the number of accounts: `cargo bench -p kerberos-sso-benches --bench keys`.
//!
//! `keyset/1000000` decides one token with a key set of a million accounts. Each account has its own realm, and keys of three
//! types in two versions. `-unprepared` is a key set without prepared keys. Before the benches, one pass prints the time to
//! build, swap and drop the million accounts, and the memory of each account.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::arithmetic_side_effects, missing_docs)]

use cpu_time::ThreadTime;
use criterion::{Criterion, criterion_group, criterion_main};
use kerberos_sso::crypto::{EncType, Key};
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::testing::TestRealm;
use kerberos_sso::{Account, ComputerAccount, KeySet, Policy, ServiceKey, UnixTime, Validator};
use std::hint::black_box;
use std::sync::Arc;

const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);

const ACCOUNT: &str = "AZUREADSSOACC$";

/// Returns a key set with the account of the tokens and `accounts - 1` other accounts. The keys are not derived from
/// passwords, because that cost is not measured here.
fn key_set(accounts: u32) -> KeySet {
    let others = (1..accounts).map(|number| {
        let account = Account::new(ACCOUNT, &format!("T{number:07}.EXAMPLE.COM")).of_active_directory();
        [1, 2].iter().fold(account, |account, kvno| {
            ComputerAccount::ETYPES.iter().fold(account, |account, etype| {
                account.with_key(ServiceKey::new(key(*etype, number, *kvno), Some(u32::from(*kvno))))
            })
        })
    });
    KeySet::from_accounts(others.chain([realm().account()])).unwrap()
}

fn key(etype: EncType, number: u32, kvno: u8) -> Key {
    let mut octets = [kvno; 32];
    for (octet, byte) in octets.iter_mut().zip(number.to_be_bytes()) {
        *octet = byte;
    }
    Key::new(etype, octets.get(..etype.key_len().unwrap()).unwrap()).unwrap()
}

fn realm() -> TestRealm {
    TestRealm::new("CONTOSO.TEST").with_account(ACCOUNT)
}

/// Returns whether this is a smoke run (`-- --test`), which uses small numbers.
fn smoke_run() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

fn requests(criterion: &mut Criterion) {
    let most = if smoke_run() { 2_000 } else { 1_000_000 };
    plain_pass(most);
    let mut group = criterion.benchmark_group("keyset");
    let token = realm().ticket_for("alice").at(NOW).pac(|_| ()).mint();
    for accounts in [1, 1_000, most] {
        let validator = Validator::new(key_set(accounts), Policy::default(), NoReplayCache);
        group.bench_function(accounts.to_string(), |bencher| {
            bencher.iter(|| validator.validate_ticket(black_box(&token), NOW).unwrap());
        });
    }
    let unprepared = Validator::new(key_set(1).with_prepared_keys(0), Policy::default(), NoReplayCache);
    group.bench_function("1-unprepared", |bencher| {
        bencher.iter(|| unprepared.validate_ticket(black_box(&token), NOW).unwrap());
    });
    let elsewhere = TestRealm::new("FABRIKAM.TEST").with_account(ACCOUNT).ticket_for("alice").at(NOW).mint();
    let validator = Validator::new(key_set(most), Policy::default(), NoReplayCache);
    group.bench_function(format!("{most}-unknown-realm"), |bencher| {
        bencher.iter(|| validator.validate_ticket(black_box(&elsewhere), NOW).unwrap_err());
    });
}

fn plain_pass(accounts: u32) {
    let start = ThreadTime::now();
    let mut made = None;
    let bytes = allocation_counter::measure(|| made = Some(key_set(accounts))).bytes_current;
    let keys = Arc::new(made.unwrap());
    println!("{accounts} accounts: built in {:?} of CPU", start.elapsed());
    println!("{accounts} accounts: {} bytes each", bytes / i64::from(accounts));
    let validator = Validator::new(key_set(1), Policy::default(), NoReplayCache);
    let start = ThreadTime::now();
    let swapped = validator.with_keys(Arc::clone(&keys));
    println!("{accounts} accounts: swapped in {:?} of CPU", start.elapsed());
    drop(swapped);
    let start = ThreadTime::now();
    drop(keys);
    println!("{accounts} accounts: dropped in {:?} of CPU", start.elapsed());
}

criterion_group!(benches, requests);
criterion_main!(benches);
