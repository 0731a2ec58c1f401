use super::*;

fn until(seconds: i64) -> ServiceKey {
    let key = Key::new(EncType::AES128_CTS_HMAC_SHA1_96, &[7; 16]).unwrap();
    ServiceKey::new(key, None).with_not_after(UnixTime::from_seconds(seconds))
}

fn serves(key: &ServiceKey, seconds: i64) -> bool {
    key.serves_at(UnixTime::from_seconds(seconds))
}

#[test]
fn key_serves_up_to_and_including_its_last_second() {
    for last in [1, 1_795_248_000, i64::from(u32::MAX)] {
        let key = until(last);
        assert_eq!(key.not_after(), Some(UnixTime::from_seconds(last)));
        assert_eq!([last - 1, last, last + 1].map(|now| serves(&key, now)), [true, true, false], "{last}");
    }
}

#[test]
fn key_with_an_end_after_2106_has_no_end() {
    for last in [i64::from(u32::MAX) + 1, i64::MAX] {
        let key = until(last);
        assert_eq!(key.not_after(), None);
        assert_eq!([i64::MIN, last, i64::MAX].map(|now| serves(&key, now)), [true; 3], "{last}");
    }
}

#[test]
fn key_with_an_end_before_unix_second_1_ends_at_unix_second_1() {
    for last in [i64::MIN, -1, 0] {
        let key = until(last);
        assert_eq!(key.not_after(), Some(UnixTime::from_seconds(1)));
        assert_eq!([-1, 0, 1, 2, i64::MAX].map(|now| serves(&key, now)), [true, true, true, false, false], "{last}");
    }
}

#[test]
fn extended_key_ends_at_the_later_end_or_has_no_end() {
    for (one, other, both) in [(5, 9, Some(9)), (9, 5, Some(9)), (5, i64::MAX, None), (i64::MAX, 5, None)] {
        let mut key = until(one);
        key.extend_to(&until(other));
        assert_eq!(key.not_after(), both.map(UnixTime::from_seconds), "{one} {other}");
    }
}
