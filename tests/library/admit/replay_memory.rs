//! The replay cache in memory, compared with a model that forgets no authenticator. The property tests use random
//! authenticators, orders and clocks.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::panic)]

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
                // A validator asks the cache only after it has compared the client's time with its own.
                if (sent.time - now).abs() <= SKEW {
                    let answer = sent.insert(&cache, now);
                    model.judge(sent, now, answer, entries);
                }
            }
        }
    }

    /// The server's clock does not go back. The clients' clocks differ from the server's clock by up to one skew.
    #[test]
    fn client_never_has_more_live_entries_than_its_share(
        limit in 1..20_u16,
        events in prop::collection::vec((0..3_u32, -SKEW..=SKEW, 0..30_i64), 1..400),
    ) {
        let cache = taking_any(10_000)
            .with_client_share(limit);
        let (mut admitted, mut now) = (Vec::<Sent>::new(), NOW);
        for ((client, offset, step), number) in events.into_iter().zip(0..) {
            now += step;
            let sent = Sent { number, client, time: now + offset };
            let of_client = admitted.iter().filter(|other| other.client == client);
            let alive = of_client.filter(|other| other.valid_until() >= now).count();
            let answer = sent.insert(&cache, now);
            if answer == Admission::New {
                prop_assert!(alive < usize::from(limit));
                admitted.push(sent);
            } else {
                prop_assert_eq!(answer, Admission::Full(ReplayLimit::ClientShare));
                prop_assert_eq!(sent.insert(&cache, now), answer, "a refused authenticator is not remembered");
            }
        }
    }

    /// The count of a client that is alone in the cache is exact, except for entries that have ended within the last two
    /// fifths of a skew.
    #[test]
    fn only_client_of_a_cache_is_admitted_below_its_share(
        limit in 1..20_u16,
        events in prop::collection::vec((-SKEW..=SKEW, 0..30_i64), 1..400),
    ) {
        let cache = taking_any(10_000)
            .with_client_share(limit);
        let (mut admitted, mut now) = (Vec::<Sent>::new(), NOW);
        for ((offset, step), number) in events.into_iter().zip(0..) {
            now += step;
            let sent = Sent { number, client: 7, time: now + offset };
            let counted = admitted.iter().filter(|other| other.valid_until() > now - SKEW * 2 / 5).count();
            if sent.insert(&cache, now) == Admission::New {
                admitted.push(sent);
            } else {
                prop_assert!(counted >= usize::from(limit), "refused with {} of {}", counted, limit);
            }
        }
    }
}

/// A cache of 5,000 entries counts clients in 417 cells, two for each client. One client in 87,000 has the same two cells as
/// the client that has used up its share.
#[test]
fn nearly_all_other_clients_are_admitted_when_one_client_has_used_up_its_share() {
    let cache = taking_any(5_000).with_client_share(100);
    let spent = (0..).map(|number| sent(number).insert(&cache, NOW)).take_while(|answer| *answer == Admission::New);
    assert_eq!(spent.count(), 100);
    let others = (2..1_002_u32).map(|client| Sent { client, ..sent(1_000_000 + client) });
    let admitted = others.filter(|sent| sent.insert(&cache, NOW) == Admission::New).count();
    assert!(admitted > 980, "{admitted} of 1000");
}

#[test]
fn client_without_a_sid_has_a_share_and_its_replay_is_seen_when_the_share_is_used_up() {
    let cache = taking_any(1_000).with_client_share(1);
    let insert = |number: u32, realm: &str, name: &[u8]| {
        let [client_time, valid_until] = [NOW, NOW + SKEW].map(UnixTime::from_seconds);
        let client = ReplayClient::Name { realm: realm.as_bytes(), name };
        let entry = ReplayEntry::new(sent(number).tag(), client_time, valid_until, client);
        cache.check_and_insert(&entry, UnixTime::from_seconds(NOW))
    };
    assert_eq!(insert(1, "A.TEST", b"alice"), Admission::New);
    assert_eq!(insert(2, "A.TEST", b"alice"), Admission::Full(ReplayLimit::ClientShare));
    assert_eq!(insert(1, "A.TEST", b"alice"), Admission::Seen);
    assert_eq!(insert(1, "B.TEST", b"bob"), Admission::Seen);
}

#[test]
fn authenticator_that_was_refused_is_not_counted_in_the_share() {
    let cache = taking_any(1_000).with_client_share(2);
    assert_eq!(sent(1).insert(&cache, NOW), Admission::New);
    for _ in 0..5 {
        assert_eq!(sent(1).insert(&cache, NOW), Admission::Seen);
        assert_eq!(sent(2).insert(&cache, NOW + SKEW + 1), Admission::TooOld);
    }
    assert_eq!(sent(3).insert(&cache, NOW), Admission::New);
    assert_eq!(sent(4).insert(&cache, NOW), Admission::Full(ReplayLimit::ClientShare));

    let small = taking_any(1).with_client_share(100);
    let filled = (0..100).filter(|number| sent(*number).insert(&small, NOW) == Admission::New).count();
    assert!((2..100).contains(&filled), "{filled}");
    // The admitted entries count in the share for another minute. The entries that the full cache refused do not count.
    let later = |number| Sent { time: NOW + SKEW + 1, ..sent(number) }.insert(&small, NOW + SKEW + 1);
    assert_eq!(later(100), Admission::New);
}

/// Four threads send the same authenticators, each thread in a different order. No authenticator is admitted twice, and the
/// client gets exactly its share.
#[test]
fn client_gets_exactly_its_share_when_four_threads_send_its_authenticators() {
    const NUMBERS: u32 = 3_000;
    const LIMIT: u16 = 1_000;
    let cache = taking_any(100_000).with_client_share(LIMIT);
    let admitted = |stride: u32| -> Vec<u32> {
        let numbers = (0..NUMBERS).map(|step| step * stride % NUMBERS);
        numbers.filter(|number| sent(*number).insert(&cache, NOW) == Admission::New).collect()
    };
    let mut all: Vec<u32> = std::thread::scope(|scope| {
        let threads = [1, 7, 11, 2_999].map(|stride| scope.spawn(move || admitted(stride)));
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    all.sort_unstable();
    assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "an authenticator was admitted twice");
    assert_eq!(all.len(), usize::from(LIMIT));
}

#[test]
fn authenticator_is_seen_until_its_last_second_and_too_old_after_it() {
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

/// An authenticator that ends in the same second as the last overwritten entry may be that entry. An authenticator that ends
/// a second later is not.
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
fn client_gets_exactly_its_share_for_shares_from_0_to_65535() {
    for limit in [0, 1, 2, u16::MAX - 1, u16::MAX] {
        let cache = taking_any(100_000).with_client_share(limit);
        let limit = u32::from(limit);
        assert!((0..limit).all(|number| sent(number).insert(&cache, NOW) == Admission::New), "{limit}");
        for number in [limit, limit + 1] {
            assert_eq!(sent(number).insert(&cache, NOW), Admission::Full(ReplayLimit::ClientShare), "{limit}");
        }
    }
}

/// When a clock that was a year ahead is set right, the cache drops the old counts. Otherwise, the cache would refuse the
/// client for a year.
#[test]
fn client_has_its_whole_share_again_when_a_clock_that_was_a_year_ahead_is_set_right() {
    let cache = taking_any(1_000).with_client_share(3);
    let at = |number, time| Sent { number, client: 1, time }.insert(&cache, time);
    let year = 365 * 86_400;
    assert!((0..3).all(|number| at(number, NOW + year) == Admission::New));
    assert_eq!(at(3, NOW + year), Admission::Full(ReplayLimit::ClientShare));
    assert!((4..7).all(|number| at(number, NOW) == Admission::New));
    assert_eq!(at(7, NOW), Admission::Full(ReplayLimit::ClientShare));
    // A small step back does not give the client a second share.
    assert_eq!(at(8, NOW - 200), Admission::Full(ReplayLimit::ClientShare));
    assert_eq!(at(9, NOW + 300 + 120), Admission::New);
}

#[test]
fn cache_allocates_at_most_24_octets_an_entry_when_it_is_made_and_none_later() {
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

/// In a cache without shares, one client could fill the cache and so lock all other clients out.
#[test]
fn other_clients_are_admitted_when_one_client_has_sent_as_many_requests_as_the_cache_holds() {
    let cache = started(60_000);
    let later = |number| Sent { time: NOW + 1, ..sent(number) };
    let admitted = (0..60_000).filter(|number| later(*number).insert(&cache, NOW + 1) == Admission::New).count();
    assert_eq!(admitted, 1_200);
    let others = (2..1_002).map(|client| Sent { client, ..later(100_000 + client) });
    assert!(others.filter(|sent| sent.insert(&cache, NOW + 1) == Admission::New).count() >= 999);
}

/// A tenant can write any user into its tickets. So the entries of one tenant's users must not count for the users of
/// another tenant.
#[test]
fn user_is_admitted_when_the_user_of_the_same_sid_in_another_tenant_has_used_up_its_share() {
    let cache = started(60_000);
    let insert = |number, tenant| {
        let Sent { time, client, .. } = Sent { time: NOW + 1, ..sent(number) };
        let [client_time, valid_until] = [time, time + SKEW].map(UnixTime::from_seconds);
        let client = ReplayClient::Sid { domain: &DOMAIN, rid: client };
        let entry = ReplayEntry::new(sent(number).tag(), client_time, valid_until, client).with_tenant(Some(tenant));
        cache.check_and_insert(&entry, UnixTime::from_seconds(NOW + 1))
    };
    assert!((0..1_200).all(|number| insert(number, "b") == Admission::New));
    assert_eq!(insert(1_200, "b"), Admission::Full(ReplayLimit::ClientShare));
    assert_eq!(insert(1_201, "a"), Admission::New);
}

/// Some KDCs write the name in the case in which the user typed it.
#[test]
fn client_has_one_share_for_all_spellings_of_its_name_in_upper_and_lower_case() {
    let cache = started(60_000).taking_earlier_authenticators();
    let insert = |number: u32, name: &[u8]| {
        let client = ReplayClient::Name { realm: b"CONTOSO.TEST", name };
        let [now, valid_until] = [NOW, NOW + SKEW].map(UnixTime::from_seconds);
        cache.check_and_insert(&ReplayEntry::new(sent(number).tag(), now, valid_until, client), now)
    };
    let spelled = |number: u32| {
        let letters = "żofię".chars().enumerate();
        let spell = |(place, letter): (usize, char)| match number >> place & 1 {
            0 => letter.to_lowercase().to_string(),
            _ => letter.to_uppercase().to_string(),
        };
        letters.map(spell).collect::<String>()
    };
    assert!((0..1_200).all(|number| insert(number, spelled(number).as_bytes()) == Admission::New));
    assert_eq!(insert(1_200, spelled(1_200).as_bytes()), Admission::Full(ReplayLimit::ClientShare));
    assert_eq!(insert(1_201, b"bob"), Admission::New);
}

#[test]
fn default_share_is_a_fiftieth_of_the_entries_and_at_least_a_hundred() {
    for (entries, share) in [(1_000, 100), (5_049, 100), (5_050, 101), (60_000, 1_200)] {
        let cache = started(entries).taking_earlier_authenticators();
        for number in 0..share {
            assert_eq!(sent(number).insert(&cache, NOW), Admission::New, "{number} of {share}");
        }
        assert_eq!(sent(share).insert(&cache, NOW), Admission::Full(ReplayLimit::ClientShare), "{entries}");
    }
}

#[test]
fn one_client_can_fill_a_cache_without_client_share() {
    let cache = taking_any(5_000);
    assert!((0..5_000).all(|number| sent(number).insert(&cache, NOW) == Admission::New));
}

mod start {
    use super::*;

    fn at(time: i64) -> Sent {
        Sent { time, ..sent(1) }
    }

    #[test]
    fn authenticator_of_the_second_of_the_start_is_too_old_and_of_the_next_second_is_new() {
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
    fn cache_with_strict_start_refuses_authenticators_for_one_skew() {
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

    /// A client whose clock has this offset sends an authenticator at each second before the start. At the start, an attacker
    /// sends the authenticator again, to a new cache.
    #[test]
    fn authenticator_from_before_the_start_can_be_replayed_only_if_its_time_is_after_the_start() {
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
}

mod skew {
    use super::*;

    /// Inserts an authenticator as a validator with a clock skew of `skew` seconds does.
    fn insert(cache: &MemoryReplayCache, number: u32, skew: i64, now: i64) -> Admission {
        let (sent, at) = (sent(number), UnixTime::from_seconds);
        let client = ReplayClient::Sid { domain: &DOMAIN, rid: 1 };
        let entry = ReplayEntry::new(sent.tag(), at(sent.time), at(sent.time + skew), client);
        cache.check_and_insert(&entry, at(now))
    }

    /// If the cache kept an entry only for the skew of the validator that inserted it, a validator with a longer skew
    /// would accept the authenticator again.
    #[test]
    fn entry_of_a_shorter_skew_is_remembered_for_the_skew_of_the_cache() {
        let cache = taking_any(1);
        let admitted: Vec<u32> =
            (0..1_000).filter(|number| insert(&cache, *number, 60, NOW) == Admission::New).collect();
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
        let cache =
            MemoryReplayCache::new(10, Duration::MAX, UnixTime::from_seconds(NOW)).taking_earlier_authenticators();
        assert_eq!(insert(&cache, 1, i64::MAX - NOW, NOW), Admission::New);
        assert_eq!(insert(&cache, 1, i64::MAX - NOW, i64::MAX), Admission::Seen);
    }
}
