//! What others made is taken, what was changed is not, and what we make is what others make.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::recorded::{self, Context, Kind, Side, Token};
use super::*;
use alloc::vec;

const SIDES: [Side; 2] = [Side::Initiator, Side::Acceptor];

/// Takes a recorded token as its receiver.
fn take(context: &mut SecurityContext, token: &Token, octets: &[u8]) -> Result<(), MessageError> {
    let mut out = vec![1, 2, 3];
    let taken = match token.kind {
        Kind::Mic => context.verify_mic(&token.message(), octets),
        Kind::Wrap => context.unwrap(octets, &mut out).map(|protection| {
            assert_eq!(protection, token.protection());
            assert_eq!(out.split_off(3), token.message());
        }),
    };
    assert_eq!(out, [1, 2, 3]);
    taken
}

#[test]
fn tokens_of_mit_and_heimdal_are_taken_in_order() {
    let mut taken = 0;
    for context in recorded::all() {
        let mut receivers = SIDES.map(|side| context.side(side));
        for token in &context.tokens {
            let receiver = &mut receivers[usize::from(token.from == Side::Initiator)];
            take(receiver, token, &token.token).unwrap_or_else(|error| panic!("{}: {error}", context.id));
            taken += 1;
        }
    }
    assert!(taken > 700, "{taken}");
}
