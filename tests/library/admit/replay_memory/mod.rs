//! The replay cache in memory, compared with a model that forgets no authenticator. The property tests use random
//! authenticators, orders and clocks.
#![cfg(feature = "std")]

mod share;
mod skew;
mod start;

use kerberos_sso::UnixTime;
use kerberos_sso::replay::{
    Admission, MemoryReplayCache, ReplayCache, ReplayClient, ReplayEntry, ReplayLimit, ReplayTag,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const NOW: i64 = 1_795_248_000;

const SKEW: i64 = 300;

/// The facts of one authenticator, as a cache uses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sent {
    number: u32,
    client: u32,
    /// The authenticator's time, by the client's clock.
    time: i64,
}

impl Sent {
    fn valid_until(self) -> i64 {
        self.time + SKEW
    }

    fn tag(self) -> ReplayTag {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&self.number.to_be_bytes());
        bytes[4..12].copy_from_slice(&self.time.to_be_bytes());
        ReplayTag::from_bytes(bytes)
    }

    fn insert(self, cache: &MemoryReplayCache, now: i64) -> Admission {
        let [client_time, valid_until] = [self.time, self.valid_until()].map(UnixTime::from_seconds);
        let client = ReplayClient::Sid { domain: &DOMAIN, rid: self.client };
        let entry = ReplayEntry::new(self.tag(), client_time, valid_until, client);
        cache.check_and_insert(&entry, UnixTime::from_seconds(now))
    }
}

/// The SID of the clients' domain, S-1-5-21-1-2-3.
const DOMAIN: [u8; 24] = [1, 4, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0];

/// Returns a cache that accepts authenticators from before its start, and that limits no client.
fn taking_any(entries: usize) -> MemoryReplayCache {
    started(entries).taking_earlier_authenticators().without_client_share()
}

/// Returns a cache with the default settings that starts at `NOW`.
fn started(entries: usize) -> MemoryReplayCache {
    MemoryReplayCache::new(entries, Duration::from_secs(SKEW.unsigned_abs()), UnixTime::from_seconds(NOW))
}

fn sent(number: u32) -> Sent {
    Sent { number, client: 1, time: NOW }
}

/// All authenticators that were admitted, each with the server's time at its admission.
#[derive(Default)]
struct Model {
    admitted: BTreeMap<Sent, i64>,
    latest: i64,
}

impl Model {
    fn alive(&self, now: i64) -> usize {
        self.admitted.keys().filter(|sent| sent.valid_until() >= now).count()
    }

    /// Compares the cache's answer with the authenticators that the cache has admitted before.
    fn judge(&mut self, sent: Sent, now: i64, answer: Admission, entries: usize) {
        self.latest = self.latest.max(now);
        let known = self.admitted.contains_key(&sent);
        match answer {
            Admission::New => {
                assert!(!known, "{sent:?} was admitted twice");
                assert!(sent.valid_until() >= now, "{sent:?} had ended");
                self.admitted.insert(sent, now);
            }
            Admission::Seen => assert!(known, "{sent:?} was never admitted"),
            Admission::TooOld => assert!(sent.valid_until() < self.latest, "{sent:?} might still have been known"),
            Admission::Full(limit) => {
                assert_eq!(limit, ReplayLimit::Cache);
                // At times more than 68 years from the first second, no entry ends.
                let told_apart = self.admitted.values().all(|then| now.abs_diff(*then) < 1 << 31);
                assert!(self.alive(now) >= entries || !told_apart, "full with {} of {entries}", self.alive(now));
            }
            other => panic!("{sent:?} at {now}: {other:?}"),
        }
    }
}

/// Returns steps of a clock. Most steps go forward, some go back, and some are very long.
fn step() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => 0..5_i64,
        2 => 100..700_i64,
        2 => -700..0_i64,
        1 => -100_000..100_000_i64,
        1 => prop_oneof![Just(i64::from(i32::MAX)), Just(i64::from(i32::MIN)), Just(1 << 40), Just(-(1 << 40))],
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_authenticator_is_admitted_twice_when_the_clock_moves_at_random(
        entries in 1..60_usize,
        events in prop::collection::vec((0..40_u32, -SKEW..=SKEW, step()), 1..600),
    ) {
        let cache = taking_any(entries);
        let (mut model, mut now, mut before) = (Model::default(), NOW, Vec::new());
        for (number, offset, step) in events {
            now += step;
            let sent = Sent { number, client: 1, time: now + offset };
            before.push(sent);
            // The client sends an earlier authenticator again, and a new authenticator.
            let again = before[usize::try_from(number).unwrap() * 7 % before.len()];
            for sent in [again, sent] {
                // A validator asks the cache only after it has compared the client's time with the server's time.
                if (sent.time - now).abs() <= SKEW {
                    let answer = sent.insert(&cache, now);
                    model.judge(sent, now, answer, entries);
                }
            }
        }
    }
}

#[test]
fn authenticator_is_a_replay_until_its_last_second_and_too_old_after_that_second() {
    for (now, expected) in [
        (NOW + SKEW - 1, [Admission::New, Admission::Seen]),
        (NOW + SKEW, [Admission::New, Admission::Seen]),
        (NOW + SKEW + 1, [Admission::TooOld; 2]),
    ] {
        let cache = taking_any(10);
        assert_eq!([sent(1).insert(&cache, now), sent(1).insert(&cache, now)], expected, "{}", now - NOW);
        let cache = taking_any(10);
        assert_eq!(sent(1).insert(&cache, NOW), Admission::New);
        assert_eq!(sent(1).insert(&cache, now), expected[1], "{}", now - NOW);
    }
}

/// The last overwritten entry may be the entry of an authenticator that ends in the same second. The last overwritten
/// entry cannot be the entry of an authenticator that ends a second later.
#[test]
fn authenticator_that_ends_no_later_than_the_overwritten_entries_is_too_old() {
    let cache = taking_any(1);
    let filled = (0..1_000).filter(|number| sent(*number).insert(&cache, NOW) == Admission::New).count();
    assert!((2..1_000).contains(&filled), "{filled}");
    let end = NOW + SKEW;
    assert_eq!(sent(1_000).insert(&cache, end), Admission::Full(ReplayLimit::Cache));
    assert_eq!(Sent { time: NOW + 1, ..sent(1_001) }.insert(&cache, end + 1), Admission::New);
    assert_eq!(sent(1_002).insert(&cache, end), Admission::TooOld);
    assert_eq!(Sent { time: NOW + 1, ..sent(1_003) }.insert(&cache, end), Admission::Full(ReplayLimit::Cache));
    assert_eq!(Sent { time: NOW + 1, ..sent(1_003) }.insert(&cache, end + 1), Admission::New);
}

#[test]
fn new_cache_allocates_at_most_24_octets_an_entry_and_never_allocates_again() {
    const ENTRIES: usize = 100_000;
    let mut cache = None;
    let taken = allocation_counter::measure(|| {
        cache = Some(started(ENTRIES).taking_earlier_authenticators());
    });
    let (bytes, allowed) = (taken.bytes_current, i64::try_from(24 * ENTRIES).unwrap());
    assert!((0..=allowed).contains(&bytes), "{bytes} bytes, {allowed} allowed");
    let cache = cache.unwrap();
    let filling = allocation_counter::measure(|| {
        for number in 0..u32::try_from(ENTRIES).unwrap() {
            let sent = Sent { client: number, ..sent(number) };
            assert_eq!(sent.insert(&cache, NOW), Admission::New, "{number}");
        }
    });
    assert_eq!(filling.count_total, 0);
}

/// The cache cannot distinguish times that are more than 68 years from the first authenticator. At such times no entry ends,
/// and the cache forgets no entry.
#[test]
fn authenticator_is_not_admitted_twice_when_the_clock_has_extreme_values() {
    let cache = taking_any(100);
    let far = [i64::MIN / 2, -1 << 40, NOW, 1 << 40, i64::MAX / 2];
    for time in far {
        let sent = Sent { number: 0, client: 1, time };
        assert_ne!(sent.insert(&cache, time), Admission::Failed);
        for now in far {
            assert_ne!(sent.insert(&cache, now), Admission::New, "{time} at {now}");
        }
    }
}
