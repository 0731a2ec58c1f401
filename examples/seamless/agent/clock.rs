//! The clock and the random number generator of the operating system.

use seamless_pta::Time;
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

pub(crate) fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Time::from_millis(0).after(since)
}

/// Returns octets from the random number generator of the operating system.
#[expect(clippy::expect_used, reason = "an agent without randomness must stop")]
pub(crate) fn random<const N: usize>() -> Zeroizing<[u8; N]> {
    let mut octets = Zeroizing::new([0; N]);
    getrandom::fill(octets.as_mut_slice()).expect("the operating system has randomness");
    octets
}

/// Returns a random duration between half of `duration` and all of it, so that the agents do not all ask at the same
/// time.
pub(crate) fn spread(duration: Duration) -> Duration {
    let [octet] = *random();
    let permille = 500_u32.saturating_add(u32::from(octet).saturating_mul(2));
    duration.saturating_mul(permille.min(1_000)).checked_div(1_000).unwrap_or(duration)
}
