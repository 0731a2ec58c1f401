//! Tests that a policy returns the values that were set.

use kerberos_sso::Policy;
use kerberos_sso::crypto::EncType;
use kerberos_sso::limits::MAX_TOKEN_SIZE;
use kerberos_sso::policy::SEAMLESS_SSO_SERVICES;
use std::time::Duration;

const AES: [EncType; 4] = [
    EncType::AES128_CTS_HMAC_SHA1_96,
    EncType::AES256_CTS_HMAC_SHA1_96,
    EncType::AES128_CTS_HMAC_SHA256_128,
    EncType::AES256_CTS_HMAC_SHA384_192,
];
const HOUR: Duration = Duration::from_secs(60 * 60);

fn sorted(etypes: impl Iterator<Item = EncType>) -> Vec<i32> {
    let mut numbers: Vec<_> = etypes.map(|etype| etype.0).collect();
    numbers.sort_unstable();
    numbers
}

fn services(policy: &Policy) -> Option<Vec<&str>> {
    policy.services().map(Iterator::collect)
}

#[test]
fn default_policy_has_the_documented_values() {
    let policy = Policy::default();
    assert_eq!(policy.max_token_size(), MAX_TOKEN_SIZE);
    assert_eq!(policy.clock_skew(), Duration::from_secs(300));
    assert_eq!(policy.max_ticket_lifetime(), Some(24 * HOUR));
    assert_eq!(sorted(policy.ticket_etypes()), [17, 18, 19, 20]);
    assert_eq!(sorted(policy.session_etypes()), [17, 18, 19, 20]);
    assert_eq!(services(&policy), None);
}

#[test]
fn seamless_policy_has_a_lifetime_of_ten_hours_and_two_services() {
    let policy = Policy::seamless_sso();
    assert_eq!(policy.max_ticket_lifetime(), Some(10 * HOUR));
    assert_eq!(services(&policy), Some(SEAMLESS_SSO_SERVICES.to_vec()));
    assert_eq!(policy.clock_skew(), Policy::default().clock_skew());
}

#[test]
fn max_token_size_is_the_set_value_and_never_above_the_limit() {
    for (octets, expected) in [
        (0, 0),
        (1, 1),
        (MAX_TOKEN_SIZE, MAX_TOKEN_SIZE),
        (MAX_TOKEN_SIZE + 1, MAX_TOKEN_SIZE),
        (usize::MAX, MAX_TOKEN_SIZE),
    ] {
        assert_eq!(Policy::default().with_max_token_size(octets).max_token_size(), expected);
    }
}

/// Returns durations to set, each with the duration that the policy then returns: whole seconds that saturate at
/// `i64::MAX`.
fn durations() -> [(Duration, Duration); 6] {
    let longest = Duration::from_secs(i64::MAX.unsigned_abs());
    [
        (Duration::ZERO, Duration::ZERO),
        (Duration::from_secs(120), Duration::from_secs(120)),
        (Duration::from_millis(1_999), Duration::from_secs(1)),
        (longest, longest),
        (Duration::from_secs(u64::MAX), longest),
        (Duration::MAX, longest),
    ]
}

#[test]
fn clock_skew_is_the_set_duration_without_fractions_of_a_second() {
    for (set, expected) in durations() {
        assert_eq!(Policy::default().with_clock_skew(set).clock_skew(), expected, "{set:?}");
    }
}

#[test]
fn max_ticket_lifetime_is_the_set_duration_without_fractions_of_a_second() {
    for (set, expected) in durations() {
        let policy = Policy::default().with_max_ticket_lifetime(Some(set));
        assert_eq!(policy.max_ticket_lifetime(), Some(expected), "{set:?}");
        // The lifetime does not include the clock skew.
        assert_eq!(policy.with_clock_skew(HOUR).max_ticket_lifetime(), Some(expected), "{set:?}");
    }
    assert_eq!(Policy::default().with_max_ticket_lifetime(None).max_ticket_lifetime(), None);
}

#[test]
fn etypes_of_a_policy_are_the_supported_types_that_were_set() {
    for mask in 0..1_u32 << EncType::SUPPORTED.len() {
        let chosen: Vec<_> = (0..).zip(EncType::SUPPORTED).filter(|(bit, _)| mask >> bit & 1 == 1).collect();
        let chosen: Vec<_> = chosen.into_iter().map(|(_, etype)| etype).collect();
        let expected = sorted(chosen.iter().copied());
        let policy = Policy::default().with_ticket_etypes(&chosen);
        assert_eq!(sorted(policy.ticket_etypes()), expected);
        assert_eq!(sorted(policy.session_etypes()), [17, 18, 19, 20]);
        let policy = Policy::default().with_session_etypes(&chosen);
        assert_eq!(sorted(policy.session_etypes()), expected);
        assert_eq!(sorted(policy.ticket_etypes()), [17, 18, 19, 20]);
    }
    let unsupported = [EncType(3), EncType(-1), AES[1], AES[1]];
    let policy = Policy::default().with_ticket_etypes(&unsupported).with_session_etypes(&unsupported);
    assert_eq!((sorted(policy.ticket_etypes()), sorted(policy.session_etypes())), (vec![18], vec![18]));
}

#[test]
#[cfg(feature = "rc4")]
fn allow_rc4_adds_rc4_to_the_encryption_types_that_were_set() {
    let policy = Policy::default().with_ticket_etypes(&AES[..1]).with_session_etypes(&AES[2..]).allow_rc4();
    assert_eq!(sorted(policy.ticket_etypes()), [17, 23]);
    assert_eq!(sorted(policy.session_etypes()), [19, 20, 23]);
}

#[test]
fn services_of_a_policy_are_the_services_that_were_set_last() {
    let policy = Policy::default().with_services(["HTTP/a", "HTTP/b"]);
    assert_eq!(services(&policy), Some(vec!["HTTP/a", "HTTP/b"]));
    let policy = policy.with_services(["HTTP/c"]);
    assert_eq!(services(&policy), Some(vec!["HTTP/c"]));
    // The policy also accepts service names in the forms of GSS and of `klist`.
    let policy =
        policy.with_services(["HTTP@www.example.com", "HTTP/www.example.com@EXAMPLE.COM", "WEB$@EXAMPLE.COM", "WEB$"]);
    let expected = ["HTTP/www.example.com", "HTTP/www.example.com", "WEB$", "WEB$"];
    assert_eq!(services(&policy), Some(expected.into()));
    let policy = policy.with_services([]);
    assert_eq!(services(&policy), Some(Vec::new()));
    assert_eq!(services(&policy.with_any_service()), None);
}

/// Each setter changes only its own value.
#[test]
fn each_setter_of_a_policy_keeps_the_values_that_other_setters_have_set() {
    let policy = Policy::default()
        .with_max_token_size(10)
        .with_clock_skew(Duration::from_secs(20))
        .with_max_ticket_lifetime(Some(Duration::from_secs(30)))
        .with_ticket_etypes(&AES[..1])
        .with_session_etypes(&AES[1..2])
        .with_services(["HTTP/a"]);
    assert_eq!((policy.max_token_size(), policy.clock_skew()), (10, Duration::from_secs(20)));
    assert_eq!(policy.max_ticket_lifetime(), Some(Duration::from_secs(30)));
    assert_eq!((sorted(policy.ticket_etypes()), sorted(policy.session_etypes())), (vec![17], vec![18]));
    assert_eq!(services(&policy), Some(vec!["HTTP/a"]));
}
