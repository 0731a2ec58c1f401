//! The replay cache in memory against a model that forgets nothing: whatever comes, in whatever order, by whatever clock.
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

/// An authenticator, as far as a cache knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sent {
    number: u32,
    client: u32,
    /// By the client's clock.
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

/// S-1-5-21-1-2-3.
const DOMAIN: [u8; 24] = [1, 4, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0];

/// Takes what was sent before its start, and counts no clients.
fn taking_any(entries: usize) -> MemoryReplayCache {
    started(entries).taking_earlier_authenticators().without_client_share()
}

/// As it is made, at `NOW`.
fn started(entries: usize) -> MemoryReplayCache {
    MemoryReplayCache::new(entries, Duration::from_secs(SKEW.unsigned_abs()), UnixTime::from_seconds(NOW))
}

fn sent(number: u32) -> Sent {
    Sent { number, client: 1, time: NOW }
}

/// Everything that was admitted, with the clock of the server that admitted it.
#[derive(Default)]
struct Model {
    admitted: BTreeMap<Sent, i64>,
    latest: i64,
}

impl Model {
    fn alive(&self, now: i64) -> usize {
        self.admitted.keys().filter(|sent| sent.valid_until() >= now).count()
    }

    /// Holds the cache's answer against all that it was told before.
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
                // Further from the first second than 68 years, nothing ends.
                let told_apart = self.admitted.values().all(|then| now.abs_diff(*then) < 1 << 31);
                assert!(self.alive(now) >= entries || !told_apart, "full with {} of {entries}", self.alive(now));
            }
            other => panic!("{sent:?} at {now}: {other:?}"),
        }
    }
}

/// Steps of a clock: mostly forward, sometimes back, sometimes far.
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
    fn nothing_is_admitted_twice_whatever_the_clock_does(
        entries in 1..60_usize,
        events in prop::collection::vec((0..40_u32, -SKEW..=SKEW, step()), 1..600),
    ) {
        let cache = taking_any(entries);
        let (mut model, mut now, mut before) = (Model::default(), NOW, Vec::new());
        for (number, offset, step) in events {
            now += step;
            let sent = Sent { number, client: 1, time: now + offset };
            before.push(sent);
            // One of those that were sent before comes again, and a new one.
            let again = before[usize::try_from(number).unwrap() * 7 % before.len()];
            for sent in [again, sent] {
                // The validator has compared the clocks before.
                if (sent.time - now).abs() <= SKEW {
                    let answer = sent.insert(&cache, now);
                    model.judge(sent, now, answer, entries);
                }
            }
        }
    }

    /// The clock of this server does not go back; the clients' differ.
    #[test]
    fn no_client_has_more_than_its_share(
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
                prop_assert_eq!(sent.insert(&cache, now), answer, "refused is not remembered");
            }
        }
    }

    /// A client alone is counted exactly, but for entries that have ended within the last two fifths of a skew.
    #[test]
    fn a_client_under_its_share_is_admitted(
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

/// One in two thousand meets it in both its cells; here, of the smallest number of cells there is.
#[test]
fn a_client_that_has_spent_its_share_keeps_few_others_out() {
    let cache = taking_any(5_000).with_client_share(100);
    let spent = (0..).map(|number| sent(number).insert(&cache, NOW)).take_while(|answer| *answer == Admission::New);
    assert_eq!(spent.count(), 100);
    let others = (2..1_002_u32).map(|client| Sent { client, ..sent(1_000_000 + client) });
    let admitted = others.filter(|sent| sent.insert(&cache, NOW) == Admission::New).count();
    assert!(admitted > 980, "{admitted} of 1000");
}

#[test]
fn a_name_has_a_share_too_and_no_share_hides_a_replay() {
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
fn what_is_refused_takes_nothing_of_a_share() {
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
    // That much of the share stays used for another minute. The entries that the full cache refused use nothing of it.
    let later = |number| Sent { time: NOW + SKEW + 1, ..sent(number) }.insert(&small, NOW + SKEW + 1);
    assert_eq!(later(100), Admission::New);
}

/// Four threads send the same authenticators, each in an order of its own: whichever comes first, each is taken once, and the
/// client has exactly its share.
#[test]
fn threads_share_what_a_client_has() {
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
    assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "one was taken twice");
    assert_eq!(all.len(), usize::from(LIMIT));
}

#[test]
fn an_entry_ends_with_its_last_second() {
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

/// What ends with the last of those that were overwritten may have been one of them; what ends a second later was not.
#[test]
fn what_was_overwritten_is_refused_to_its_last_second() {
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
fn a_share_may_be_nothing_or_all_that_can_be_counted() {
    for limit in [0, 1, 2, u16::MAX - 1, u16::MAX] {
        let cache = taking_any(100_000).with_client_share(limit);
        let limit = u32::from(limit);
        assert!((0..limit).all(|number| sent(number).insert(&cache, NOW) == Admission::New), "{limit}");
        for number in [limit, limit + 1] {
            assert_eq!(sent(number).insert(&cache, NOW), Admission::Full(ReplayLimit::ClientShare), "{limit}");
        }
    }
}

/// After the clock was wrong by years, a client is not kept out for years.
#[test]
fn a_share_survives_a_clock_that_was_wrong() {
    let cache = taking_any(1_000).with_client_share(3);
    let at = |number, time| Sent { number, client: 1, time }.insert(&cache, time);
    let year = 365 * 86_400;
    assert!((0..3).all(|number| at(number, NOW + year) == Admission::New));
    assert_eq!(at(3, NOW + year), Admission::Full(ReplayLimit::ClientShare));
    assert!((4..7).all(|number| at(number, NOW) == Admission::New));
    assert_eq!(at(7, NOW), Admission::Full(ReplayLimit::ClientShare));
    // A small step back gives nobody a second share.
    assert_eq!(at(8, NOW - 200), Admission::Full(ReplayLimit::ClientShare));
    assert_eq!(at(9, NOW + 300 + 120), Admission::New);
}

#[test]
fn memory_is_taken_at_once_and_bounded() {
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

/// Beyond 68 years from the first authenticator seconds are not told apart: then nothing ends, and nothing is forgotten.
#[test]
fn a_clock_beyond_all_measure_forgets_nothing() {
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

/// The hole of a cache without shares: one client signs in as often as the cache has entries.
#[test]
fn other_client_is_admitted_when_one_has_sent_as_many_as_the_cache_holds() {
    let cache = started(60_000);
    let later = |number| Sent { time: NOW + 1, ..sent(number) };
    let admitted = (0..60_000).filter(|number| later(*number).insert(&cache, NOW + 1) == Admission::New).count();
    assert_eq!(admitted, 1_200);
    let others = (2..1_002).map(|client| Sent { client, ..later(100_000 + client) });
    assert!(others.filter(|sent| sent.insert(&cache, NOW + 1) == Admission::New).count() >= 999);
}

/// A tenant can write any name, so it must not spend the share of another tenant's user.
#[test]
fn share_of_a_user_is_whole_when_another_tenant_has_spent_that_of_the_same_name() {
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

/// Some KDCs write the name as the user typed it.
#[test]
fn name_has_one_share_in_whatever_case_it_is_written() {
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
fn share_is_a_fiftieth_of_the_entries_and_at_least_a_hundred() {
    for (entries, share) in [(1_000, 100), (5_049, 100), (5_050, 101), (60_000, 1_200)] {
        let cache = started(entries).taking_earlier_authenticators();
        for number in 0..share {
            assert_eq!(sent(number).insert(&cache, NOW), Admission::New, "{number} of {share}");
        }
        assert_eq!(sent(share).insert(&cache, NOW), Admission::Full(ReplayLimit::ClientShare), "{entries}");
    }
}

#[test]
fn client_fills_the_cache_when_no_share_is_asked_for() {
    let cache = taking_any(5_000);
    assert!((0..5_000).all(|number| sent(number).insert(&cache, NOW) == Admission::New));
}

mod start {
    use super::*;

    fn at(time: i64) -> Sent {
        Sent { time, ..sent(1) }
    }

    #[test]
    fn authenticator_of_the_second_of_the_start_is_refused_and_of_the_next_admitted() {
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
    fn strict_start_refuses_for_one_skew() {
        for (time, expected) in [(SKEW, Admission::TooOld), (SKEW + 1, Admission::New)] {
            let cache = started(10).with_strict_start();
            assert_eq!(at(NOW + time).insert(&cache, NOW + time), expected, "{time}");
        }
    }

    #[test]
    fn cache_that_takes_earlier_authenticators_takes_the_earliest() {
        assert_eq!(at(NOW - SKEW).insert(&started(10).taking_earlier_authenticators(), NOW), Admission::New);
        let last_word = started(10).with_strict_start().taking_earlier_authenticators();
        assert_eq!(at(NOW - SKEW).insert(&last_word, NOW), Admission::New);
    }

    /// A client of each offset shows an authenticator at each second before the start. An attacker shows it again at the
    /// start, to a cache that knows nothing.
    #[test]
    fn only_a_fast_client_is_replayed_and_only_what_it_showed_within_its_offset() {
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

    /// As a validator with a clock skew of so many seconds brings it.
    fn insert(cache: &MemoryReplayCache, number: u32, skew: i64, now: i64) -> Admission {
        let (sent, at) = (sent(number), UnixTime::from_seconds);
        let client = ReplayClient::Sid { domain: &DOMAIN, rid: 1 };
        let entry = ReplayEntry::new(sent.tag(), at(sent.time), at(sent.time + skew), client);
        cache.check_and_insert(&entry, at(now))
    }

    /// The hole of a cache that keeps an entry only as long as the validator that brought it: a validator with a longer skew
    /// shares the cache, and takes the authenticator again.
    #[test]
    fn entry_of_a_shorter_skew_is_remembered_for_the_skew_of_the_cache() {
        let cache = taking_any(1);
        let admitted: Vec<u32> =
            (0..1_000).filter(|number| insert(&cache, *number, 60, NOW) == Admission::New).collect();
        assert!((2..1_000).contains(&admitted.len()), "the cache is full");
        // Others come, and take each place that is free.
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
    fn entry_that_outlives_the_skew_of_the_cache_is_refused() {
        let cache = taking_any(10);
        assert_eq!(insert(&cache, 1, SKEW, NOW), Admission::New);
        let outlives = Admission::OutlivesCache { entry_seconds: SKEW + 1, cache_seconds: SKEW };
        assert_eq!(insert(&cache, 2, SKEW + 1, NOW), outlives);
        assert_eq!(insert(&cache, 1, SKEW + 1, NOW), outlives);
        assert_eq!(insert(&cache, 2, SKEW, NOW), Admission::New, "nothing was remembered");
    }

    #[test]
    fn skew_beyond_all_times_keeps_everything() {
        let cache =
            MemoryReplayCache::new(10, Duration::MAX, UnixTime::from_seconds(NOW)).taking_earlier_authenticators();
        assert_eq!(insert(&cache, 1, i64::MAX - NOW, NOW), Admission::New);
        assert_eq!(insert(&cache, 1, i64::MAX - NOW, i64::MAX), Admission::Seen);
    }
}
