//! The operating system's clock and randomness.

use crate::server::StartError;
use kerberos_sso::replay::AsyncReplayCache;
use kerberos_sso::tower::NegotiateLayer;
use kerberos_sso::{Randomness, SharedValidator, UnixTime};
use std::time::SystemTime;

/// Returns a layer for keys that the program loads itself, for example from a database or from a group managed service
/// account. The layer uses the operating system's clock and randomness.
///
/// [`Server`](crate::Server) is for keys in a keytab.
///
/// ```
/// use kerberos_sso::replay::MemoryReplayCache;
/// use kerberos_sso::{KeySet, Policy, SharedValidator, Validator};
///
/// # let [keys, next_keys] = [KeySet::new(), KeySet::new()];
/// let policy = Policy::default();
/// let cache = MemoryReplayCache::new(60_000, policy.clock_skew(), std::time::SystemTime::now().into());
/// let validator = SharedValidator::new(Validator::new(keys, policy, cache));
/// let layer = kerberos_sso_server::layer(validator.clone())?; // for axum, hyper and tonic
///
/// // At a rollover, on any thread. `with_retiring_keys` keeps the old keys for the tickets that clients still have.
/// validator.replace_keys(next_keys);
/// # Ok::<(), kerberos_sso_server::StartError>(())
/// ```
///
/// # Errors
/// Returns [`StartError::NoRandomness`] if the operating system has no randomness.
pub fn layer<R: AsyncReplayCache + Send + Sync + 'static>(
    validator: impl Into<SharedValidator<R>>,
) -> Result<NegotiateLayer, StartError> {
    try_randomness().map_err(|_| StartError::NoRandomness)?;
    Ok(NegotiateLayer::new(validator, now, randomness))
}

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

/// Returns octets of the operating system's generator, or the error of a system without a generator.
pub(crate) fn try_randomness() -> Result<Randomness, getrandom::Error> {
    let mut octets = [0; 64];
    getrandom::fill(&mut octets)?;
    Ok(Randomness::new(octets))
}
