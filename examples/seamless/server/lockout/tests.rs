//! Tests of the lockout, with two nodes that share a store.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::store::Secret;
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::testing::TestRealm;
use kerberos_sso::{Policy, Validator};

const START: i64 = 1_795_248_000;
const OF_ADDRESS: u32 = 30;

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(START.saturating_add(seconds))
}

/// Returns two nodes with one store.
fn nodes() -> [Lockout; 2] {
    let store = Arc::new(Memory::new(|| at(0)));
    [(), ()].map(|()| Lockout::new(Records::new(store.clone(), Secret::new([1; 32])), OF_ADDRESS))
}

async fn attempt(node: &Lockout, typed: &str, from: &str, seconds: i64, outcome: Outcome) -> Result<(), i64> {
    let user = UserName::parse(typed).unwrap();
    let begun = node.begin("contoso.test", &user, from.parse().ok(), at(seconds)).await;
    let begun = begun.map_err(|locked| match locked {
        Locked::Name(seconds) | Locked::Address(seconds) => seconds,
    })?;
    node.end(&begun, outcome, at(seconds)).await;
    Ok(())
}

async fn wrong(node: &Lockout, seconds: i64) -> Result<(), i64> {
    attempt(node, "alice", "192.0.2.1", seconds, Outcome::Wrong).await
}

#[tokio::test]
async fn tenth_wrong_password_at_any_node_locks_the_name_for_a_minute_at_every_node() {
    let [a, b] = nodes();
    for number in 0..MAX_WRONG {
        assert_eq!(wrong(if number % 2 == 0 { &a } else { &b }, 0).await, Ok(()), "{number}");
    }
    assert_eq!((wrong(&a, 0).await, wrong(&b, 59).await), (Err(60), Err(1)));
    assert_eq!(attempt(&b, "alice", "192.0.2.1", 59, Outcome::Right).await, Err(1), "the right password too");
    assert_eq!(attempt(&a, "bob", "192.0.2.1", 0, Outcome::Wrong).await, Ok(()));
}

#[tokio::test]
async fn each_wrong_password_after_a_pause_doubles_the_pause_up_to_an_hour() {
    let [node, _] = nodes();
    for _ in 1..MAX_WRONG {
        wrong(&node, 0).await.unwrap();
    }
    let mut now = 0;
    for pause in [60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600] {
        assert_eq!(wrong(&node, now).await, Ok(()));
        assert_eq!(wrong(&node, now).await, Err(pause));
        now = now.saturating_add(pause);
    }
}

#[tokio::test]
async fn wrong_passwords_of_ten_minutes_ago_do_not_count() {
    let [node, _] = nodes();
    for _ in 1..MAX_WRONG {
        wrong(&node, 0).await.unwrap();
    }
    for _ in 1..MAX_WRONG {
        wrong(&node, 600).await.unwrap();
    }
    wrong(&node, 1_199).await.unwrap();
    assert_eq!(wrong(&node, 1_199).await, Err(60));
}

#[tokio::test]
async fn repeated_wrong_derived_password_counts_once_until_three_other_passwords_displace_it() {
    let [a, b] = nodes();
    let wrong = async |node: &Lockout, password: u8| {
        attempt(node, "alice", "192.0.2.1", 0, Outcome::WrongDerived([password; 32])).await
    };
    for _ in 0..100 {
        assert_eq!((wrong(&a, 1).await, wrong(&b, 2).await, wrong(&a, 3).await), (Ok(()), Ok(()), Ok(())));
    }
    // Each of the passwords 1, 2 and 3 counted once. Password 4 displaces password 1 from the last three passwords, so
    // password 1 then counts again.
    for password in [4, 1, 2, 3, 4, 1, 2] {
        assert_eq!(wrong(&a, password).await, Ok(()), "{password}");
    }
    assert_eq!(wrong(&b, 3).await, Err(60));
}

#[tokio::test]
async fn right_password_resets_the_count_and_unchecked_password_does_not_count() {
    let [node, _] = nodes();
    for _ in 0..2 {
        for _ in 1..MAX_WRONG {
            wrong(&node, 0).await.unwrap();
        }
        for _ in 0..3 {
            attempt(&node, "alice", "192.0.2.1", 0, Outcome::Unchecked).await.unwrap();
        }
        attempt(&node, "alice", "", 0, Outcome::Right).await.unwrap();
    }
    assert_eq!((wrong(&node, 0).await, wrong(&node, 0).await), (Ok(()), Ok(())));
}

#[tokio::test]
async fn attempts_at_the_same_time_are_counted_before_the_directory_answers() {
    let [a, b] = nodes();
    let user = UserName::parse("alice").unwrap();
    let mut begun = Vec::new();
    for number in 0..20 {
        let node = if number % 2 == 0 { &a } else { &b };
        begun.extend(node.begin("contoso.test", &user, None, at(0)).await);
    }
    assert_eq!(begun.len(), 10);
    a.end(begun.last().unwrap(), Outcome::Unchecked, at(1)).await;
    assert!(
        b.begin("contoso.test", &user, None, at(1)).await.is_ok(),
        "an attempt whose password was not checked does not count"
    );
    assert!(b.begin("contoso.test", &user, None, at(1)).await.is_err());
}

#[tokio::test]
async fn attempts_from_an_address_where_the_user_signed_in_have_a_separate_counter() {
    let [a, b] = nodes();
    attempt(&a, "alice", "203.0.113.9", 0, Outcome::Right).await.unwrap();
    while wrong(&a, 0).await.is_ok() {}
    assert_eq!(attempt(&b, "alice", "203.0.113.9", 0, Outcome::Wrong).await, Ok(()));
    assert_eq!(attempt(&b, "bob", "203.0.113.9", 0, Outcome::Wrong).await, Ok(()));
}

/// The directory gives both names of bob, whose principal name does not begin with his account name.
#[tokio::test]
async fn principal_name_counts_for_its_account_at_every_node_after_a_right_password() {
    let [a, b] = nodes();
    let realm = TestRealm::new("CONTOSO.TEST").of_active_directory();
    let token = realm.ticket_for("bob").pac(|pac| pac.upn_dns_info.upn = "robert.nandu@contoso.test".into());
    let validator = Validator::new(realm.key_set(), Policy::default(), NoReplayCache);
    let identity = validator.validate_ticket(&token.mint(), TestRealm::NOW).unwrap().identity().to_session();
    let wrong = async |node, typed| attempt(node, typed, "", 0, Outcome::Wrong).await;
    wrong(&a, "robert.nandu@contoso.test").await.unwrap();
    let typed = UserName::parse("bob").unwrap();
    a.learn_names("contoso.test", &typed, &identity, at(0)).await;
    for number in 0..MAX_WRONG {
        let typed = if number % 2 == 0 { "bob" } else { "Robert.Nandu@contoso.test" };
        assert_eq!(wrong(&b, typed).await, Ok(()), "{number}");
    }
    assert_eq!((wrong(&a, "bob").await, wrong(&a, "robert.nandu@contoso.test").await), (Err(60), Err(60)));
    assert_eq!(wrong(&a, "robert.nandu").await, Ok(()), "another account");
}

#[tokio::test]
async fn spellings_of_one_name_are_counted_together() {
    let [node, _] = nodes();
    let spellings = ["alice", "ALICE", "alice@contoso.test", r"CONTOSO\Alice", "alice@contoso-corp.example"];
    for typed in spellings.into_iter().cycle().take(10) {
        attempt(&node, typed, "", 0, Outcome::Wrong).await.unwrap();
    }
    assert_eq!(attempt(&node, "alice", "", 0, Outcome::Wrong).await, Err(60));
}

/// Tries one wrong password for each of `count` names, and returns the number of passwords that are checked.
async fn spray(node: &Lockout, from: &str, count: u32) -> usize {
    let mut checked = 0_usize;
    for number in 0..count {
        let tried = attempt(node, &format!("user{number}"), from, 0, Outcome::Wrong).await;
        checked = checked.saturating_add(usize::from(tried.is_ok()));
    }
    checked
}

#[tokio::test]
async fn thirtieth_wrong_password_of_an_address_locks_it_for_every_user_who_never_signed_in_there() {
    let [a, b] = nodes();
    attempt(&a, "alice", "2001:db8::1", 0, Outcome::Right).await.unwrap();
    assert_eq!(spray(&a, "2001:db8::2", 40).await, 30);
    let begin = async |name: &str, from: &str| {
        let user = UserName::parse(name).unwrap();
        b.begin("contoso.test", &user, from.parse().ok(), at(0)).await.err()
    };
    assert_eq!(begin("bob", "2001:db8::3").await, Some(Locked::Address(60)));
    assert_eq!(begin("alice", "2001:db8::1").await, None, "a known user");
    assert_eq!(begin("bob", "2001:db8:0:1::3").await, None, "another network");
}

#[tokio::test]
async fn right_passwords_and_locked_names_leave_the_count_of_the_address_as_it_was() {
    let [node, _] = nodes();
    assert_eq!(spray(&node, "192.0.2.1", 19).await, 19);
    for number in 0..40 {
        attempt(&node, &format!("right{number}"), "192.0.2.1", 0, Outcome::Right).await.unwrap();
    }
    for number in 0..40 {
        let tried = wrong(&node, 0).await;
        assert_eq!(tried.is_ok(), number < 10, "{number}");
    }
    assert_eq!(spray(&node, "192.0.2.1", 9).await, 1, "19 and 10 and one");
}
