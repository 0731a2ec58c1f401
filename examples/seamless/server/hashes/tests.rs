//! Tests of the table and of the check, with records as a source sends them.

#![allow(clippy::unwrap_used)]

mod faults;
mod names;
mod sources;

use super::*;
use crate::store::{Memory, Records, Secret};
use crate::user_name::UserName;
use kerberos_sso::UnixTime;
use seamless_phs::verifier::Parameters;
use seamless_phs::{Account, Answer, Batch, Lock, NtHash, ObjectId, Record, Refusal, Rules, Verdict};
use seamless_pta::AgentId;
use std::sync::Arc;

const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);
const SOURCE: ObjectId = ObjectId([9; 16]);
const LIMITS: Limits = Limits { max_hours: 24, max_accounts: 1000 };

fn records() -> Records {
    Records::new(Arc::new(Memory::new(|| NOW)), Secret::new([1; 32]))
}

fn table_of(records: &Records, tenant: &str, pepper: u8) -> Table {
    let domains = vec!["S-1-5-21-1-2-3".parse().unwrap()];
    let rules = Rules { domains, built_in_accounts: false, min_iterations: 1000 };
    Table::new((tenant, "CONTOSO.TEST"), records.clone(), Secret::new([pepper; 32]), rules, LIMITS)
}

/// Returns the only source of a test.
fn agent() -> AgentId {
    AgentId::from_random([5; 16])
}

fn of(agent: AgentId) -> Sender {
    Sender { agent, of_others: Vec::new() }
}

async fn take(table: &Table, batch: Batch, now: UnixTime) -> Answer {
    table.take(batch, &of(agent()), now).await.unwrap()
}

#[tokio::test]
async fn stricter_rules_apply_to_records_that_came_earlier() {
    let records = records();
    let loose = Rules {
        domains: vec!["S-1-5-21-1-2-3".parse().unwrap(), "S-1-5-21-9-9-9".parse().unwrap()],
        built_in_accounts: true,
        min_iterations: 1000,
    };
    let before = Table::new(("contoso.test", "CONTOSO.TEST"), records.clone(), Secret::new([2; 32]), loose, LIMITS);
    let administrator = Account { sid: "S-1-5-21-1-2-3-500".parse().unwrap(), ..account("root", "Pa$$w0rd") };
    let partner = Account { sid: "S-1-5-21-9-9-9-1105".parse().unwrap(), ..account("paul", "Pa$$w0rd") };
    let sent = vec![
        record(1, 1, Some(administrator)),
        record(2, 2, Some(partner)),
        record(3, 3, Some(account("Alice", "Pa$$w0rd"))),
    ];
    assert_eq!(take(&before, batch(sent), NOW).await.taken, 3);
    let now = table_of(&records, "contoso.test", 2);
    for (name, expected) in [("root", Verdict::Wrong), ("paul", Verdict::Wrong), ("alice", Verdict::SignedIn)] {
        assert_eq!(verdict(&before, name, "Pa$$w0rd").await, Verdict::SignedIn, "{name}");
        assert_eq!(verdict(&now, name, "Pa$$w0rd").await, expected, "{name}");
    }
}

fn account(name: &str, password: &str) -> Account {
    Account {
        sid: "S-1-5-21-1-2-3-1105".parse().unwrap(),
        name: name.into(),
        upn: Some(format!("{name}.a@contoso-corp.example")),
        alternate: Some(format!("{name}@mail.example")),
        full_name: None,
        groups: Vec::new(),
        verifier: Parameters::new([7; 10], 1000).unwrap().derive(&NtHash::of_password(password)),
        disabled: false,
        lock: Lock::Open,
        account_expires: None,
        password_expires: None,
        must_change: false,
    }
}

fn record(object: u8, usn: u64, account: Option<Account>) -> Record {
    Record { object: ObjectId([object; 16]), usn, account }
}

fn batch(records: Vec<Record>) -> Batch {
    Batch { v: 1, source: SOURCE, cursor: Some("c1".into()), records, left: 3, complete: None }
}

/// Returns a table with the account `Alice`, whose password is `Pa$$w0rd`.
async fn of_alice() -> Table {
    let table = table_of(&records(), "contoso.test", 2);
    let answer = take(&table, batch(vec![record(1, 5, Some(account("Alice", "Pa$$w0rd")))]), NOW).await;
    assert_eq!((answer.taken, answer.cursor.as_deref()), (1, Some("c1")));
    table
}

async fn check(table: &Table, typed: &str, password: &str) -> Checked {
    let user = UserName::parse(typed).unwrap();
    Checks::default().check(table, &user, password, NOW).await.ok().unwrap()
}

async fn verdict(table: &Table, typed: &str, password: &str) -> Verdict {
    check(table, typed, password).await.verdict
}

#[tokio::test]
async fn right_password_signs_in_under_each_name_of_the_account() {
    let table = of_alice().await;
    for name in
        ["alice", "ALICE", r"CONTOSO\alice", "Alice.A@contoso-corp.example", "alice@mail.example", "alice@contoso.test"]
    {
        assert_eq!(verdict(&table, name, "Pa$$w0rd").await, Verdict::SignedIn, "{name}");
        assert_eq!(verdict(&table, name, "Pa$$w0rd2").await, Verdict::Wrong, "{name}");
    }
    for name in ["bob", "alice@contoso-corp.example", "alice@other.example", "alice.a"] {
        let checked = check(&table, name, "Pa$$w0rd").await;
        assert!(checked.account.is_none() && checked.verdict == Verdict::Wrong, "{name}");
    }
}

#[tokio::test]
async fn new_password_replaces_the_old_one_and_an_older_or_repeated_record_changes_nothing() {
    let table = of_alice().await;
    let of_alice = |usn, password| batch(vec![record(1, usn, Some(account("Alice", password)))]);
    assert_eq!(take(&table, of_alice(6, "new"), NOW).await.taken, 1);
    assert_eq!(verdict(&table, "alice", "new").await, Verdict::SignedIn);
    for (usn, password) in [(6, "other"), (5, "Pa$$w0rd"), (6, "new")] {
        let answer = take(&table, of_alice(usn, password), NOW).await;
        assert_eq!((answer.taken, answer.refused.first().map(|one| one.code)), (0, Some(Refusal::Older)));
    }
    assert_eq!(verdict(&table, "alice", "new").await, Verdict::SignedIn);
    assert_eq!(verdict(&table, "alice", "Pa$$w0rd").await, Verdict::Wrong);
}

#[tokio::test]
async fn removed_account_cannot_sign_in_and_an_older_record_does_not_restore_it() {
    let table = of_alice().await;
    take(&table, batch(vec![record(1, 6, None)]), NOW).await;
    assert_eq!(verdict(&table, "alice", "Pa$$w0rd").await, Verdict::Wrong);
    let answer = take(&table, batch(vec![record(1, 5, Some(account("Alice", "Pa$$w0rd")))]), NOW).await;
    assert_eq!(answer.refused.first().map(|one| one.code), Some(Refusal::Older));
    assert_eq!(verdict(&table, "alice", "Pa$$w0rd").await, Verdict::Wrong);
}

#[tokio::test]
async fn renamed_account_signs_in_under_its_new_names_only() {
    let table = of_alice().await;
    take(&table, batch(vec![record(1, 6, Some(account("alicia", "Pa$$w0rd")))]), NOW).await;
    assert_eq!(verdict(&table, "alicia.a@contoso-corp.example", "Pa$$w0rd").await, Verdict::SignedIn);
    for old in ["alice", "alice.a@contoso-corp.example", "alice@mail.example"] {
        assert_eq!(verdict(&table, old, "Pa$$w0rd").await, Verdict::Wrong, "{old}");
    }
}

/// One account gives a name up and another account takes it. The two records come in either order.
#[tokio::test]
async fn name_that_moves_to_another_account_leads_to_that_account() {
    for order in [[1, 2], [2, 1]] {
        let table = of_alice().await;
        let (gives, takes) = (record(1, 6, Some(account("old", "one"))), record(2, 7, Some(account("alice", "two"))));
        let records = order.map(|one| if one == 1 { gives.clone() } else { takes.clone() });
        for record in records {
            take(&table, batch(vec![record]), NOW).await;
        }
        assert_eq!(verdict(&table, "alice", "two").await, Verdict::SignedIn, "{order:?}");
        assert_eq!(verdict(&table, "old", "one").await, Verdict::SignedIn, "{order:?}");
    }
}

#[tokio::test]
async fn record_of_a_foreign_domain_is_refused_and_the_others_are_taken() {
    let table = of_alice().await;
    let foreign = Account { sid: "S-1-5-21-9-9-9-1105".parse().unwrap(), ..account("mallory", "x") };
    let built_in = Account { sid: "S-1-5-21-1-2-3-500".parse().unwrap(), ..account("administrator", "x") };
    let bob = Account { sid: "S-1-5-21-1-2-3-1106".parse().unwrap(), ..account("bob", "x") };
    let records = vec![record(2, 1, Some(foreign)), record(3, 2, Some(built_in)), record(4, 3, Some(bob))];
    let answer = take(&table, batch(records), NOW).await;
    let codes: Vec<_> = answer.refused.iter().map(|one| one.code).collect();
    assert_eq!((answer.taken, codes), (1, vec![Refusal::ForeignSid, Refusal::BuiltInAccount]));
    assert_eq!(verdict(&table, "mallory", "x").await, Verdict::Wrong);
    assert_eq!(verdict(&table, "bob", "x").await, Verdict::SignedIn);
}

/// The attacker has the store and its secret, but not the key of the hashes.
#[tokio::test]
async fn copied_table_without_the_key_of_the_hashes_verifies_no_password() {
    let records = records();
    let table = table_of(&records, "contoso.test", 2);
    take(&table, batch(vec![record(1, 5, Some(account("Alice", "Pa$$w0rd")))]), NOW).await;
    let copy = table_of(&records, "contoso.test", 3);
    assert_eq!(verdict(&copy, "alice", "Pa$$w0rd").await, Verdict::Wrong);
    assert_eq!(verdict(&table, "alice", "Pa$$w0rd").await, Verdict::SignedIn);
}

#[tokio::test]
async fn record_of_one_tenant_signs_no_user_in_to_another_tenant() {
    let records = records();
    let (one, other) = (table_of(&records, "a.test", 2), table_of(&records, "b.test", 2));
    take(&one, batch(vec![record(1, 5, Some(account("Alice", "Pa$$w0rd")))]), NOW).await;
    take(&other, batch(vec![]), NOW).await;
    assert_eq!(verdict(&one, "alice", "Pa$$w0rd").await, Verdict::SignedIn);
    assert_eq!(verdict(&other, "alice", "Pa$$w0rd").await, Verdict::Wrong);
}

#[tokio::test]
async fn table_whose_last_batch_is_too_old_does_not_decide() {
    let user = UserName::parse("alice").unwrap();
    let checks = Checks::default();
    let empty = table_of(&records(), "contoso.test", 2);
    assert!(matches!(checks.check(&empty, &user, "x", NOW).await, Err(Unchecked::NeverSynchronised)));
    let table = of_alice().await;
    let at = |hours: i64| NOW.saturating_add_seconds(hours.saturating_mul(3600));
    let last_second = at(24).saturating_add_seconds(-1);
    assert!(checks.check(&table, &user, "Pa$$w0rd", last_second).await.is_ok());
    let old = checks.check(&table, &user, "Pa$$w0rd", at(24)).await;
    assert!(matches!(old, Err(Unchecked::TooOld { hours: 24, most: 24 })));
    take(&table, batch(vec![]), at(24)).await;
    assert!(checks.check(&table, &user, "Pa$$w0rd", at(24)).await.is_ok(), "an empty batch counts, too");
}

#[tokio::test]
async fn status_has_the_source_the_time_and_the_iterations_of_the_last_batch() {
    let status = of_alice().await.synchronised().await.unwrap().unwrap();
    assert_eq!(status, Synchronised { agent: agent(), last: NOW.seconds(), left: 3, iterations: Some(1000) });
}

#[tokio::test]
async fn batch_of_500_records_is_taken_whole() {
    let table = table_of(&records(), "contoso.test", 2);
    let verifier = account("x", "Pa$$w0rd").verifier;
    let record = |number: u16| {
        let name = format!("user{number}");
        let sid = format!("S-1-5-21-1-2-3-{}", u32::from(number).saturating_add(2000)).parse().unwrap();
        let account = Account { sid, upn: None, alternate: None, verifier: verifier.clone(), ..account(&name, "") };
        let object = ObjectId([number.to_be_bytes(); 8].as_flattened().try_into().unwrap());
        Record { object, usn: number.into(), account: Some(account) }
    };
    let answer = take(&table, batch((0..500).map(record).collect()), NOW).await;
    assert_eq!((answer.taken, answer.refused.len()), (500, 0));
    for name in ["user0", "user250", "user499"] {
        assert_eq!(verdict(&table, name, "Pa$$w0rd").await, Verdict::SignedIn);
    }
}
