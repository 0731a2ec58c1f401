//! One remembered authenticator in 16 bytes: the first 88 bits of its tag, and the last second at which it is accepted.
//!
//! The tag's bits are an authenticator's own MAC. That two different ones agree in 88 bits by chance, and the second is
//! taken for a replay, happens once in 2⁸³ sign-ins, each being compared with 32 places. The second's 40 bits cover every
//! time that a KerberosTime can name, from the year 0 to the year 9999, and 7,000 years besides; what is outside counts as
//! the nearest that is inside. So no clock, and no step of one, makes an entry end too early.

use super::ReplayTag;
use crate::time::UnixTime;

/// The tag's bits above, the second below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u128);

impl Place {
    /// Nothing was ever here: ended at the beginning of time. The tag's bits are set so that an array of these is written
    /// when it is made: an array of zeros would get its memory from the system later, entry by entry.
    pub(super) const UNUSED: Self = Self(u128::MAX << SECOND_BITS);

    pub(super) fn new(tag: &ReplayTag, valid_until: Second) -> Self {
        Self(u128::from_be_bytes(*tag.as_bytes()) & TAG | u128::from(valid_until.0))
    }

    /// Whether both are of one authenticator.
    pub(super) const fn same_tag(self, other: Self) -> bool {
        (self.0 ^ other.0) & TAG == 0
    }

    pub(super) fn valid_until(self) -> Second {
        let [.., a, b, c, d, e] = self.0.to_be_bytes();
        Second(u64::from_be_bytes([0, 0, 0, a, b, c, d, e]))
    }

    pub(super) fn ended_before(self, now: Second) -> bool {
        self.valid_until() < now
    }
}

/// A second, as a place keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Second(u64);

impl Second {
    pub(super) const FIRST: Self = Self(0);

    pub(super) fn of(time: UnixTime) -> Self {
        let since_first = time.seconds().saturating_add(FIRST_BEFORE_1970);
        Self(u64::try_from(since_first).unwrap_or(0).min(LAST))
    }
}

const SECOND_BITS: u32 = 40;

const LAST: u64 = (1 << SECOND_BITS) - 1;

const TAG: u128 = u128::MAX << SECOND_BITS;

/// Half of what 40 bits can tell apart: 17,421 years.
const FIRST_BEFORE_1970: i64 = 1 << (SECOND_BITS - 1);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn second(text: &[u8]) -> Second {
        Second::of(UnixTime::from_generalized(text).unwrap())
    }

    #[test]
    fn every_kerberos_time_has_a_second_of_its_own() {
        let times: [&[u8]; 5] =
            [b"00000101000000Z", b"19700101000000Z", b"20380119031408Z", b"21060207062816Z", b"99991231235959Z"];
        for time in times {
            let (this, exact) = (second(time), UnixTime::from_generalized(time).unwrap());
            assert!(Second::of(exact.saturating_add_seconds(-1)) < this);
            assert!(this < Second::of(exact.saturating_add_seconds(1)));
        }
    }

    #[test]
    fn times_beyond_count_as_the_nearest() {
        let of = |seconds| Second::of(UnixTime::from_seconds(seconds));
        assert_eq!(of(i64::MIN), Second::FIRST);
        assert_eq!(of(-FIRST_BEFORE_1970), Second::FIRST);
        assert!(of(-FIRST_BEFORE_1970 + 1) > Second::FIRST);
        assert_eq!(of(i64::MAX), Second(LAST));
        assert_eq!(of(FIRST_BEFORE_1970), Second(LAST));
        assert!(of(FIRST_BEFORE_1970 - 2) < Second(LAST));
    }

    #[test]
    fn a_place_gives_back_its_second_and_tells_88_bits_of_tags_apart() {
        let until = second(b"20261121080000Z");
        let mut bytes = [0x5A; 16];
        let place = Place::new(&ReplayTag::from_bytes(bytes), until);
        assert_eq!(place.valid_until(), until);
        for (index, differs) in [(0, true), (10, true), (11, false), (15, false)] {
            bytes[index] ^= 1;
            let other = Place::new(&ReplayTag::from_bytes(bytes), second(b"20261121080001Z"));
            assert_eq!(place.same_tag(other), !differs, "byte {index}");
            bytes[index] ^= 1;
        }
    }

    #[test]
    fn an_unused_place_has_ended() {
        assert!(Place::UNUSED.ended_before(second(b"00000101000000Z")));
        assert_eq!(size_of::<Place>(), 16);
    }
}
