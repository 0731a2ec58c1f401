//! Tests of records that the server does not take, and of the limit of accounts.

use super::*;
use seamless_phs::batch::Refused;

fn codes(answer: &Answer) -> Vec<Refusal> {
    answer.refused.iter().map(|refused| refused.code).collect()
}

/// Returns an account with this number of groups, each of another domain.
fn in_domains(groups: u32) -> Account {
    let group = |domain: u32| format!("S-1-5-21-4294967295-4294967295-{domain}-4294967295").parse().unwrap();
    Account {
        groups: (3_000_000_000..).take(usize::try_from(groups).unwrap()).map(group).collect(),
        ..account("Alice", "new")
    }
}

#[tokio::test]
async fn account_of_1024_groups_of_a_domain_is_taken_and_read_back() {
    let table = of_alice().await;
    let group = |rid: u32| format!("S-1-5-21-4294967295-4294967295-4294967295-{rid}").parse().unwrap();
    let groups: Vec<_> = (4_000_000_000..).take(1024).map(group).collect();
    let alice = Account { groups: groups.clone(), ..account("Alice", "new") };
    assert_eq!(take(&table, batch(vec![record(1, 6, Some(alice))]), NOW).await.taken, 1);
    let found = table.find(&UserName::parse("alice").unwrap()).await.unwrap().unwrap();
    assert_eq!(found.groups, groups);
}

/// An account may have too many groups or a too long name for the store. The other records and the cursor are written
/// nevertheless.
#[tokio::test]
async fn only_the_account_that_the_store_cannot_keep_is_refused_and_its_old_password_is_no_longer_accepted() {
    let faults = [
        (Account { groups: vec![account("x", "").sid; 1025], ..account("Alice", "new") }, Refusal::ManyGroups),
        (Account { full_name: Some("n".repeat(1025)), ..account("Alice", "new") }, Refusal::LongName),
        (in_domains(1024), Refusal::TooLarge),
        (Account { sid: "S-1-5-21-9-9-9-1105".parse().unwrap(), ..account("Alice", "new") }, Refusal::ForeignSid),
    ];
    for (bad, code) in faults {
        let table = of_alice().await;
        let bob = Account { sid: "S-1-5-21-1-2-3-1106".parse().unwrap(), ..account("bob", "x") };
        let sent = Batch { cursor: Some("c2".into()), ..batch(vec![record(1, 6, Some(bad)), record(2, 7, Some(bob))]) };
        let answer = take(&table, sent, NOW).await;
        assert_eq!((answer.taken, answer.cursor.as_deref()), (1, Some("c2")));
        assert_eq!(answer.refused, [Refused { object: ObjectId([1; 16]), code }]);
        assert_eq!(verdict(&table, "bob", "x").await, Verdict::SignedIn);
        for password in ["Pa$$w0rd", "new"] {
            assert_eq!(verdict(&table, "alice", password).await, Verdict::Wrong, "{code}");
        }
        take(&table, batch(vec![record(1, 8, Some(account("Alice", "good")))]), NOW).await;
        assert_eq!(verdict(&table, "alice", "good").await, Verdict::SignedIn, "{code}");
    }
}

/// Returns a table whose limit is `most` accounts.
fn table_for(records: &Records, most: u64) -> Table {
    let rules =
        Rules { domains: vec!["S-1-5-21-1-2-3".parse().unwrap()], built_in_accounts: false, min_iterations: 1000 };
    let limits = Limits { max_accounts: most, ..LIMITS };
    Table::new(("contoso.test", "CONTOSO.TEST"), records.clone(), Secret::new([2; 32]), rules, limits)
}

fn user(number: u8, usn: u64) -> Record {
    let sid = format!("S-1-5-21-1-2-3-{}", u32::from(number).saturating_add(2000)).parse().unwrap();
    record(number, usn, Some(Account { sid, upn: None, alternate: None, ..account(&format!("user{number}"), "x") }))
}

#[tokio::test]
async fn full_table_takes_changes_and_removals_and_no_new_account() {
    let store = records();
    let table = table_for(&store, 3);
    let first = take(&table, batch((1..=5).map(|number| user(number, 1)).collect()), NOW).await;
    assert_eq!((first.taken, codes(&first)), (3, vec![Refusal::Full, Refusal::Full]));
    let refused: Vec<_> = first.refused.iter().map(|refused| refused.object).collect();
    let again = take(&table, batch((1..=5).map(|number| user(number, 2)).collect()), NOW).await;
    assert_eq!((again.taken, again.refused.iter().map(|one| one.object).collect::<Vec<_>>()), (3, refused.clone()));
    let kept = (1..=5).map(|number| ObjectId([number; 16])).find(|object| !refused.contains(object)).unwrap();
    let gone = take(&table, batch(vec![Record { object: kept, usn: 3, account: None }]), NOW).await;
    assert_eq!(gone.taken, 1);
    let new = take(&table, batch(vec![user(6, 1)]), NOW).await;
    assert_eq!((new.taken, codes(&new)), (0, vec![Refusal::Full]), "a removed account keeps its place");
    let larger = table_for(&store, 4);
    assert_eq!(take(&larger, batch(vec![user(6, 1), user(7, 1)]), NOW).await.taken, 1);
}

#[tokio::test]
async fn simultaneous_batches_do_not_exceed_the_limit_together() {
    let table = table_for(&records(), 10);
    let from = of(agent());
    let send = |first: u8| {
        table.take(batch((first..first.saturating_add(8)).map(|number| user(number, 1)).collect()), &from, NOW)
    };
    let (one, two) = tokio::join!(send(1), send(101));
    assert_eq!(one.unwrap().taken.saturating_add(two.unwrap().taken), 10);
}

#[tokio::test]
async fn limit_holds_for_all_nodes_of_one_store() {
    let store = records();
    let nodes = [table_for(&store, 10), table_for(&store, 10)];
    let mut taken = 0_u64;
    for first in [1, 21, 41, 61] {
        for (node, first) in nodes.iter().zip([first, 101_u8.saturating_add(first)]) {
            let records = (first..first.saturating_add(8)).map(|number| user(number, 1)).collect();
            taken = taken.saturating_add(take(node, batch(records), NOW).await.taken);
        }
    }
    assert_eq!(taken, 10);
}
