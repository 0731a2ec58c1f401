//! Instants, and the durations in a sign-in. This crate never reads a clock.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// An instant: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(u64);

impl Time {
    /// Makes the instant that is `millis` milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Makes the instant that is `seconds` seconds after the epoch.
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// Returns the milliseconds since the epoch.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Returns the whole seconds since the epoch.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / 1_000
    }

    /// Returns the instant that is `duration` later. The result saturates at the end of the range.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Returns the instant that is `duration` earlier. The result saturates at the epoch.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Returns the time from this instant to `later`, or zero if `later` has passed.
    #[must_use]
    pub const fn until(self, later: Self) -> Duration {
        Duration::from_millis(later.0.saturating_sub(self.0))
    }
}

/// The durations in one sign-in. [`Budget::within`] computes the other durations from `whole`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The time from the request to its last possible answer.
    pub whole: Duration,
    /// The time for an agent to claim the job.
    pub offer: Duration,
    /// The time from a claim to the answer. Two attempts and their offers fit into the whole time.
    pub attempt: Duration,
}

impl Budget {
    /// Divides the whole time. If the whole time is ten seconds, each offer gets half a second and each attempt gets
    /// four and a half seconds.
    #[must_use]
    pub fn within(whole: Duration) -> Self {
        let share = |percent: u32| whole.saturating_mul(percent).checked_div(100).unwrap_or(whole);
        Self { whole, offer: share(5), attempt: share(45) }
    }
}

/// The time for which a gateway reserves a request of an agent for the job that the agent has claimed.
pub const HOLD: Duration = Duration::from_secs(1);

/// The time for which the server holds a request of an agent for a job.
pub const TAKE: Duration = Duration::from_secs(25);

/// The time without a request after which an agent counts as silent.
pub const SILENT_AFTER: Duration = Duration::from_secs(30);

/// The time from the expiry of an agent's certificate until the agent leaves the list of agents.
pub const FORGET_AFTER: Duration = Duration::from_hours(10 * 24);

/// The time for which the server remembers a job after it stopped waiting for the answer.
pub const LATE: Duration = Duration::from_mins(1);

/// The time for which the old certificate and the old sealing key of an agent are accepted after a renewal.
pub const OVERLAP: Duration = Duration::from_mins(1);

/// The life of an agent's certificate.
pub const CERTIFICATE_LIFE: Duration = Duration::from_hours(7 * 24);

/// The life of the certificate that the server shows to agents.
pub const SERVER_CERTIFICATE_LIFE: Duration = Duration::from_hours(30 * 24);

/// The life of the authority's certificate: ten years.
pub const AUTHORITY_LIFE: Duration = Duration::from_hours(3_652 * 24);

/// The life of an enrolment token.
pub const TOKEN_LIFE: Duration = Duration::from_hours(1);

/// The clock skew that certificates allow for.
pub const CLOCK_SKEW: Duration = Duration::from_mins(5);

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    #[test]
    fn budget_of_ten_seconds_gives_half_a_second_to_an_offer_and_four_and_a_half_to_an_attempt() {
        let budget = Budget::within(Duration::from_secs(10));
        assert_eq!((budget.offer, budget.attempt), (Duration::from_millis(500), Duration::from_millis(4_500)));
        for whole in [1, 3, 10] {
            let budget = Budget::within(Duration::from_secs(whole));
            assert!((budget.offer + budget.attempt) * 2 <= budget.whole, "{whole}");
        }
    }

    #[test]
    fn arithmetic_on_instants_saturates_at_the_ends_of_the_range() {
        let (first, last) = (Time::from_millis(0), Time::from_millis(u64::MAX));
        assert_eq!((last.after(Duration::MAX), first.before(Duration::MAX)), (last, first));
        assert_eq!(last.until(first), Duration::ZERO);
    }
}
