#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
use super::*;

const NOW: i64 = 1_795_248_000;

fn second(epoch: &mut Epoch, seconds: i64) -> Second {
    epoch.second(UnixTime::from_seconds(seconds))
}

#[test]
fn times_within_68_years_have_distinct_seconds_and_other_times_saturate() {
    for start in [NOW, 0, -62_167_219_200, 253_402_300_799] {
        let mut epoch = Epoch::default();
        assert_eq!(second(&mut epoch, start), Second(0));
        let (first, last) = (start + i64::from(i32::MIN), start + i64::from(i32::MAX));
        for at in [first + 1, start - 1, start, start + 1, last - 1] {
            assert!(second(&mut epoch, at - 1) < second(&mut epoch, at), "{at}");
            assert!(second(&mut epoch, at) < second(&mut epoch, at + 1), "{at}");
        }
        assert_eq!([first, first - 1, i64::MIN].map(|at| second(&mut epoch, at)), [Second::FIRST; 3]);
        assert_eq!([last, last + 1, i64::MAX].map(|at| second(&mut epoch, at)), [Second(i32::MAX); 3]);
    }
}

#[test]
fn bucket_distinguishes_tags_by_their_first_96_bits() {
    let mut bucket = Bucket::UNUSED;
    let mut bytes = [0x5A; 16];
    let tag = |bytes: &[u8; 16]| TagBits::from(&ReplayTag::from_bytes(*bytes));
    assert!(!bucket.holds(tag(&bytes)));
    bucket.put(tag(&bytes), Second(9), Second(9));
    for index in 0..16 {
        bytes[index] ^= 1;
        assert_eq!(bucket.holds(tag(&bytes)), index >= 12, "octet {index}");
        bytes[index] ^= 1;
    }
    assert_eq!(size_of::<Bucket>(), 16 * SLOTS);
}

#[test]
fn bucket_holds_each_of_sixteen_tags_that_differ_in_their_tails_only() {
    let mut bucket = Bucket::UNUSED;
    let tag = |number: u8| {
        let mut bytes = [0x5A; 16];
        bytes[4] = number;
        TagBits::from(&ReplayTag::from_bytes(bytes))
    };
    for number in 0..16 {
        assert!(!bucket.holds(tag(number)));
        bucket.put(tag(number), Second(9), Second(9)).unwrap();
    }
    assert!((0..16).all(|number| bucket.holds(tag(number))) && !bucket.holds(tag(16)));
}

#[test]
fn full_bucket_of_sixteen_slots_reuses_only_slots_whose_entries_have_expired() {
    let mut bucket = Bucket::UNUSED;
    let tag = |number: u8| TagBits::from(&ReplayTag::from_bytes([number; 16]));
    for number in 0..16 {
        assert_eq!(bucket.free(Second(10)), u32::from(16 - number));
        assert_eq!(bucket.put(tag(number), Second(10 + i32::from(number)), Second(10)), Some(Second::FIRST));
    }
    assert_eq!(bucket.put(tag(16), Second(99), Second(10)), None);
    assert_eq!(bucket.put(tag(16), Second(99), Second(11)), Some(Second(10)));
    assert_eq!(bucket.free(Second(11)), 0);
    assert!(!bucket.holds(tag(0)));
    assert!((1..=16).all(|number| bucket.holds(tag(number))));
}
