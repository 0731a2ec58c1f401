//! The start of the replay cache in memory: authenticators from before the start.

use super::*;

fn at(time: i64) -> Sent {
    Sent { time, ..sent(1) }
}

#[test]
fn authenticator_from_the_second_of_the_start_is_too_old_and_from_the_next_second_is_new() {
    for (time, expected) in [
        (NOW - SKEW, Admission::TooOld),
        (NOW - 1, Admission::TooOld),
        (NOW, Admission::TooOld),
        (NOW + 1, Admission::New),
        (NOW + SKEW, Admission::New),
    ] {
        assert_eq!(at(time).insert(&started(10), NOW), expected, "{}", time - NOW);
    }
}

#[test]
fn cache_with_strict_start_refuses_every_authenticator_for_one_skew_after_the_start() {
    for (time, expected) in [(SKEW, Admission::TooOld), (SKEW + 1, Admission::New)] {
        let cache = started(10).with_strict_start();
        assert_eq!(at(NOW + time).insert(&cache, NOW + time), expected, "{time}");
    }
}

#[test]
fn cache_that_takes_earlier_authenticators_admits_the_earliest_authenticator() {
    assert_eq!(at(NOW - SKEW).insert(&started(10).taking_earlier_authenticators(), NOW), Admission::New);
    let taking_earlier = started(10).with_strict_start().taking_earlier_authenticators();
    assert_eq!(at(NOW - SKEW).insert(&taking_earlier, NOW), Admission::New);
}

/// A client whose clock is `offset` seconds ahead sends an authenticator at each second before the start of the cache.
/// At the start, an attacker sends the authenticator again, to the new cache.
#[test]
fn authenticator_that_was_sent_before_the_start_can_be_replayed_only_if_its_time_is_after_the_start() {
    for offset in [-SKEW, -1, 0, 1, 150, SKEW] {
        for shown in NOW - 2 * SKEW..=NOW {
            let authenticator = at(shown + offset);
            let replayed = authenticator.insert(&started(10), NOW) == Admission::New;
            assert_eq!(replayed, shown > NOW - offset, "a clock {offset} s ahead, {} s before", NOW - shown);
            let strict = authenticator.insert(&started(10).with_strict_start(), NOW);
            assert_eq!(strict, Admission::TooOld, "a clock {offset} s ahead, {} s before", NOW - shown);
        }
    }
}
