//! Validators that share the replay cache in memory, and have other clock skews than the cache.

use super::*;

/// Inserts an authenticator as a validator with a clock skew of `skew` seconds does.
fn insert(cache: &MemoryReplayCache, number: u32, skew: i64, now: i64) -> Admission {
    let (sent, at) = (sent(number), UnixTime::from_seconds);
    let client = ReplayClient::Sid { domain: &DOMAIN, rid: 1 };
    let entry = ReplayEntry::new(sent.tag(), at(sent.time), at(sent.time + skew), client);
    cache.check_and_insert(&entry, at(now))
}

/// The cache must not keep an entry only for the skew of the inserting validator. Otherwise a validator with a longer
/// skew would accept the authenticator again.
#[test]
fn entry_of_a_validator_with_a_shorter_skew_is_remembered_for_the_skew_of_the_cache() {
    let cache = taking_any(1);
    let admitted: Vec<u32> = (0..1_000).filter(|number| insert(&cache, *number, 60, NOW) == Admission::New).collect();
    assert!((2..1_000).contains(&admitted.len()), "the cache is full");
    // Other authenticators are inserted, and take each free place.
    for number in 1_000..2_000 {
        let _ = Sent { time: NOW + 61, ..sent(number) }.insert(&cache, NOW + 61);
    }
    for now in [NOW + 61, NOW + SKEW] {
        for number in &admitted {
            assert_eq!(insert(&cache, *number, SKEW, now), Admission::Seen, "{number}");
        }
    }
}

#[test]
fn entry_that_lives_longer_than_the_skew_of_the_cache_is_refused() {
    let cache = taking_any(10);
    assert_eq!(insert(&cache, 1, SKEW, NOW), Admission::New);
    let outlives = Admission::OutlivesCache { entry_seconds: SKEW + 1, cache_seconds: SKEW };
    assert_eq!(insert(&cache, 2, SKEW + 1, NOW), outlives);
    assert_eq!(insert(&cache, 1, SKEW + 1, NOW), outlives);
    assert_eq!(insert(&cache, 2, SKEW, NOW), Admission::New, "the refused entry was not remembered");
}

#[test]
fn cache_with_the_longest_skew_keeps_every_entry() {
    let cache = MemoryReplayCache::new(10, Duration::MAX, UnixTime::from_seconds(NOW)).taking_earlier_authenticators();
    assert_eq!(insert(&cache, 1, i64::MAX - NOW, NOW), Admission::New);
    assert_eq!(insert(&cache, 1, i64::MAX - NOW, i64::MAX), Admission::Seen);
}
