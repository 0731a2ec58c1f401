//! The system's clock, and its randomness.

use kerberos_sso::{Randomness, UnixTime};
use std::time::SystemTime;

pub(crate) fn now() -> UnixTime {
    SystemTime::now().into()
}

/// Octets that nobody guesses.
#[expect(clippy::expect_used, reason = "a server without randomness must stop")]
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).expect("the operating system has randomness");
    octets
}

/// What answers to a ticket are made with.
pub(crate) fn randomness() -> Randomness {
    Randomness::new(random())
}
