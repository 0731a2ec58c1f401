//! Tests of several sources, of their cursors, and of the removal of accounts that a source has not sent.

use super::*;
use kerberos_sso::Sid;
use seamless_phs::Complete;
use seamless_phs::batch::PARTS;

fn other() -> AgentId {
    AgentId::from_random([6; 16])
}

fn domain() -> Sid {
    "S-1-5-21-1-2-3".parse().unwrap()
}

fn user(number: u8, usn: u64) -> Record {
    let sid = domain().join(u32::from(number).saturating_add(2000));
    let names = Account { upn: None, alternate: None, ..account(&format!("user{number}"), "x") };
    record(number, usn, Some(Account { sid: sid.unwrap(), ..names }))
}

async fn users(table: &Table) -> Vec<u8> {
    let mut users = Vec::new();
    for number in 1..=9 {
        let user = UserName::parse(&format!("user{number}")).unwrap();
        users.extend(table.find(&user).await.unwrap().map(|_| number));
    }
    users
}

/// Tells the table that `agent` has sent all accounts since the change `since`. Returns the number of removed accounts.
async fn complete(table: &Table, agent: AgentId, domain: Sid, since: u64) -> u64 {
    let mut removed = 0_u64;
    for part in 0..PARTS {
        let batch = Batch { complete: Some(Complete { domain, since, part }), cursor: None, ..batch(vec![]) };
        removed = removed.saturating_add(table.take(batch, &of(agent), NOW).await.unwrap().taken);
    }
    removed
}

#[tokio::test]
async fn complete_run_removes_the_accounts_that_the_source_has_not_sent() {
    let table = table_of(&records(), "contoso.test", 2);
    take(&table, batch((1..=4).map(|number| user(number, 10)).collect()), NOW).await;
    take(&table, batch(vec![user(1, 20), user(3, 21)]), NOW).await;
    assert_eq!(complete(&table, agent(), "S-1-5-21-9-9-9".parse().unwrap(), 20).await, 0, "another domain");
    assert_eq!(users(&table).await, [1, 2, 3, 4]);
    assert_eq!(complete(&table, agent(), domain(), 20).await, 2);
    assert_eq!(users(&table).await, [1, 3]);
    assert_eq!(complete(&table, agent(), domain(), 20).await, 0, "a second time");
    let older = take(&table, batch(vec![user(2, 19)]), NOW).await;
    assert_eq!(older.refused.first().map(|refused| refused.code), Some(Refusal::Older));
    take(&table, batch(vec![user(2, 21)]), NOW).await;
    assert_eq!(users(&table).await, [1, 2, 3]);
}

/// An attacker with a stolen certificate gave records the highest possible numbers, and added an account.
#[tokio::test]
async fn complete_run_of_a_new_source_replaces_all_records_of_a_revoked_source() {
    let table = table_of(&records(), "contoso.test", 2);
    table.take(batch((1..=4).map(|number| user(number, u64::MAX)).collect()), &of(other()), NOW).await.unwrap();
    let answer = take(&table, batch(vec![user(1, 7), user(2, 7)]), NOW).await;
    assert_eq!((answer.taken, answer.refused.len()), (2, 0));
    assert_eq!(complete(&table, agent(), domain(), 7).await, 2);
    assert_eq!(users(&table).await, [1, 2]);
}

#[tokio::test]
async fn account_of_a_domain_that_another_source_sends_is_neither_changed_nor_removed() {
    let table = of_alice().await;
    let from = Sender { agent: other(), of_others: vec![domain()] };
    let attacks = [
        record(1, 9, Some(account("Alice", "mine"))),
        record(1, 9, None),
        record(1, 9, Some(Account { sid: "S-1-5-21-9-9-9-1105".parse().unwrap(), ..account("Alice", "mine") })),
        record(2, 9, Some(account("Alice", "mine"))),
    ];
    for attack in attacks {
        let answer = table.take(batch(vec![attack]), &from, NOW).await.unwrap();
        assert_eq!(answer.refused.first().map(|refused| refused.code), Some(Refusal::OtherSource));
        assert_eq!(verdict(&table, "alice", "Pa$$w0rd").await, Verdict::SignedIn);
    }
    let removal = Batch { complete: Some(Complete { domain: domain(), since: 9, part: 0 }), ..batch(vec![]) };
    for part in 0..PARTS {
        let complete = removal.complete.map(|complete| Complete { part, ..complete });
        assert_eq!(table.take(Batch { complete, ..removal.clone() }, &from, NOW).await.unwrap().taken, 0);
    }
    assert_eq!(verdict(&table, "alice", "Pa$$w0rd").await, Verdict::SignedIn);
}

#[tokio::test]
async fn each_directory_server_of_an_agent_has_its_own_cursor() {
    let table = table_of(&records(), "contoso.test", 2);
    let at = async |agent, source| table.progress(agent, source).await.unwrap().at;
    assert_eq!(at(agent(), Some(SOURCE)).await, None);
    let of_server = |server: u8, cursor: &str| Batch {
        source: ObjectId([server; 16]),
        cursor: Some(cursor.into()),
        ..batch(vec![])
    };
    take(&table, of_server(1, "10"), NOW).await;
    take(&table, of_server(2, "20"), NOW).await;
    let answer = take(&table, Batch { cursor: None, ..of_server(1, "") }, NOW).await;
    assert_eq!(answer.cursor.as_deref(), Some("10"), "a batch without a cursor leaves the stored cursor");
    for (server, cursor) in [(1, "10"), (2, "20")] {
        assert_eq!(
            at(agent(), Some(ObjectId([server; 16]))).await,
            Some((ObjectId([server; 16]), Some(cursor.into())))
        );
    }
    assert_eq!(at(agent(), None).await, Some((ObjectId([2; 16]), Some("20".into()))));
    assert_eq!(at(other(), Some(ObjectId([1; 16]))).await, None);
    for server in 3..=5 {
        take(&table, of_server(server, "x"), NOW).await;
    }
    assert_eq!(at(agent(), Some(ObjectId([1; 16]))).await, None, "the server drops the oldest cursor");
}

#[tokio::test]
async fn domain_keeps_its_source_until_the_caller_replaces_the_source() {
    let table = table_of(&records(), "contoso.test", 2);
    assert_eq!(table.owner(domain()).await.unwrap(), None);
    assert_eq!(table.set_owner(domain(), None, agent()).await.unwrap(), agent());
    assert_eq!(table.set_owner(domain(), None, other()).await.unwrap(), agent(), "another agent was first");
    assert_eq!(table.set_owner(domain(), Some(agent()), other()).await.unwrap(), other());
    assert_eq!(table.owner(domain()).await.unwrap(), Some(other()));
}
