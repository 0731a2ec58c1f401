//! The operating system's clock and randomness.

use kerberos_sso::{Randomness, UnixTime};
use std::time::SystemTime;

/// Returns the time of the operating system's clock.
pub(crate) fn now() -> UnixTime {
    SystemTime::now().into()
}

/// Returns octets of the operating system's generator.
#[expect(
    clippy::expect_used,
    reason = "a system that gave octets at the start gives them later: only a missing generator fails (getrandom(2))"
)]
pub(crate) fn randomness() -> Randomness {
    try_randomness().expect("the operating system has randomness")
}

/// Returns octets of the operating system's generator, or the error of a system that has none.
pub(crate) fn try_randomness() -> Result<Randomness, getrandom::Error> {
    let mut octets = [0; 64];
    getrandom::fill(&mut octets)?;
    Ok(Randomness::new(octets))
}
