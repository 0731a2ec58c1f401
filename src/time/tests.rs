use super::*;
use alloc::string::ToString;

#[test]
fn known_generalized_times_are_read_as_their_seconds() {
    for (text, seconds) in [
        (&b"19700101000000Z"[..], 0),
        (b"20000229120000Z", 951_825_600),
        (b"20090109171950Z", 1_231_521_590),
        (b"20380119031408Z", 2_147_483_648),
        (b"21060207062816Z", 4_294_967_296),
        (b"21100101000000Z", 4_417_977_600),
        (b"00000101000000Z", -62_167_219_200),
        (b"99991231235959Z", 253_402_300_799),
    ] {
        assert_eq!(UnixTime::from_generalized(text).unwrap().seconds(), seconds);
    }
}

#[test]
fn every_day_of_four_centuries_is_read_as_it_was_written() {
    let first = UnixTime::from_generalized(b"19000101000000Z").unwrap();
    for day in 0..146_097 {
        let instant = first.saturating_add_seconds(day * 86_400);
        assert_eq!(UnixTime::from_generalized(&instant.to_generalized()), Some(instant), "{instant}");
    }
    assert_eq!(first.saturating_add_seconds(146_097 * 86_400).to_string(), "2300-01-01T00:00:00Z");
}

/// A year has 365 or 366 days, by the rule of the Gregorian calendar.
#[test]
fn first_days_of_the_years_0_to_9999_are_read_one_year_apart() {
    let day_of = |text: &[u8]| UnixTime::from_generalized(text).unwrap().seconds() / 86_400;
    let mut expected = -719_528;
    for year in 0..10_000 {
        let is_leap = if year % 100 == 0 { year % 400 == 0 } else { year % 4 == 0 };
        assert_eq!(day_of(alloc::format!("{year:04}0101000000Z").as_bytes()), expected, "{year}");
        let leap_day = UnixTime::from_generalized(alloc::format!("{year:04}0229000000Z").as_bytes());
        assert_eq!(leap_day.is_some(), is_leap, "{year}");
        expected += if is_leap { 366 } else { 365 };
    }
}

#[test]
fn malformed_or_impossible_generalized_time_is_refused() {
    for text in [
        "",
        "Z",
        "20260101000000",
        "20260101000000z",
        "20260101000000.0Z",
        "20260101000000+0000",
        "202601010000Z",
        "20261301000000Z",
        "20260001000000Z",
        "20260100000000Z",
        "20260132000000Z",
        "20260230000000Z",
        "20250229000000Z",
        "19000229000000Z",
        "20260431000000Z",
        "20260101240000Z",
        "20260101006000Z",
        "20260101000060Z",
        "2026 101000000Z",
        "+0260101000000Z",
        "2026010100000:Z",
        "20260101000000Z\0",
        "２０２６0101000000Z",
        "2026010100000\0Z",
    ] {
        assert_eq!(UnixTime::from_generalized(text.as_bytes()), None, "{text:?}");
    }
}

#[test]
fn generalized_time_is_written_as_it_was_read() {
    for text in [b"00000101000000Z", b"20000229235959Z", b"20261121080910Z", b"99991231235959Z"] {
        assert_eq!(&UnixTime::from_generalized(text).unwrap().to_generalized(), text);
    }
    assert_eq!(&UnixTime::from_seconds(i64::MAX).to_generalized(), b"99991231235959Z");
    assert_eq!(&UnixTime::from_seconds(i64::MIN).to_generalized(), b"00000101000000Z");
}

#[test]
fn time_outside_the_years_0_to_9999_is_written_as_the_nearest_time_of_these_years() {
    for (seconds, text) in [
        (-62_167_219_201, b"00000101000000Z"),
        (-62_167_219_200, b"00000101000000Z"),
        (-62_167_219_199, b"00000101000001Z"),
        (253_402_300_798, b"99991231235958Z"),
        (253_402_300_799, b"99991231235959Z"),
        (253_402_300_800, b"99991231235959Z"),
    ] {
        assert_eq!(&UnixTime::from_seconds(seconds).to_generalized(), text, "{seconds}");
    }
}

/// Changes each octet of a time, one at a time, to every value. Compares the result with a second implementation, which
/// reads each number separately.
#[test]
fn generalized_time_with_a_changed_octet_is_read_by_its_digits_or_refused() {
    let numbers = |text: &[u8; 15]| {
        let digit = |octet: &u8| char::from(*octet).to_digit(10);
        let number = |pair: &[u8]| pair.iter().try_fold(0, |number, octet| Some(number * 10 + digit(octet)?));
        let pairs: Option<alloc::vec::Vec<u32>> = text[..14].chunks(2).map(number).collect();
        pairs.filter(|_| text[14] == b'Z')
    };
    let lengths = |year: u32| {
        let leap = year % 4 == 0 && year % 100 != 0 || year % 400 == 0;
        [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    };
    for start in [b"20260228195959Z", b"20001130235959Z", b"00000101000000Z", b"99991231235959Z"] {
        for (at, octet) in (0..15).flat_map(|at| (0..=u8::MAX).map(move |octet| (at, octet))) {
            let mut text = *start;
            text[at] = octet;
            let shown = numbers(&text).and_then(|pairs| {
                let [century, year, month, day, hour, minute, second] = pairs[..] else { return None };
                let year = century * 100 + year;
                let length = *lengths(year).get(usize::try_from(month).unwrap().checked_sub(1)?)?;
                let real = (1..=length).contains(&day) && hour < 24 && minute < 60 && second < 60;
                real.then(|| alloc::format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
            });
            let read = UnixTime::from_generalized(&text).map(|time| time.to_string());
            assert_eq!(read, shown, "{text:02X?}");
        }
    }
}

#[test]
fn time_is_displayed_in_the_form_of_rfc_3339() {
    for (text, shown) in [
        (&b"00000101000000Z"[..], "0000-01-01T00:00:00Z"),
        (b"20000229235959Z", "2000-02-29T23:59:59Z"),
        (b"20261121080910Z", "2026-11-21T08:09:10Z"),
        (b"99991231235959Z", "9999-12-31T23:59:59Z"),
    ] {
        assert_eq!(UnixTime::from_generalized(text).unwrap().to_string(), shown);
    }
    assert_eq!(UnixTime::from_seconds(-1).to_string(), "1969-12-31T23:59:59Z");
    for extreme in [i64::MIN, i64::MAX] {
        assert!(UnixTime::from_seconds(extreme).to_string().ends_with('Z'));
    }
}

#[test]
fn microseconds_of_one_million_are_refused() {
    let epoch = UnixTime::from_seconds(0);
    assert_eq!(epoch.with_micros(999_999).unwrap().micros(), 999_999);
    assert_eq!(epoch.with_micros(1_000_000), None);
}
