//! Validators with different clock skews that share one replay cache.

use super::*;
use kerberos_sso::replay::ReplayTag;
use std::collections::HashMap;
use std::sync::Mutex;

fn with_skew(seconds: u64) -> Policy {
    Policy::default().with_clock_skew(Duration::from_secs(seconds))
}

#[test]
fn request_is_refused_when_the_policy_has_a_longer_skew_than_the_cache() {
    let realm = realm();
    let check_with = |skew| {
        let validator = Validator::new(realm.key_set(), with_skew(skew), cache(10));
        check(&validator, &realm.ticket_for("alice"), NOW)
    };
    assert_eq!(check_with(300), Ok(()));
    let error = check_with(301).unwrap_err();
    let fault = ReplayCacheFault::ClockSkew { policy_seconds: 301, cache_seconds: 300 };
    assert_eq!(error, Error::ReplayCacheFailed(fault));
    assert_eq!(error.code(), "replay-cache-failed");
    assert!(error.to_string().contains("301 seconds is longer than the 300 seconds"), "{error}");
    assert!(error.remedy().unwrap().to_string().contains("longest clock skew"));
}

#[test]
fn clock_skew_is_the_shorter_of_the_two_skews_after_a_change_of_policy() {
    let validator = Validator::new(realm().key_set(), with_skew(120), NoReplayCache);
    for (wanted, kept) in [(60, 60), (119, 119), (120, 120), (121, 120), (300, 120)] {
        assert_eq!(validator.with_policy(with_skew(wanted)).policy().clock_skew(), Duration::from_secs(kept));
    }
    assert_eq!(validator.with_policy(with_skew(60)).with_policy(with_skew(120)).policy().clock_skew().as_secs(), 60);
}

/// A store that forgets each entry after the entry's last second.
#[derive(Default)]
struct Forgetful(Mutex<HashMap<ReplayTag, UnixTime>>);

impl ReplayCache for Forgetful {
    fn check_and_insert(&self, entry: &ReplayEntry<'_>, now: UnixTime) -> Admission {
        let mut entries = self.0.lock().unwrap();
        entries.retain(|_, valid_until| *valid_until >= now);
        if entries.insert(entry.tag, entry.valid_until).is_none() { Admission::New } else { Admission::Seen }
    }
}

/// After 60 seconds, the store forgets the authenticators that were admitted under the first policy. A validator with a
/// longer skew would accept these authenticators again.
#[test]
fn authenticator_is_not_admitted_again_under_a_longer_skew() {
    let realm = realm();
    let validator = Validator::new(realm.key_set(), with_skew(60), Forgetful::default());
    let token = realm.ticket_for("alice");
    assert_eq!(check(&validator, &token, NOW), Ok(()));
    let longer = validator.with_policy(with_skew(300));
    assert_eq!(check(&longer, &token, after(60)), Err(SEEN));
    let skew = Error::ClockSkew { client: NOW, server: after(61), allowed_seconds: 60 };
    assert_eq!(check(&longer, &token, after(61)), Err(skew));
}

/// The validator with the longer skew may still decide requests after the policy was changed to a shorter skew.
#[test]
fn authenticator_that_was_admitted_under_a_shorter_skew_is_remembered_for_the_longer_skew() {
    let realm = realm();
    let longer = Validator::new(realm.key_set(), with_skew(300), Forgetful::default());
    let shorter = longer.with_policy(with_skew(60));
    let token = realm.ticket_for("alice");
    assert_eq!(check(&shorter, &token, NOW), Ok(()));
    assert_eq!(check(&longer, &token, after(300)), Err(SEEN));
    let bytes = realm.ticket_for("bob").mint();
    let verified = shorter.verify(shorter.open(shorter.read(&bytes).unwrap(), NOW).unwrap(), NOW).unwrap();
    assert_eq!(shorter.authorize(verified).unwrap().replay_entry().valid_until, after(300));
}

/// One validator may authorize a request, and another validator may admit the request.
#[test]
fn request_is_remembered_for_the_longer_skew_of_its_two_validators() {
    let realm = realm();
    let shorter = Validator::new(realm.key_set(), with_skew(60), NoReplayCache);
    let longer = Validator::new(realm.key_set(), with_skew(300), Forgetful::default());
    let token = realm.ticket_for("alice");
    let bytes = token.mint();
    let verified = shorter.verify(shorter.open(shorter.read(&bytes).unwrap(), NOW).unwrap(), NOW).unwrap();
    assert!(longer.admit(shorter.authorize(verified).unwrap(), NOW).is_ok());
    assert_eq!(check(&longer, &token, after(300)), Err(SEEN));
    // Now the validator that authorizes the request has a longer skew than the validator that admits the request.
    let longer = Validator::new(realm.key_set(), with_skew(300), NoReplayCache);
    let shorter = Validator::new(realm.key_set(), with_skew(60), Forgetful::default());
    let authorized = || {
        let verified = longer.verify(longer.open(longer.read(&bytes).unwrap(), NOW).unwrap(), NOW).unwrap();
        longer.authorize(verified).unwrap()
    };
    assert!(shorter.admit(authorized(), NOW).is_ok());
    assert_eq!(shorter.admit(authorized(), after(300)).unwrap_err().into_error(), SEEN);
    assert!(shorter.admit(authorized(), after(301)).is_ok());
}
