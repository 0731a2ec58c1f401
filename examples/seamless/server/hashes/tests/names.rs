//! Tests of names that several accounts have.

use super::*;

/// Returns the account with this RID. The password of the account is the account name.
fn user(rid: u32, name: &str) -> Account {
    let sid = format!("S-1-5-21-1-2-3-{rid}").parse().unwrap();
    Account { sid, upn: None, alternate: None, ..account(name, name) }
}

fn administrator() -> Record {
    record(1, 1, Some(user(2001, "administrator")))
}

/// Returns accounts of mallory that have a name of the administrator as UPN or as alternate name.
fn impostors() -> [(&'static str, Account); 4] {
    let upn = |upn: &str| Account { upn: Some(upn.into()), ..user(2002, "mallory") };
    let alternate = |name: &str| Account { alternate: Some(name.into()), ..user(2002, "mallory") };
    [
        ("administrator", upn("Administrator")),
        ("administrator", alternate("administrator")),
        ("administrator@contoso.test", upn("administrator@CONTOSO.TEST")),
        ("administrator@contoso.test", alternate("administrator@contoso.test")),
    ]
}

/// Returns a table that took these records, each in a batch of its own.
async fn with(records: impl IntoIterator<Item = Record>) -> Table {
    let table = table_of(&super::records(), "contoso.test", 2);
    for record in records {
        assert_eq!(take(&table, batch(vec![record]), NOW).await.taken, 1);
    }
    table
}

/// Returns the account name to which a typed name leads.
async fn found(table: &Table, typed: &str) -> Option<String> {
    table.find(&UserName::parse(typed).unwrap()).await.unwrap().map(|account| account.name)
}

#[tokio::test]
async fn account_name_wins_over_the_same_principal_or_alternate_name_in_either_order() {
    for (typed, mallory) in impostors() {
        let mallory = record(2, 2, Some(mallory));
        for order in [[administrator(), mallory.clone()], [mallory, administrator()]] {
            let table = with(order).await;
            for name in ["administrator", "administrator@contoso.test", r"CONTOSO\administrator"] {
                assert_eq!(found(&table, name).await.as_deref(), Some("administrator"), "{typed}");
            }
            assert_eq!(verdict(&table, typed, "administrator").await, Verdict::SignedIn);
            assert_eq!(verdict(&table, typed, "mallory").await, Verdict::Wrong);
        }
    }
}

#[tokio::test]
async fn name_leads_to_the_other_account_after_a_rename_or_a_removal() {
    for (typed, impostor) in impostors() {
        for later in [None, Some(user(2001, "root"))] {
            let table = with([administrator(), record(2, 2, Some(impostor.clone())), record(1, 3, later)]).await;
            assert_eq!(found(&table, typed).await.as_deref(), Some("mallory"), "{typed}");
        }
        for later in [None, Some(user(2002, "mallory"))] {
            let table = with([record(2, 2, Some(impostor.clone())), administrator(), record(2, 3, later)]).await;
            assert_eq!(found(&table, typed).await.as_deref(), Some("administrator"), "{typed}");
        }
    }
}

#[tokio::test]
async fn account_name_of_a_renamed_account_wins_over_the_older_claim_of_another_account() {
    for (typed, impostor) in impostors() {
        let table = with([record(1, 1, Some(user(2001, "root"))), record(2, 2, Some(impostor))]).await;
        assert_eq!(found(&table, typed).await.as_deref(), Some("mallory"), "{typed}");
        take(&table, batch(vec![record(1, 3, Some(user(2001, "administrator")))]), NOW).await;
        assert_eq!(found(&table, typed).await.as_deref(), Some("administrator"), "{typed}");
    }
}

#[tokio::test]
async fn principal_name_wins_over_the_same_alternate_name_in_either_order() {
    let alice = record(1, 1, Some(Account { upn: Some("a@mail.example".into()), ..user(2001, "alice") }));
    let mallory = record(2, 2, Some(Account { alternate: Some("a@mail.example".into()), ..user(2002, "mallory") }));
    for order in [[alice.clone(), mallory.clone()], [mallory, alice]] {
        assert_eq!(found(&with(order).await, "a@mail.example").await.as_deref(), Some("alice"));
    }
}

#[tokio::test]
async fn principal_or_alternate_name_of_two_accounts_leads_to_no_account_until_one_gives_it_up() {
    let shared = "shared@mail.example".to_owned();
    let changes: [&dyn Fn(Account) -> Account; 2] =
        [&|account| Account { upn: Some(shared.clone()), ..account }, &|account| Account {
            alternate: Some(shared.clone()),
            ..account
        }];
    for change in changes {
        let [alice, bob] = [(1, "alice"), (2, "bob")].map(|(object, name)| {
            record(object, object.into(), Some(change(user(2000_u32.saturating_add(object.into()), name))))
        });
        for order in [[alice.clone(), bob.clone()], [bob, alice]] {
            let table = with(order).await;
            assert_eq!(found(&table, &shared).await, None);
            for name in ["alice", "bob"] {
                assert_eq!(found(&table, name).await.as_deref(), Some(name));
            }
            take(&table, batch(vec![record(2, 3, Some(user(2002, "bob")))]), NOW).await;
            assert_eq!(found(&table, &shared).await.as_deref(), Some("alice"));
        }
    }
}

/// A line of secretsdump gives an account another object identifier than the directory does.
#[tokio::test]
async fn two_objects_with_one_sid_are_one_account_and_the_later_object_counts() {
    let named = |name: &str| Account { upn: Some("alice@mail.example".into()), ..user(2001, name) };
    let table = with([record(1, 1, Some(named("alice"))), record(2, 2, Some(named("alicia")))]).await;
    assert_eq!(found(&table, "alice@mail.example").await.as_deref(), Some("alicia"));
}

#[tokio::test]
async fn account_name_still_leads_to_its_account_after_a_hundred_other_claims_of_the_name() {
    let claims = (2..102_u8).map(|number| {
        let account = Account { alternate: Some("administrator".into()), ..user(3000, "m") };
        let sid = format!("S-1-5-21-1-2-3-{}", u32::from(number).saturating_add(3000)).parse().unwrap();
        record(number, number.into(), Some(Account { sid, name: format!("m{number}"), ..account }))
    });
    let table = with([administrator()].into_iter().chain(claims)).await;
    assert_eq!(found(&table, "administrator").await.as_deref(), Some("administrator"));
}
