#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::*;
use crate::authenticated::Authenticated;
use crate::store::{Outage, Secret, Store as _};
use kerberos_sso::testing::TestRealm;
use kerberos_sso::{Policy, Validator};

const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);

fn session(name: &str) -> Arc<Session> {
    let realm = TestRealm::new("CONTOSO.TEST").of_active_directory();
    let validator = Validator::new(realm.key_set(), Policy::default(), kerberos_sso::replay::NoReplayCache);
    let accepted = validator.validate_ticket(&realm.ticket_for(name).mint(), TestRealm::NOW).unwrap();
    Arc::new(Session::new(&"contoso.test".into(), Authenticated::by_ticket(&accepted, Method::Kerberos), None))
}

fn store() -> Arc<Memory> {
    Arc::new(Memory::new(|| NOW))
}

fn node(store: &Arc<Memory>, secret: u8) -> Sessions {
    let records = Records::new(store.clone(), Secret::new([secret; 32]));
    Sessions::new(records, Duration::from_mins(1), WithoutStore::Refuse)
}

#[tokio::test]
async fn session_of_node_a_is_found_at_node_b_and_ends_at_b_when_it_ends_at_a() {
    let store = store();
    let (a, b) = (node(&store, 1), node(&store, 1));
    let id = a.begin(session("alice"), Stage::SignedIn, NOW).await.unwrap();
    let (found, stage) = b.find(&id.to_string().parse().unwrap(), NOW).await.unwrap();
    assert_eq!((&*found.tenant, found.identity.name.as_str(), stage), ("contoso.test", "alice", Stage::SignedIn));
    assert!(a.end(&id, NOW).await.unwrap().is_some());
    assert!(b.find(&id, NOW).await.is_none() && b.end(&id, NOW).await.unwrap().is_none());
}

/// The test writes the record again, like a replica that missed the deletion.
#[tokio::test]
async fn session_that_its_user_ended_stays_ended_when_a_failover_brings_its_record_back() {
    let store = store();
    let sessions = node(&store, 1);
    for (stage, comes_back) in [(Stage::SignedIn, false), (Stage::AwaitsProof, true)] {
        let id = sessions.begin(session("alice"), stage, NOW).await.unwrap();
        let key = Key::new(Kind::Session, &sessions.shared.locator(&id));
        let mark = Key::new(Kind::EndedSession, &sessions.shared.locator(&id));
        let record = store.get(&key).await.unwrap().unwrap();
        assert!(sessions.end(&id, NOW).await.unwrap().is_some());
        store.put(&key, record, NOW.saturating_add_seconds(60), When::Always).await.unwrap();
        assert_eq!(sessions.find(&id, NOW).await.is_some(), comes_back, "{stage:?}");
        assert_eq!(sessions.end(&id, NOW).await.unwrap().is_some(), comes_back, "{stage:?}");
        assert_eq!(store.get(&key).await, Ok(None), "the record is deleted again");
        assert_eq!(store.get(&mark).await.unwrap().is_some(), !comes_back, "{stage:?}");
    }
}

#[tokio::test]
async fn sign_out_with_a_cookie_without_a_session_makes_no_mark() {
    let store = store();
    let (sessions, id) = (node(&store, 1), "07".repeat(32).parse::<SessionId>().unwrap());
    assert!(sessions.end(&id, NOW).await.unwrap().is_none());
    assert_eq!(store.get(&Key::new(Kind::EndedSession, &sessions.shared.locator(&id))).await, Ok(None));
}

#[tokio::test]
async fn session_ends_after_its_lifetime() {
    let sessions = node(&store(), 1);
    let id = sessions.begin(session("alice"), Stage::SignedIn, NOW).await.unwrap();
    assert!(sessions.find(&id, NOW.saturating_add_seconds(59)).await.is_some());
    assert!(sessions.find(&id, NOW.saturating_add_seconds(60)).await.is_none());
}

#[tokio::test]
async fn oldest_session_of_a_user_ends_only_for_a_new_session_of_the_same_user_and_stage() {
    let (sessions, alice, bob) = (node(&store(), 1), session("alice"), session("bob"));
    let begin = async |session: &Arc<Session>, stage| sessions.begin(Arc::clone(session), stage, NOW).await.unwrap();
    let first = begin(&alice, Stage::SignedIn).await;
    for _ in 0..=MAX_OF_ONE_USER {
        begin(&alice, Stage::AwaitsProof).await;
        begin(&bob, Stage::SignedIn).await;
    }
    for _ in 1..MAX_OF_ONE_USER {
        begin(&alice, Stage::SignedIn).await;
    }
    assert!(sessions.find(&first, NOW).await.is_some());
    let last = begin(&alice, Stage::SignedIn).await;
    assert!(sessions.find(&first, NOW).await.is_none() && sessions.find(&last, NOW).await.is_some());
}

/// A user signs out and in again many times on one computer. The session on another computer stays valid.
#[tokio::test]
async fn ended_sessions_do_not_count_for_the_limit_of_a_user() {
    let (sessions, alice) = (node(&store(), 1), session("alice"));
    let first = sessions.begin(Arc::clone(&alice), Stage::SignedIn, NOW).await.unwrap();
    for _ in 0..=MAX_OF_ONE_USER {
        let id = sessions.begin(Arc::clone(&alice), Stage::SignedIn, NOW).await.unwrap();
        sessions.end(&id, NOW).await.unwrap();
    }
    assert!(sessions.find(&first, NOW).await.is_some());
}

/// The store has no octets of the cookie, and no readable part of the session.
#[tokio::test]
async fn store_and_a_node_with_another_secret_do_not_reveal_a_session() {
    let store = store();
    let sessions = node(&store, 1);
    let id = sessions.begin(session("alice"), Stage::SignedIn, NOW).await.unwrap();
    assert!(node(&store, 2).find(&id, NOW).await.is_none());
    let key = Key::new(Kind::Session, &sessions.shared.locator(&id));
    let sealed = store.get(&key).await.unwrap().unwrap();
    let contains = |octets: &[u8], part: &[u8]| octets.windows(part.len()).any(|window| window == part);
    assert!(
        !contains(&sealed, b"alice")
            && !contains(key.as_bytes(), &id.octets()[..8])
            && !contains(&sealed, &id.octets()[..8])
    );
}

#[tokio::test]
async fn foreign_value_in_the_store_is_no_session_and_harms_no_other_session() {
    let store = store();
    let sessions = node(&store, 1);
    let [one, other] = [session("alice"), session("bob")];
    let one = sessions.begin(one, Stage::SignedIn, NOW).await.unwrap();
    let other = sessions.begin(other, Stage::AwaitsProof, NOW).await.unwrap();
    let keys = [&one, &other].map(|id| Key::new(Kind::Session, &sessions.shared.locator(id)));
    let sealed = store.get(&keys[0]).await.unwrap().unwrap();
    let of_other = store.get(&keys[1]).await.unwrap().unwrap();
    let mut changed = sealed.clone();
    *changed.last_mut().unwrap() ^= 1;
    for foreign in [vec![], b"{}".to_vec(), sealed[..20].to_vec(), changed, of_other] {
        store.put(&keys[0], foreign, NOW.saturating_add_seconds(9), When::Always).await.unwrap();
        assert!(sessions.find(&one, NOW).await.is_none());
        assert!(sessions.find(&other, NOW).await.is_some());
    }
    store.put(&keys[0], sealed, NOW.saturating_add_seconds(9), When::Always).await.unwrap();
    assert!(sessions.find(&one, NOW).await.is_some());
}

fn with_outage(without_store: WithoutStore) -> (Arc<Outage>, Sessions) {
    let outage = Arc::new(Outage::new(|| NOW));
    let records = Records::new(outage.clone(), Secret::new([1; 32]));
    (outage, Sessions::new(records, Duration::from_hours(1), without_store))
}

#[tokio::test]
async fn session_is_found_for_30_seconds_after_its_last_read_while_the_store_is_away() {
    let (outage, sessions) = with_outage(WithoutStore::Refuse);
    let id = sessions.begin(session("alice"), Stage::SignedIn, NOW).await.unwrap();
    outage.set_away(true);
    assert!(sessions.find(&id, NOW).await.is_none(), "it was never read");
    outage.set_away(false);
    assert!(sessions.find(&id, NOW).await.is_some());
    outage.set_away(true);
    assert!(sessions.find(&id, NOW.saturating_add_seconds(29)).await.is_some());
    assert!(sessions.find(&id, NOW.saturating_add_seconds(30)).await.is_none());
    assert!(sessions.end(&id, NOW).await.is_err());
    outage.set_away(false);
    assert!(sessions.find(&id, NOW.saturating_add_seconds(30)).await.is_some());
    assert!(sessions.end(&id, NOW).await.unwrap().is_some());
    outage.set_away(true);
    assert!(sessions.find(&id, NOW).await.is_none(), "it has ended");
}

#[tokio::test]
async fn new_session_without_the_store_is_refused_or_lives_ten_minutes_in_this_node_as_configured() {
    let (outage, sessions) = with_outage(WithoutStore::Refuse);
    outage.set_away(true);
    assert!(sessions.begin(session("alice"), Stage::SignedIn, NOW).await.is_err());
    // The sessions in the memory of this node end by the clock of the operating system, so the test uses this clock.
    let (now, (outage, sessions)) = (clock::now(), with_outage(WithoutStore::Passwords));
    outage.set_away(true);
    let id = sessions.begin(session("alice"), Stage::SignedIn, now).await.unwrap();
    assert!(sessions.find(&id, now.saturating_add_seconds(LOCAL_TIME - 1)).await.is_some());
    assert!(sessions.find(&id, now.saturating_add_seconds(LOCAL_TIME)).await.is_none());
    let other = sessions.begin(session("bob"), Stage::SignedIn, now).await.unwrap();
    assert!(sessions.end(&other, now).await.unwrap().is_some(), "its user signs out without the store");
    assert!(sessions.find(&other, now).await.is_none());
    outage.set_away(false);
    assert!(sessions.find(&id, now).await.is_some());
    assert!(sessions.end(&id, now).await.unwrap().is_some());
    assert!(sessions.find(&id, now).await.is_none());
}

#[tokio::test]
async fn sign_out_that_no_replica_confirms_fails_and_ends_session_and_stay_when_it_is_repeated() {
    let (outage, sessions) = with_outage(WithoutStore::Refuse);
    let alice = session("alice");
    let id = sessions.begin(Arc::clone(&alice), Stage::SignedIn, NOW).await.unwrap();
    let stay_goes_on = async || Sessions::stay_goes_on(&sessions.shared.records, &alice.stay).await;
    outage.set_unconfirmed(true);
    assert_eq!(sessions.end(&id, NOW).await.err(), Some(StoreError::Unconfirmed));
    assert!(sessions.find(&id, NOW).await.is_some());
    // The master has the mark of the stay, and a failover may remove this mark.
    assert_eq!(stay_goes_on().await, Ok(false));
    outage.set_unconfirmed(false);
    assert!(sessions.end(&id, NOW).await.unwrap().is_some());
    assert!(sessions.find(&id, NOW).await.is_none());
    assert_eq!(stay_goes_on().await, Ok(false));
}
