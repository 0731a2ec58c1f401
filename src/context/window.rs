//! The check of sequence numbers for replays and order (RFC 2743 sections 1.2.3 and 1.2.5.2).
//!
//! The window accepts or refuses the number of a token whose integrity has been verified, and remembers accepted
//! numbers. Numbers of RFC 4121 have 64 bits. Numbers of RFC 4757 have 32 bits and wrap to zero.

use super::MessageError;
use crate::wire::gss::GssFlags;

/// The accepted numbers, and the order of numbers that the context requires.
#[derive(Debug)]
pub(super) struct Window {
    promise: Promise,
    width: Width,
    /// One more than the highest accepted number, or the first number of the context.
    next: u64,
    /// The distance by which `next` has advanced since the context began.
    progress: u64,
    /// The remembered numbers: bit `i` is set if the number `next - 1 - i` was accepted.
    seen: u64,
}

/// The required order of tokens, which the flags of the context determine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promise {
    /// No flag is set, and all numbers are accepted.
    Nothing,
    /// Only GSS_C_REPLAY_FLAG is set, and no token is accepted twice. Within the window, tokens may arrive in any
    /// order.
    NoReplay,
    /// GSS_C_SEQUENCE_FLAG is set. Every token is accepted only once, in order and without gaps.
    InOrder,
}

/// The number of bits of a sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Bits32,
    Bits64,
}

impl Window {
    pub(super) fn new(flags: GssFlags, width: Width, first: u32) -> Self {
        let promise = if flags.contains(GssFlags::SEQUENCE) {
            Promise::InOrder
        } else if flags.contains(GssFlags::REPLAY) {
            Promise::NoReplay
        } else {
            Promise::Nothing
        };
        Self { promise, width, next: first.into(), progress: 0, seen: 0 }
    }

    /// Accepts the number, or refuses it as too old, too early or repeated. A refused number does not change the
    /// window.
    pub(super) fn take(&mut self, sequence: u64) -> Result<(), MessageError> {
        // Numbers of 32 bits wrap to zero, so distances are computed modulo the width.
        let ahead = self.width.cut(sequence.wrapping_sub(self.next));
        let behind = self.width.cut(self.next.wrapping_sub(sequence));
        match self.promise {
            Promise::Nothing => Ok(()),
            Promise::InOrder => self.take_in_order(sequence, ahead, behind),
            Promise::NoReplay if self.is_ahead(sequence, ahead) => {
                self.advance(ahead);
                Ok(())
            }
            Promise::NoReplay => self.take_late(sequence, behind),
        }
    }

    /// Returns whether a number is ahead of every accepted number.
    ///
    /// Numbers of 64 bits do not repeat. Without this rule, the earlier tokens of a peer that skips half of all numbers
    /// would be accepted again.
    fn is_ahead(&self, sequence: u64, ahead: u64) -> bool {
        let is_near = ahead <= self.width.half();
        match self.width {
            Width::Bits32 => is_near,
            Width::Bits64 => is_near && sequence >= self.next && !self.has_ended(),
        }
    }

    /// Returns whether the greatest number of 64 bits was accepted, after which `next` is zero.
    fn has_ended(&self) -> bool {
        self.next == 0 && self.progress > 0
    }

    /// Accepts the next number only. The window refuses gaps, so it has accepted every earlier number since the first
    /// number of the context.
    fn take_in_order(&mut self, sequence: u64, ahead: u64, behind: u64) -> Result<(), MessageError> {
        let expected = self.next;
        match ahead {
            0 => {
                self.advance(0);
                Ok(())
            }
            _ if behind <= self.progress => Err(MessageError::Replayed { sequence }),
            _ if ahead <= self.width.half() => Err(MessageError::Gap { sequence, expected }),
            _ => Err(MessageError::OutOfOrder { sequence, expected }),
        }
    }

    fn take_late(&mut self, sequence: u64, behind: u64) -> Result<(), MessageError> {
        let remembered = self.progress.min(REMEMBERED);
        let age = behind.checked_sub(1).filter(|age| *age < remembered);
        let age = age.and_then(|age| u32::try_from(age).ok());
        let Some(bit) = age.and_then(|age| 1_u64.checked_shl(age)) else {
            // The sequence number of the oldest remembered token, modulo the width.
            let oldest = self.width.cut(self.next.wrapping_sub(remembered));
            return Err(MessageError::TooOld { sequence, oldest });
        };
        if self.seen & bit != 0 {
            return Err(MessageError::Replayed { sequence });
        }
        self.seen |= bit;
        Ok(())
    }

    /// Accepts the number `next + skipped`.
    fn advance(&mut self, skipped: u64) {
        // The addition does not saturate, because at most half of all numbers are skipped.
        let steps = skipped.saturating_add(1);
        // After 64 steps or more, no earlier number is remembered.
        self.seen = u32::try_from(steps).ok().and_then(|steps| self.seen.checked_shl(steps)).unwrap_or(0) | 1;
        self.next = self.width.cut(self.next.wrapping_add(steps));
        // `progress` may saturate, because no number can be further behind than its maximum.
        self.progress = self.progress.saturating_add(steps);
    }
}

impl Width {
    /// Returns the number modulo the width.
    pub(super) fn cut(self, number: u64) -> u64 {
        match self {
            Self::Bits32 => number & u64::from(u32::MAX),
            Self::Bits64 => number,
        }
    }

    /// Returns the greatest distance at which a number counts as ahead of `next`. A number at a greater distance counts
    /// as behind `next`.
    fn half(self) -> u64 {
        match self {
            Self::Bits32 => u64::from(u32::MAX >> 1),
            Self::Bits64 => u64::MAX >> 1,
        }
    }
}

/// The number of latest tokens that the window remembers if only replays are refused. MIT krb5 remembers the same
/// number.
const REMEMBERED: u64 = 64;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    const WIDTHS: [Width; 2] = [Width::Bits32, Width::Bits64];

    fn window(promise: Promise, width: Width, first: u32) -> Window {
        Window { promise, ..Window::new(GssFlags::default(), width, first) }
    }

    /// Returns the last number of a width.
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
    fn sequence_number_is_ahead_up_to_half_of_all_numbers() {
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

    /// An authenticator's `seq-number` has 32 bits, but the numbers of 64 bits do not wrap after 2^32 - 1.
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
}
