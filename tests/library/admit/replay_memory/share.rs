//! The share of one client: the largest number of entries that one client may have in the replay cache in memory.

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

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

    /// If only one client uses the cache, the cache counts the entries of this client exactly, with one exception: the
    /// cache may also count entries that have ended within the last two fifths of a skew.
    #[test]
    fn single_client_of_a_cache_is_admitted_until_its_share_is_used_up(
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

/// A cache of 5,000 entries counts clients in 417 cells, two for each client. One client in 87,000 has the same two
/// cells as the client that has used up its share, and is refused like this client.
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
    // A small step back of the clock does not give the client a second share.
    assert_eq!(at(8, NOW - 200), Admission::Full(ReplayLimit::ClientShare));
    assert_eq!(at(9, NOW + 300 + 120), Admission::New);
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

/// Some KDCs write the client's name with the upper-case and lower-case letters that the user typed.
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
