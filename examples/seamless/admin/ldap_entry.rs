//! The entries that a search found, and the forms of their values (MS-ADTS section 3.1.1.2.2.2).

use kerberos_sso::{Sid, UnixTime};
use ldap3::ResultEntry;
use ldap3::asn1::StructureTag;
use std::collections::HashMap;

/// An entry: its distinguished name, and its attributes. The keys of the attributes are their names in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) dn: String,
    attributes: HashMap<String, Vec<Vec<u8>>>,
}

/// Reads the entries. Leaves out references to other domains, and entries that do not have the form of RFC 4511 section
/// 4.5.2.
pub(crate) fn entries(found: Vec<ResultEntry>) -> Vec<Entry> {
    let is_entry = |entry: &ResultEntry| !entry.is_ref() && !entry.is_intermediate();
    found.into_iter().filter(is_entry).filter_map(|entry| read(entry.0)).collect()
}

fn read(tag: StructureTag) -> Option<Entry> {
    let mut parts = tag.expect_constructed()?.into_iter();
    let dn = text(parts.next()?)?;
    let mut attributes = HashMap::new();
    for attribute in parts.next()?.expect_constructed()? {
        let mut parts = attribute.expect_constructed()?.into_iter();
        let name = text(parts.next()?)?.to_lowercase();
        let values = parts.next()?.expect_constructed()?.into_iter().filter_map(StructureTag::expect_primitive);
        attributes.insert(name, values.collect());
    }
    Some(Entry { dn, attributes })
}

fn text(tag: StructureTag) -> Option<String> {
    String::from_utf8(tag.expect_primitive()?).ok()
}

impl Entry {
    fn values(&self, name: &str) -> &[Vec<u8>] {
        self.attributes.get(&name.to_lowercase()).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the first value of the attribute `name`.
    pub(crate) fn octets(&self, name: &str) -> Option<&[u8]> {
        self.values(name).first().map(Vec::as_slice)
    }

    /// Returns the first value of the attribute `name` as text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        String::from_utf8(self.octets(name)?.to_vec()).ok()
    }

    /// Returns the values of the attribute `name`, without the values that are not UTF-8.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        self.values(name).iter().filter_map(|value| String::from_utf8(value.clone()).ok()).collect()
    }

    /// Returns the first value of the attribute `name` as a 32-bit number. The directory writes such numbers as signed
    /// numbers.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        let number: i32 = self.text(name)?.parse().ok()?;
        Some(u32::from_ne_bytes(number.to_ne_bytes()))
    }

    /// Returns the first value of the attribute `name` as a SID.
    pub(crate) fn sid(&self, name: &str) -> Option<Sid> {
        self.octets(name).and_then(Sid::from_bytes)
    }

    /// Returns the values of the attribute `name`, without the values that are no SIDs.
    pub(crate) fn sids(&self, name: &str) -> Vec<Sid> {
        self.values(name).iter().filter_map(|value| Sid::from_bytes(value)).collect()
    }

    /// Returns a time that the directory writes as the number of 100 ns steps since 1601. Zero means that there is no
    /// time.
    pub(crate) fn file_time(&self, name: &str) -> Option<UnixTime> {
        let steps: i64 = self.text(name)?.parse().ok()?;
        let seconds = steps.checked_div(10_000_000)?.checked_sub(SECONDS_FROM_1601_TO_1970)?;
        (steps > 0).then(|| UnixTime::from_seconds(seconds))
    }

    /// Returns a time that the directory writes like `20261130071000.0Z`.
    pub(crate) fn generalized_time(&self, name: &str) -> Option<UnixTime> {
        let text = self.text(name)?;
        let number = |from: usize, to: usize| text.get(from..to).and_then(|digits| digits.parse::<i64>().ok());
        let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
        let (hour, minute, second) = (number(8, 10)?, number(10, 12)?, number(12, 14)?);
        let is_time = text.ends_with('Z') && (1..=12).contains(&month) && (1..=31).contains(&day);
        let seconds = days(year, month, day)?.checked_mul(24)?.checked_add(hour)?.checked_mul(60)?;
        let seconds = seconds.checked_add(minute)?.checked_mul(60)?.checked_add(second)?;
        is_time.then(|| UnixTime::from_seconds(seconds))
    }
}

/// Returns the number of days from 1970-01-01 to a date of the Gregorian calendar. In this computation, a year begins
/// in March, so the leap day is the year's last day.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let month = if month <= 2 { month.checked_add(9)? } else { month.checked_sub(3)? };
    let leap_days = year.div_euclid(4).checked_sub(year.div_euclid(100))?.checked_add(year.div_euclid(400))?;
    let of_months = month.checked_mul(153)?.checked_add(2)?.div_euclid(5);
    let days = year.checked_mul(365)?.checked_add(leap_days)?.checked_add(of_months)?.checked_add(day)?;
    days.checked_sub(719_469)
}

const SECONDS_FROM_1601_TO_1970: i64 = 11_644_473_600;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn entry(value: &str) -> Entry {
        Entry { dn: String::new(), attributes: HashMap::from([("a".into(), vec![value.into()])]) }
    }

    #[test]
    fn generalized_times_and_file_times_are_read() {
        let of = |text: &str| entry(text).generalized_time("A").map(UnixTime::seconds);
        assert_eq!(of("19700101000000.0Z"), Some(0));
        assert_eq!(of("20261121080000.0Z"), Some(1_795_248_000));
        assert_eq!(of("20240229235959Z"), Some(1_709_251_199));
        assert_eq!(of("20000301000000.0Z"), Some(951_868_800));
        for broken in ["", "2026", "20261321080000.0Z", "20261121080000", "2026112108000xZ"] {
            assert_eq!(of(broken), None, "{broken}");
        }
        assert_eq!(entry("134397216000000000").file_time("a").map(UnixTime::seconds), Some(1_795_248_000));
        assert_eq!(entry("0").file_time("a"), None);
    }

    #[test]
    fn negative_number_is_read_as_its_unsigned_value() {
        assert_eq!(entry("-2147483648").number("a"), Some(0x8000_0000));
        assert_eq!(entry("4096").number("a"), Some(4096));
        assert_eq!(entry("x").number("a"), None);
    }
}
