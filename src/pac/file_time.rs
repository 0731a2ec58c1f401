//! FILETIME (MS-DTYP section 2.3.3): the format of a point in time in Windows.

use crate::time::UnixTime;

/// A number of 100-nanosecond intervals since 1601-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileTime(pub u64);

impl FileTime {
    /// The value that means "never".
    pub const NEVER: Self = Self(0x7FFF_FFFF_FFFF_FFFF);

    /// Returns the instant, rounded down to the microsecond. Returns `None` for zero, which means that the time is not set,
    /// and for [`NEVER`](Self::NEVER) and all higher values.
    #[must_use]
    pub fn instant(self) -> Option<UnixTime> {
        if self.0 == 0 || self >= Self::NEVER {
            return None;
        }
        let seconds = i64::try_from(self.0 / INTERVALS).ok()?.checked_sub(SECONDS_TO_1970)?;
        let micros = u32::try_from(self.0 % INTERVALS / 10).ok()?;
        UnixTime::from_seconds(seconds).with_micros(micros)
    }
}

/// Converts an instant. An instant before 1601 becomes zero. An instant that is too late for 64 bits becomes the highest
/// value.
impl From<UnixTime> for FileTime {
    fn from(time: UnixTime) -> Self {
        let seconds = u64::try_from(time.seconds().saturating_add(SECONDS_TO_1970)).unwrap_or(0);
        let micros = u64::from(time.micros()).saturating_mul(10);
        Self(seconds.saturating_mul(INTERVALS).saturating_add(micros))
    }
}

/// The number of intervals of 100 ns in a second.
const INTERVALS: u64 = 10_000_000;

/// The number of seconds from 1601 to 1970. This period has 369 years, and 89 of these years have a leap day.
const SECONDS_TO_1970: i64 = (369 * 365 + 89) * 86_400;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
