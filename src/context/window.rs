//! The order of sequence numbers (RFC 2743 sections 1.2.3 and 1.2.5.2).
//!
//! In: the number of a token whose integrity has been verified. Out: whether the context may take it. A number that is taken is
//! remembered. Numbers of RFC 4121 have 64 bits. Those of RFC 4757 have 32 bits and begin again.

use super::MessageError;
use crate::wire::gss::GssFlags;

/// The numbers that were taken, and the promise of the context about them.
#[derive(Debug)]
pub(super) struct Window {
    promise: Promise,
    width: Width,
    /// One more than the highest number taken, or the first number of the context.
    next: u64,
    /// The distance by which `next` has advanced since the context began.
    progress: u64,
    /// Bit `i` stands for `next - 1 - i`.
    seen: u64,
}

/// The promise that the flags of the context make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promise {
    /// Neither flag is set: all numbers are taken.
    Nothing,
    /// GSS_C_REPLAY_FLAG alone: no token is taken twice. Within the window, tokens come in any order.
    NoReplay,
    /// GSS_C_SEQUENCE_FLAG: each token is taken once and in order, and none may be missing.
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

    /// Takes the number, or rejects it as late, early or repeated. A rejected number changes nothing.
    pub(super) fn take(&mut self, sequence: u64) -> Result<(), MessageError> {
        // Numbers of 32 bits begin again, so distances are taken modulo their width.
        let ahead = self.width.cut(sequence.wrapping_sub(self.next));
        let behind = self.width.cut(self.next.wrapping_sub(sequence));
        match self.promise {
            Promise::Nothing => Ok(()),
            Promise::InOrder => self.take_in_order(sequence, ahead, behind),
            Promise::NoReplay if ahead <= self.width.half() => {
                self.advance(ahead);
                Ok(())
            }
            Promise::NoReplay => self.take_late(sequence, behind),
        }
    }

    /// Takes the next number only. A number behind it that is not older than the context was taken before: none was left out.
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
            // The number of the oldest remembered token, modulo the width.
            let oldest = self.width.cut(self.next.wrapping_sub(remembered));
            return Err(MessageError::TooOld { sequence, oldest });
        };
        if self.seen & bit != 0 {
            return Err(MessageError::Replayed { sequence });
        }
        self.seen |= bit;
        Ok(())
    }

    /// Takes the number that is `skipped` after `next`.
    fn advance(&mut self, skipped: u64) {
        // At most half of all numbers are skipped: nothing saturates.
        let steps = skipped.saturating_add(1);
        // After 64 steps or more, no bit is left.
        self.seen = u32::try_from(steps).ok().and_then(|steps| self.seen.checked_shl(steps)).unwrap_or(0) | 1;
        self.next = self.width.cut(self.next.wrapping_add(steps));
        // At its maximum it is further than any number can be behind, so it may stay there.
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

    /// Returns the greatest distance ahead. A number that is further ahead counts as behind.
    fn half(self) -> u64 {
        match self {
            Self::Bits32 => u64::from(u32::MAX >> 1),
            Self::Bits64 => u64::MAX >> 1,
        }
    }
}

/// The number of latest tokens that are remembered when only replays are refused. MIT's libraries keep as many.
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
    fn after_a_leap_the_numbers_within_64_are_remembered() {
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
    fn nothing_is_older_than_the_context() {
        for width in WIDTHS {
            let mut window = window(Promise::NoReplay, width, 0);
            let sequence = last(width);
            assert_eq!(window.take(sequence), Err(MessageError::TooOld { sequence, oldest: 0 }));
            assert_eq!(window.take(2), Ok(()));
            assert_eq!(window.take(sequence), Err(MessageError::TooOld { sequence, oldest: 0 }));
            assert_eq!([window.take(0), window.take(1)], [Ok(()), Ok(())]);
        }
    }

    /// Half of all numbers are ahead of the next one, and the others behind it.
    #[test]
    fn half_of_the_numbers_are_ahead() {
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
    fn the_last_number_is_taken_once() {
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

    /// The numbers of RC4's tokens begin again, and the window still tells earlier numbers from later ones.
    #[test]
    fn numbers_of_32_bits_begin_again_at_0() {
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

    /// Numbers of 64 bits go on at 2^32, which is one more than the highest first number of an authenticator.
    #[test]
    fn numbers_of_64_bits_go_on_after_32() {
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
