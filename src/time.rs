//! Instants. This crate never reads a clock: the caller passes the present time as an argument.
//!
//! KerberosTime (RFC 4120 section 5.2.3) has whole seconds and a separate microsecond field. [`UnixTime`] holds both.

use core::fmt;

/// An instant: seconds since 1970-01-01T00:00:00Z, without leap seconds, and microseconds within that second.
///
/// Every check of the validator compares whole seconds, as RFC 4120 does. Only the server's answers to the client (AP-REP,
/// KRB-ERROR) use the microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime {
    seconds: i64,
    micros: u32,
}

impl UnixTime {
    /// Makes the instant `seconds` after the epoch, or before the epoch if `seconds` is negative.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self { seconds, micros: 0 }
    }

    /// Sets the microseconds. Returns `None` for 1,000,000 microseconds or more (RFC 4120 section 5.2.4).
    #[must_use]
    pub const fn with_micros(self, micros: u32) -> Option<Self> {
        if micros > MAX_MICROS { None } else { Some(Self { micros, ..self }) }
    }

    /// Returns whole seconds since the epoch.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.seconds
    }

    /// Returns microseconds within the second, 0 to 999,999.
    #[must_use]
    pub const fn micros(self) -> u32 {
        self.micros
    }

    /// Returns the instant `seconds` later, or earlier if `seconds` is negative. The result saturates at the ends of the
    /// range.
    #[must_use]
    pub const fn saturating_add_seconds(self, seconds: i64) -> Self {
        Self { seconds: self.seconds.saturating_add(seconds), ..self }
    }

    /// Returns the whole seconds from `earlier` to `self`. The number is negative if `earlier` is later than `self`.
    /// The difference saturates at the ends of the range.
    #[must_use]
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.seconds.saturating_sub(earlier.seconds)
    }

    /// Reads `YYYYMMDDhhmmssZ`, the only form that RFC 4120 section 5.2.3 allows, in the proleptic Gregorian calendar.
    pub(crate) fn from_generalized(text: &[u8]) -> Option<Self> {
        Self::kerberos_seconds(text.try_into().ok()?).map(Self::from_seconds)
    }

    /// Reads `YYYYMMDDhhmmssZ` from exactly 15 octets. Returns the seconds since the epoch.
    pub(crate) fn kerberos_seconds(text: &[u8; 15]) -> Option<i64> {
        let (date, time) = (text.first_chunk()?, text.last_chunk()?);
        let [century, year, month, day] = pairs(u64::from_le_bytes(*date) ^ DIGITS)?;
        // The eight octets of the time begin with the last digit of the day, which the shift removes. The octet that remains
        // after the six digits must be the Z.
        let [hour, minute, second, 0] = pairs(u64::from_le_bytes(*time) >> 8 ^ TIME_AND_Z)? else { return None };
        // Neither Unix time nor RFC 4120 section 5.2.3 has leap seconds.
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let days = days_from_civil(century.wrapping_mul(100).wrapping_add(year), month, day)?;
        // Two digits are below 100, so no product and no sum can overflow.
        let of_day = hour.wrapping_mul(3600).wrapping_add(minute.wrapping_mul(60)).wrapping_add(second);
        Some(days.wrapping_mul(86_400).wrapping_add(of_day.into()))
    }

    /// Writes `YYYYMMDDhhmmssZ`. The form has four digits for the year. An instant before the year 0 becomes the first
    /// instant of the year 0. An instant after the year 9999 becomes the last instant of the year 9999.
    pub(crate) fn to_generalized(self) -> [u8; 15] {
        let within = Self { seconds: self.seconds.clamp(FIRST_GENERALIZED, LAST_GENERALIZED), micros: 0 };
        let (year, month, day, hour, minute, second) = within.civil();
        let mut text = [b'Z'; 15];
        let pairs = [year / 100, year % 100, month, day, hour, minute, second];
        for (place, pair) in text.chunks_exact_mut(2).zip(pairs) {
            let digit = |value: i64| b'0' | u8::try_from(value).unwrap_or(0);
            place.copy_from_slice(&[digit(pair / 10), digit(pair % 10)]);
        }
        text
    }

    /// Returns year, month, day, hour, minute, second.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "every i64 of seconds gives a day count far from the ends of the range"
    )]
    fn civil(self) -> (i64, i64, i64, i64, i64, i64) {
        let (days, of_day) = (self.seconds.div_euclid(86_400), self.seconds.rem_euclid(86_400));
        // The calculation counts years from 1 March, so that the leap day is the last day of a year.
        let shifted = days + DAYS_TO_1970;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        (year, month, day, of_day / 3600, of_day / 60 % 60, of_day % 60)
    }
}

/// Prints RFC 3339 in UTC, to the second: `2026-11-21T08:00:00Z`.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day, hour, minute, second) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// Converts the system's time. A time outside of the range becomes the first or the last instant of the range.
#[cfg(feature = "std")]
impl From<std::time::SystemTime> for UnixTime {
    fn from(time: std::time::SystemTime) -> Self {
        let seconds = |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => Self { seconds: seconds(since), micros: since.subsec_micros() },
            Err(before) => Self::from_seconds(seconds(before.duration()).saturating_neg()),
        }
    }
}

/// Returns the numbers in four pairs of digits. The first pair is in the lowest octets. Returns `None` if an octet is
/// greater than 9.
///
/// A ticket has four fields with a time. Reading all eight digits at once saves a tenth of the time for parsing, and so
/// 3 % of the time of a request.
fn pairs(digits: u64) -> Option<[u32; 4]> {
    const PAIRS: u64 = 0x00FF_00FF_00FF_00FF;
    const OVER_9: u64 = 0xF0F0_F0F0_F0F0_F0F0;
    // If the addition carries from an octet into the next octet, the lower octet is itself over 9. So the check always finds
    // a wrong octet.
    if (digits | digits.wrapping_add(0x0606_0606_0606_0606)) & OVER_9 != 0 {
        return None;
    }
    let numbers = (digits & PAIRS).wrapping_mul(10).wrapping_add(digits >> 8 & PAIRS);
    let [first, _, second, _, third, _, fourth, _] = numbers.to_le_bytes();
    Some([first, second, third, fourth].map(u32::from))
}

/// Returns the days from 1970-01-01 to a date of the proleptic Gregorian calendar. Returns `None` if there is no such date.
/// The year has four digits.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "a year of four digits and a day of two digits are far from the ends of the range"
)]
fn days_from_civil(year: u32, month: u32, day: u32) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let (before, length) = *MONTHS.get(usize::try_from(month).ok()?)?;
    let length = if leap && month == 2 { 29 } else { length };
    let leap_day = u32::from(leap && month > 2);
    (1..=length).contains(&day).then(|| days_to_year(year) + i64::from(before + leap_day + day - 1))
}

/// Returns the days from 1970-01-01 to the first day of a year. The year has four digits.
#[expect(clippy::arithmetic_side_effects, reason = "a year of four digits is far from the ends of the range")]
fn days_to_year(year: u32) -> i64 {
    // Every fourth year is a leap year, except years that are divisible by 100 and not by 400. The code counts the leap
    // years up to the year before `year`. The code adds 400 years, so that no number is negative for year zero.
    // Divisions that round up would avoid this addition, but would take 1 % of the time of a request.
    let last = year + 399;
    let leap_years = last / 4 - last / 100 + last / 400 - LEAP_YEARS_TO_399;
    i64::from(year * 365 + leap_years) - DAYS_OF_YEAR_0_TO_1970
}

/// `00000000`, and `000000Z` with a zero octet, each as one number.
const DIGITS: u64 = 0x3030_3030_3030_3030;
const TIME_AND_Z: u64 = 0x005A_3030_3030_3030;

const MAX_MICROS: u32 = 999_999;

/// The seconds from the epoch to 0000-01-01T00:00:00Z and to 9999-12-31T23:59:59Z.
const FIRST_GENERALIZED: i64 = -62_167_219_200;
const LAST_GENERALIZED: i64 = 253_402_300_799;

/// The days from 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;

/// The days from 0000-01-01 to 1970-01-01.
const DAYS_OF_YEAR_0_TO_1970: i64 = 719_528;

/// The number of leap years from the year 1 to the year 399.
const LEAP_YEARS_TO_399: u32 = 96;

/// For each month by its number: the days of a common year before the month, and the days of the month. The entry with the
/// index 0 belongs to no month.
const MONTHS: [(u32, u32); 13] = [
    (0, 0),
    (0, 31),
    (31, 28),
    (59, 31),
    (90, 30),
    (120, 31),
    (151, 30),
    (181, 31),
    (212, 31),
    (243, 30),
    (273, 31),
    (304, 30),
    (334, 31),
];

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests;
