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
    /// Numbers of 64 bits do not wrap, so a number less than `next` is never ahead. Without this rule, the earlier
    /// tokens of a peer that skips half of all numbers would be accepted again.
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
        // The addition does not saturate, because `skipped` is at most half of all numbers.
        let steps = skipped.saturating_add(1);
        // After 64 steps or more, no earlier number is remembered.
        self.seen = u32::try_from(steps).ok().and_then(|steps| self.seen.checked_shl(steps)).unwrap_or(0) | 1;
        self.next = self.width.cut(self.next.wrapping_add(steps));
        // `progress` may saturate, because no number can be further behind than `u64::MAX`.
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

/// The number of latest tokens that the window remembers with [`Promise::NoReplay`]. MIT krb5 remembers as many.
const REMEMBERED: u64 = 64;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests;
