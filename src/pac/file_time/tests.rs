//! Unit tests of the module.

use super::*;

#[test]
fn file_time_is_a_count_of_100_nanoseconds_since_1601() {
    assert_eq!(FileTime(116_444_736_000_000_000).instant(), Some(UnixTime::from_seconds(0)));
    let instant = FileTime(128_759_949_907_879_449).instant().unwrap();
    assert_eq!((instant.seconds(), instant.micros()), (1_231_521_390, 787_944));
    assert_eq!(FileTime::from(instant), FileTime(128_759_949_907_879_440));
    assert_eq!(FileTime::from(UnixTime::from_seconds(i64::MIN)), FileTime(0));
    assert_eq!(FileTime(1).instant().unwrap().seconds(), -11_644_473_600);
    for none in [0, 0x7FFF_FFFF_FFFF_FFFF, u64::MAX] {
        assert_eq!(FileTime(none).instant(), None);
    }
}
