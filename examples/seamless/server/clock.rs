//! The clock and the randomness of the operating system.

use kerberos_sso::{Randomness, UnixTime};
use std::time::SystemTime;

pub(crate) fn now() -> UnixTime {
    SystemTime::now().into()
}

/// Returns octets from the random number generator of the operating system.
#[expect(clippy::expect_used, reason = "a server without randomness must stop")]
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).expect("the operating system has randomness");
    octets
}

/// Returns the randomness with which the library makes its answer to a ticket.
pub(crate) fn randomness() -> Randomness {
    Randomness::new(random())
}
