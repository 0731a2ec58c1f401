//! Replays. The server accepts an authenticator only once, even if it comes again in another token. The server
//! remembers the authenticator until the authenticator is so old that the server refuses it because of its time.

use crate::common;
mod skews;

use common::refusals::{Change, IN_ORDER, policy};
use common::{NOW, assert_malformed};
use kerberos_sso::replay::{
    Admission, MemoryReplayCache, NoReplayCache, ReplayCache, ReplayClient, ReplayEntry, ReplayLimit,
};
use kerberos_sso::testing::{MechToken, TestRealm, TestToken, TokenFraming, mech};
use kerberos_sso::{
    Error, Policy, Refused, UnixTime, Validator,
    error::{ReplayCacheFault, ReplayCause},
};
use std::sync::Barrier;
use std::time::Duration;

/// The clock skew of the default policy.
const SKEW: Duration = Duration::from_secs(300);

const SEEN: Error = Error::Replay(ReplayCause::Seen);
const OLDER: Error = Error::Replay(ReplayCause::OlderThanCache);

fn realm() -> TestRealm {
    TestRealm::new("CONTOSO.TEST")
}

/// Returns a cache that accepts authenticators from before its start, and that limits no client.
fn cache(entries: usize) -> MemoryReplayCache {
    MemoryReplayCache::new(entries, SKEW, NOW).taking_earlier_authenticators().without_client_share()
}

fn validator(realm: &TestRealm, cache: MemoryReplayCache) -> Validator<MemoryReplayCache> {
    Validator::new(realm.key_set(), Policy::default(), cache)
}

fn remembering(realm: &TestRealm) -> Validator<MemoryReplayCache> {
    validator(realm, cache(1_000))
}

fn after(seconds: i64) -> UnixTime {
    NOW.saturating_add_seconds(seconds)
}

fn check<R: ReplayCache>(validator: &Validator<R>, token: &TestToken, now: UnixTime) -> Result<(), Error> {
    validator.validate_ticket(&token.mint(), now).map(drop).map_err(Refused::into_error)
}

#[test]
fn request_that_is_sent_again_is_a_replay_until_its_time_is_refused() {
    let realm = realm();
    let validator = remembering(&realm);
    let token = realm.ticket_for("alice");
    assert_eq!(check(&validator, &token, NOW), Ok(()));
    for seconds in [0, 1, 299, 300] {
        assert_eq!(check(&validator, &token, after(seconds)), Err(SEEN), "after {seconds} s");
    }
    let client = NOW;
    let skew = Error::ClockSkew { client, server: after(301), allowed_seconds: 300 };
    assert_eq!(check(&validator, &token, after(301)), Err(skew));
}

#[test]
fn ticket_is_accepted_once_with_each_new_authenticator() {
    let realm = realm();
    let validator = remembering(&realm);
    let token = realm.ticket_for("alice");
    for micros in 0..100 {
        let again = token.clone().sent_at(NOW.with_micros(micros).unwrap());
        assert_eq!(check(&validator, &again, NOW), Ok(()));
        assert_eq!(check(&validator, &again, NOW), Err(SEEN));
    }
}

/// The authenticators of two requests have the same time, to the microsecond. Only the client's random confounder differs.
#[test]
fn authenticators_that_differ_only_in_their_confounder_are_both_accepted() {
    let realm = realm();
    let validator = remembering(&realm);
    let token = realm.ticket_for("alice");
    let mut other = token.clone();
    other.authenticator.confounder[0] ^= 1;
    assert_eq!(check(&validator, &token, NOW), Ok(()));
    assert_eq!(check(&validator, &other, NOW), Ok(()));
}

/// A user of Active Directory has many names, and one SID.
#[test]
fn replay_entry_names_the_client_by_its_sid_or_by_its_name_if_it_has_no_sid() {
    let realm = realm();
    let validator = remembering(&realm);
    let client = |token: TestToken| {
        let bytes = token.mint();
        let opened = validator.open(validator.read(&bytes).unwrap(), NOW).unwrap();
        let authorized = validator.authorize(validator.verify(opened, NOW).unwrap()).unwrap();
        match authorized.replay_entry().client {
            ReplayClient::Sid { domain, rid } => (domain.to_vec(), rid.to_string().into_bytes()),
            ReplayClient::Name { realm, name } => (realm.to_vec(), name.to_vec()),
            other => panic!("{other:?}"),
        }
    };
    let domain = realm.domain_sid();
    let with_pac = |name: &str, rid| {
        client(realm.ticket_for(name).pac(|pac| {
            pac.user(domain.join(rid).unwrap());
        }))
    };
    assert_eq!(with_pac("alice", 1105), (domain.to_bytes(), b"1105".to_vec()));
    assert_eq!(with_pac("ALICE", 70_000), (domain.to_bytes(), b"70000".to_vec()));
    let (of_realm, name) = client(realm.ticket_for("alice").without_pac());
    assert_eq!(of_realm, b"CONTOSO.TEST");
    assert!(name.ends_with(b"alice"));
}

#[test]
fn request_that_was_refused_is_not_remembered() {
    let realm = realm().with_account("AZUREADSSOACC$");
    let cache = cache(1_000);
    let validator = Validator::new(realm.key_set(), policy(), cache);
    for (code, change) in IN_ORDER {
        let good = realm.ticket_for("alice");
        let mut bad = good.clone();
        change(&mut bad);
        assert_eq!(check(&validator, &bad, NOW).unwrap_err().code(), code);
        assert_eq!(check(&validator, &good, NOW), Ok(()), "after {code}");
        assert_eq!(check(&validator, &bad, NOW).unwrap_err().code(), code);
        assert_eq!(check(&validator, &good, NOW), Err(SEEN), "after {code}");
    }
}

/// If the client's clock is ahead, the server accepts its authenticator for up to two skews.
#[test]
fn authenticator_of_a_client_with_a_fast_clock_is_a_replay_until_its_time_is_refused() {
    let realm = realm();
    let validator = remembering(&realm);
    let fast = realm.ticket_for("alice").sent_at(after(300));
    assert_eq!(check(&validator, &fast, NOW), Ok(()));
    for seconds in [1, 301, 599, 600] {
        // Other clients sign in, and their entries take the places of entries that have ended.
        assert_eq!(check(&validator, &realm.ticket_for("bob").at(after(seconds)), after(seconds)), Ok(()));
        assert_eq!(check(&validator, &fast, after(seconds)), Err(SEEN), "after {seconds} s");
    }
    let skew = Error::ClockSkew { client: after(300), server: after(601), allowed_seconds: 300 };
    assert_eq!(check(&validator, &fast, after(601)), Err(skew));
}

#[test]
fn replay_entry_ends_one_skew_after_the_time_of_the_authenticator() {
    let realm = realm();
    let policy = Policy::default().with_clock_skew(Duration::from_secs(120));
    let validator = Validator::new(realm.key_set(), policy, NoReplayCache);
    let client_time = after(-100).with_micros(7).unwrap();
    let bytes = realm.ticket_for("alice").sent_at(client_time).mint();
    let opened = validator.open(validator.read(&bytes).unwrap(), NOW).unwrap();
    let verified = validator.verify(opened, NOW).unwrap();
    let authorized = validator.authorize(verified).unwrap();
    let entry = authorized.replay_entry();
    assert_eq!(entry.client_time.seconds(), client_time.seconds());
    assert_eq!(entry.valid_until.seconds(), client_time.seconds() + 120);
}

#[test]
fn authenticator_is_a_replay_even_in_another_token() {
    let realm = realm();
    let validator = remembering(&realm);
    let token = realm.ticket_for("alice");
    assert_eq!(check(&validator, &token, NOW), Ok(()));
    let changes: [(&str, Change); 13] = [
        ("kvno", |token| token.ticket.kvno = Some(7)),
        ("no kvno", |token| token.ticket.kvno = None),
        ("sname", |token| token.ticket.sname = "cifs/other.contoso.test".into()),
        ("name-type", |token| token.ticket.sname.name_type = 99),
        ("ap-options", |token| token.ap_options = 1 << 29),
        ("reserved ap-options", |token| token.ap_options = 1),
        ("kvno of the authenticator", |token| token.authenticator.kvno = Some(1)),
        ("another ticket of the same session", |token| token.ticket.confounder[0] ^= 1),
        ("krb5", |token| token.framing = TokenFraming::Krb5(mech::KRB5.into())),
        ("Microsoft's krb5", |token| token.framing = TokenFraming::Krb5(mech::MS_KRB5.into())),
        ("bare", |token| token.framing = TokenFraming::ApReq),
        ("bare in SPNEGO", |token| change_spnego(token, |spnego| spnego.mech_token = MechToken::ApReq)),
        ("mechanisms", |token| change_spnego(token, |spnego| spnego.mech_types.reverse())),
    ];
    for (what, change) in changes {
        let mut reframed = token.clone();
        change(&mut reframed);
        assert_ne!(reframed.mint(), token.mint(), "{what}");
        assert_eq!(check(&validator, &reframed, NOW), Err(SEEN), "{what}");
    }
    let header = token.header();
    let in_header = validator.validate_header(header.as_bytes(), NOW).map(drop);
    assert_eq!(in_header.map_err(Refused::into_error), Err(SEEN));
    let trailing = [token.mint(), vec![0]].concat();
    assert_malformed(validator.validate_ticket(&trailing, NOW).unwrap_err().error(), "trailing");
}

fn change_spnego(token: &mut TestToken, change: fn(&mut kerberos_sso::testing::SpnegoParts)) {
    *token = token.clone().spnego(change);
}

#[test]
fn request_is_a_replay_under_a_new_key_set() {
    let realm = realm();
    let validator = remembering(&realm);
    let token = realm.ticket_for("alice");
    assert_eq!(check(&validator, &token, NOW), Ok(()));
    assert_eq!(check(&validator.with_keys(realm.key_set()), &token, NOW), Err(SEEN));
}

mod clocks {
    use super::*;

    #[test]
    fn repeated_request_is_refused_even_when_the_clock_goes_back_one_hour() {
        let realm = realm();
        let validator = remembering(&realm);
        let token = realm.ticket_for("alice");
        assert_eq!(check(&validator, &token, NOW), Ok(()));
        assert_eq!(check(&validator, &realm.ticket_for("bob").at(after(3_600)), after(3_600)), Ok(()));
        // If bob's entry has overwritten alice's entry, the cache refuses her authenticator as too old. The places of
        // entries are random.
        let again = check(&validator, &token, NOW);
        assert!(again == Err(SEEN) || again == Err(OLDER), "{again:?}");
    }

    /// The cache has overwritten the entries that had ended. For an authenticator that ends no later than the last
    /// overwritten entry, the cache then cannot distinguish a replay from a new authenticator. So the cache refuses
    /// every such authenticator as too old.
    #[test]
    fn forgotten_and_new_authenticators_are_too_old_when_the_clock_goes_back_one_hour() {
        let realm = realm();
        let validator = validator(&realm, cache(1));
        let forgotten = fill(&realm, &validator, NOW);
        fill(&realm, &validator, after(3_600));
        for token in forgotten.iter().chain(&[realm.ticket_for("carol")]) {
            assert_eq!(check(&validator, token, NOW), Err(OLDER));
        }
    }

    /// The cache is so large that it has several shards. Each shard knows the time only from the requests that came to
    /// that shard.
    #[test]
    fn no_authenticator_is_accepted_twice_when_the_clock_jumps() {
        let realm = realm();
        let validator = validator(&realm, cache(10_000));
        let mut admitted = Vec::new();
        for (index, jump) in [0, 1_000, -900, 3_600, 250, -3_600, 301, 300].into_iter().cycle().take(80).enumerate() {
            let now = after(i64::try_from(index).unwrap() + jump);
            let token = realm.ticket_for("alice").at(now);
            match check(&validator, &token, now) {
                Ok(()) => admitted.push((token, now)),
                Err(error) => assert_eq!(error, OLDER),
            }
            for (token, then) in &admitted {
                let error = check(&validator, token, *then).unwrap_err();
                assert!([SEEN, OLDER].contains(&error), "{error}");
            }
        }
        assert!(admitted.len() > 20, "{}", admitted.len());
    }

    #[test]
    fn request_is_a_replay_when_the_clock_goes_back_by_less_than_two_skews() {
        let realm = realm();
        let validator = remembering(&realm);
        let token = realm.ticket_for("alice");
        assert_eq!(check(&validator, &token, NOW), Ok(()));
        assert_eq!(check(&validator, &realm.ticket_for("bob").at(after(299)), after(299)), Ok(()));
        assert_eq!(check(&validator, &token, after(-300)), Err(SEEN));
    }

    /// Times are compared in whole seconds. An authenticator whose time is the second of the start may have been admitted
    /// before the start.
    #[test]
    fn authenticator_from_before_a_restart_is_refused() {
        let realm = realm();
        let restarted = MemoryReplayCache::new(1_000, SKEW, NOW);
        let validator = validator(&realm, restarted);
        for (sent, expected) in [(-300, Err(OLDER)), (-1, Err(OLDER)), (0, Err(OLDER)), (1, Ok(())), (300, Ok(()))] {
            let token = realm.ticket_for("alice").sent_at(after(sent));
            assert_eq!(check(&validator, &token, NOW), expected, "sent {sent} s after the start");
        }
    }

    #[test]
    fn cache_that_takes_earlier_authenticators_accepts_one_that_an_earlier_cache_admitted() {
        let realm = realm();
        let token = realm.ticket_for("alice").sent_at(after(-300));
        assert_eq!(check(&remembering(&realm), &token, NOW), Ok(()));
        assert_eq!(check(&remembering(&realm), &token, NOW), Ok(()));
    }
}

/// Sends far more requests than the smallest cache has places, so that every place is taken. Returns the requests that were
/// admitted.
fn fill(realm: &TestRealm, validator: &Validator<MemoryReplayCache>, now: UnixTime) -> Vec<TestToken> {
    let tokens: Vec<_> = (0..1_000).map(|_| realm.ticket_for("mallory").at(now)).collect();
    let taken: Vec<_> = tokens.into_iter().filter(|token| check(validator, token, now).is_ok()).collect();
    assert!(!taken.is_empty() && taken.len() < 100, "{}", taken.len());
    taken
}

mod capacity {
    use super::*;

    #[test]
    fn full_cache_refuses_new_requests_and_still_recognises_replays() {
        let realm = realm();
        let validator = validator(&realm, cache(10));
        let mut admitted = Vec::new();
        let full = loop {
            assert!(admitted.len() < 1_000, "the cache has no bound");
            let token = realm.ticket_for("mallory");
            match check(&validator, &token, NOW) {
                Ok(()) => admitted.push(token),
                Err(error) => break error,
            }
        };
        assert_eq!(full, Error::ReplayCacheFull(ReplayLimit::Cache));
        assert!(admitted.len() >= 10, "{}", admitted.len());
        for seen in &admitted {
            assert_eq!(check(&validator, seen, NOW), Err(SEEN));
        }
    }

    #[test]
    fn full_cache_admits_a_request_when_its_entries_have_ended() {
        let realm = realm();
        let validator = validator(&realm, cache(1));
        fill(&realm, &validator, NOW);
        assert_eq!(
            check(&validator, &realm.ticket_for("alice").at(after(300)), after(300)),
            Err(Error::ReplayCacheFull(ReplayLimit::Cache))
        );
        assert_eq!(check(&validator, &realm.ticket_for("alice").at(after(301)), after(301)), Ok(()));
    }

    #[test]
    fn cache_admits_as_many_requests_as_it_was_made_for() {
        let realm = realm();
        for entries in [1, 15, 16, 17, 1_000] {
            let validator = validator(&realm, cache(entries));
            for index in 0..entries {
                assert_eq!(check(&validator, &realm.ticket_for("alice"), NOW), Ok(()), "{index} of {entries}");
            }
        }
    }
}

/// The two threads send the authenticator at the same time.
#[test]
fn exactly_one_of_two_threads_with_one_authenticator_is_accepted() {
    let realm = realm();
    let validator = remembering(&realm);
    let barrier = Barrier::new(2);
    for _ in 0..200 {
        let bytes = realm.ticket_for("alice").mint();
        let race = || {
            barrier.wait();
            validator.validate_ticket(&bytes, NOW).map(drop).map_err(Refused::into_error)
        };
        let mut results = std::thread::scope(|scope| {
            let other = scope.spawn(race);
            [race(), other.join().unwrap()]
        });
        results.sort_by_key(Result::is_err);
        assert_eq!(results, [Ok(()), Err(SEEN)]);
    }
}

mod other_stores {
    use super::*;

    struct Answers(Admission);

    impl ReplayCache for Answers {
        fn check_and_insert(&self, _: &ReplayEntry<'_>, _: UnixTime) -> Admission {
            self.0
        }
    }

    #[test]
    fn request_is_refused_unless_the_replay_cache_answers_new() {
        let realm = realm();
        for (answer, expected) in [
            (Admission::New, Ok(())),
            (Admission::Seen, Err(SEEN)),
            (Admission::TooOld, Err(OLDER)),
            (Admission::Full(ReplayLimit::Cache), Err(Error::ReplayCacheFull(ReplayLimit::Cache))),
            (Admission::Failed, Err(Error::ReplayCacheFailed(ReplayCacheFault::NoAnswer))),
            (
                Admission::OutlivesCache { entry_seconds: 2, cache_seconds: 1 },
                Err(Error::ReplayCacheFailed(ReplayCacheFault::ClockSkew { policy_seconds: 2, cache_seconds: 1 })),
            ),
        ] {
            let validator = Validator::new(realm.key_set(), Policy::default(), Answers(answer));
            assert_eq!(check(&validator, &realm.ticket_for("alice"), NOW), expected);
        }
    }

    /// A caller that keeps authenticators in its own store reads the tag after the authorize stage.
    #[test]
    fn replay_tag_depends_only_on_the_authenticator() {
        let realm = realm();
        let validator = Validator::new(realm.key_set(), Policy::default(), NoReplayCache);
        let tag = |token: &TestToken| {
            let bytes = token.mint();
            let opened = validator.open(validator.read(&bytes).unwrap(), NOW).unwrap();
            let verified = validator.verify(opened, NOW).unwrap();
            *validator.authorize(verified).unwrap().replay_entry().tag.as_bytes()
        };
        let token = realm.ticket_for("alice");
        let reframed = token.clone().framed(TokenFraming::ApReq).service("cifs/x").kvno(None);
        assert_eq!(tag(&token), tag(&reframed));
        assert_ne!(tag(&token), tag(&token.clone().sent_at(after(1))));
        assert_ne!(tag(&token), tag(&realm.ticket_for("alice")));
    }

    #[test]
    fn request_is_accepted_again_without_a_replay_cache() {
        let realm = realm();
        let validator = Validator::new(realm.key_set(), Policy::default(), NoReplayCache);
        let token = realm.ticket_for("alice");
        assert_eq!(check(&validator, &token, NOW), Ok(()));
        assert_eq!(check(&validator, &token, NOW), Ok(()));
    }
}

#[cfg(feature = "std")]
mod shared {
    use super::*;
    use kerberos_sso::SharedValidator;

    /// After the keys of a `SharedValidator` are replaced, its validator still has the same replay cache. A
    /// `SharedValidator` needs only the feature `std`.
    #[test]
    fn authenticator_is_a_replay_after_the_keys_were_replaced() {
        let realm = realm();
        let shared = SharedValidator::new(remembering(&realm));
        let token = realm.ticket_for("alice");
        assert_eq!(check(&shared.validator(), &token, NOW), Ok(()));
        let rollover = shared.clone();
        let old = std::thread::scope(|scope| scope.spawn(|| rollover.replace_keys(realm.key_set())).join().unwrap());
        assert_eq!(old.accounts().count(), 1);
        assert_eq!(check(&shared.validator(), &token, NOW), Err(SEEN));
    }

    #[test]
    fn request_that_began_before_the_keys_were_replaced_is_decided_with_the_old_keys() {
        let old = realm();
        let new = old.clone().with_kvno(2);
        let shared = SharedValidator::new(remembering(&old));
        let in_flight = shared.validator();
        shared.replace_keys(new.key_set());
        assert_eq!(check(&in_flight, &old.ticket_for("alice"), NOW), Ok(()));
        assert_eq!(check(&shared.validator(), &new.ticket_for("alice"), NOW), Ok(()));
        assert_eq!(check(&shared.validator(), &old.ticket_for("bob"), NOW).unwrap_err().code(), "key-version");
    }
}
