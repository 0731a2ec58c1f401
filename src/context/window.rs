//! Which sequence numbers may still come (RFC 2743 sections 1.2.3 and 1.2.5.2).
//!
//! In: the number of a token whose integrity has been verified. Out: whether it may be taken; if so, it is remembered.
//! Numbers of RFC 4121 have 64 bits and do not wrap; those of RFC 4757 have 32 and do.

use super::MessageError;
use crate::gss::GssFlags;

/// Numbers that were seen, and what the context promises about them.
#[derive(Debug)]
pub(super) struct Window {
    promise: Promise,
    width: Width,
    /// One more than the highest number taken, or the first number of the context.
    next: u64,
    /// How far `next` has come since the context began.
    progress: u64,
    /// Bit `i` stands for `next - 1 - i`.
    seen: u64,
}

/// What the flags of the context ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promise {
    /// Neither flag: numbers mean nothing.
    Nothing,
    /// GSS_C_REPLAY_FLAG alone: no token twice, in any order within the window.
    NoReplay,
    /// GSS_C_SEQUENCE_FLAG: each token once, none left out, in order.
    InOrder,
}

/// How many bits a number has.
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

    /// Takes the number, or says why it is late, early or repeated, and then stays as it was.
    pub(super) fn take(&mut self, sequence: u64) -> Result<(), MessageError> {
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

    /// What is behind and not older than the context has been taken, since none was ever left out.
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
        if behind > self.progress.min(REMEMBERED) {
            let oldest = self.next.wrapping_sub(self.progress.min(REMEMBERED));
            return Err(MessageError::TooOld { sequence, oldest: self.width.cut(oldest) });
        }
        let bit = u32::try_from(behind.saturating_sub(1)).ok().and_then(|age| 1_u64.checked_shl(age)).unwrap_or(0);
        if self.seen & bit != 0 {
            return Err(MessageError::Replayed { sequence });
        }
        self.seen |= bit;
        Ok(())
    }

    /// Takes the number that is `skipped` after `next`.
    fn advance(&mut self, skipped: u64) {
        let steps = skipped.saturating_add(1);
        self.seen = u32::try_from(steps).ok().and_then(|steps| self.seen.checked_shl(steps)).unwrap_or(0) | 1;
        self.next = self.width.cut(self.next.wrapping_add(steps));
        self.progress = self.progress.saturating_add(steps);
    }
}

impl Width {
    /// The number without the bits that it does not have.
    pub(super) fn cut(self, number: u64) -> u64 {
        match self {
            Self::Bits32 => number & u64::from(u32::MAX),
            Self::Bits64 => number,
        }
    }

    /// What is further ahead than this is behind.
    fn half(self) -> u64 {
        match self {
            Self::Bits32 => u64::from(u32::MAX >> 1),
            Self::Bits64 => u64::MAX >> 1,
        }
    }
}

/// How many of the latest numbers are told apart when only replays are refused; as many as MIT's libraries keep.
const REMEMBERED: u64 = 64;
