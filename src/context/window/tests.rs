use super::*;

const WIDTHS: [Width; 2] = [Width::Bits32, Width::Bits64];

fn window(promise: Promise, width: Width, first: u32) -> Window {
    Window { promise, ..Window::new(GssFlags::default(), width, first) }
}

/// Returns the largest sequence number that a width can hold.
fn last(width: Width) -> u64 {
    width.cut(u64::MAX)
}

#[test]
fn last_64_sequence_numbers_are_remembered_after_a_gap() {
    for width in WIDTHS {
        for ahead in [1, 62, 63, 64, 65, 66, 1_000] {
            let mut window = window(Promise::NoReplay, width, 7);
            assert_eq!(window.take(7), Ok(()));
            assert_eq!(window.take(7 + ahead), Ok(()));
            let sequence = 7;
            let expected = if ahead < 64 {
                MessageError::Replayed { sequence }
            } else {
                MessageError::TooOld { sequence, oldest: ahead - 56 }
            };
            assert_eq!(window.take(sequence), Err(expected), "{width:?} {ahead}");
            for late in (7 + ahead).saturating_sub(63).max(8)..7 + ahead {
                assert_eq!(window.take(late), Ok(()), "{width:?} {ahead} {late}");
                assert_eq!(window.take(late), Err(MessageError::Replayed { sequence: late }));
            }
        }
    }
}

#[test]
fn sequence_number_before_the_first_of_the_context_is_too_old() {
    for width in WIDTHS {
        let mut window = window(Promise::NoReplay, width, 0);
        let sequence = last(width);
        assert_eq!(window.take(sequence), Err(MessageError::TooOld { sequence, oldest: 0 }));
        assert_eq!(window.take(2), Ok(()));
        assert_eq!(window.take(sequence), Err(MessageError::TooOld { sequence, oldest: 0 }));
        assert_eq!([window.take(0), window.take(1)], [Ok(()), Ok(())]);
    }
}

/// A number counts as ahead of `next` if its distance is at most half of all numbers. Otherwise the number counts
/// as behind `next`.
#[test]
fn sequence_number_counts_as_ahead_if_its_distance_is_at_most_half_of_all_numbers() {
    for width in WIDTHS {
        let half = width.half();
        let start = || window(Promise::NoReplay, width, 5);
        let (far, too_far) = (5 + half, 6 + half);
        assert_eq!(start().take(far), Ok(()));
        assert_eq!(start().take(too_far), Err(MessageError::TooOld { sequence: too_far, oldest: 5 }));
        let start = || window(Promise::InOrder, width, 5);
        assert_eq!(start().take(far), Err(MessageError::Gap { sequence: far, expected: 5 }));
        assert_eq!(start().take(too_far), Err(MessageError::OutOfOrder { sequence: too_far, expected: 5 }));
    }
}

#[test]
fn greatest_sequence_number_is_accepted_once() {
    for width in WIDTHS {
        let (next, sequence) = (last(width) - 1, last(width));
        for promise in [Promise::NoReplay, Promise::InOrder] {
            let mut window = Window { next, ..window(promise, width, 0) };
            assert_eq!([window.take(next), window.take(sequence)], [Ok(()), Ok(())]);
            assert_eq!(window.take(sequence), Err(MessageError::Replayed { sequence }), "{width:?} {promise:?}");
            assert_eq!(window.take(next), Err(MessageError::Replayed { sequence: next }), "{width:?} {promise:?}");
        }
    }
}

/// The numbers of RC4 tokens wrap to zero. Afterwards, the window still distinguishes earlier and later numbers.
#[test]
fn sequence_numbers_of_32_bits_wrap_to_zero() {
    for promise in [Promise::NoReplay, Promise::InOrder] {
        let mut window = window(promise, Width::Bits32, u32::MAX - 1);
        let around = [0xFFFF_FFFE, 0xFFFF_FFFF, 0, 1];
        assert_eq!(around.map(|sequence| window.take(sequence)), [Ok(()); 4]);
        let replayed = around.map(|sequence| Err(MessageError::Replayed { sequence }));
        assert_eq!(around.map(|sequence| window.take(sequence)), replayed, "{promise:?}");
    }
    let mut window = window(Promise::InOrder, Width::Bits32, u32::MAX);
    assert_eq!(window.take(0), Err(MessageError::Gap { sequence: 0, expected: 0xFFFF_FFFF }));
    assert_eq!([window.take(0xFFFF_FFFF), window.take(0)], [Ok(()), Ok(())]);
}

#[test]
fn sequence_number_of_64_bits_stays_too_old_when_the_peer_skips_more_than_half_of_all_numbers() {
    let mut window = window(Promise::NoReplay, Width::Bits64, 7);
    let [early, half, most] = [7, u64::MAX >> 1, u64::MAX - 1];
    for number in [early, half, most, u64::MAX] {
        assert_eq!(window.take(number), Ok(()), "{number}");
    }
    for number in [early, half, 8, half + 1] {
        let refused = window.take(number);
        assert!(matches!(refused, Err(MessageError::TooOld { sequence, .. }) if sequence == number), "{refused:?}");
    }
    for sequence in [most, u64::MAX] {
        assert_eq!(window.take(sequence), Err(MessageError::Replayed { sequence }));
    }
}

/// After the greatest number of 64 bits, no number is new.
#[test]
fn sequence_number_zero_is_not_accepted_again_after_the_last_number() {
    let mut window = window(Promise::NoReplay, Width::Bits64, 0);
    let numbers = [0, u64::MAX >> 1, u64::MAX - 1, u64::MAX];
    assert_eq!(numbers.map(|number| window.take(number)), [Ok(()); 4]);
    assert!(numbers.into_iter().all(|number| window.take(number).is_err()));
}

/// The authenticator's `seq-number` has 32 bits. A context that starts there counts with 64 bits, and does not wrap
/// after 2^32 - 1.
#[test]
fn sequence_numbers_of_64_bits_do_not_wrap_after_32_bits() {
    for promise in [Promise::NoReplay, Promise::InOrder] {
        let mut window = window(promise, Width::Bits64, u32::MAX);
        assert_eq!([window.take(0xFFFF_FFFF), window.take(0x1_0000_0000)], [Ok(()), Ok(())]);
        let sequence = 0;
        let refused = match promise {
            Promise::InOrder => MessageError::OutOfOrder { sequence, expected: 0x1_0000_0001 },
            _ => MessageError::TooOld { sequence, oldest: 0xFFFF_FFFF },
        };
        assert_eq!(window.take(sequence), Err(refused));
    }
}
