//! The counts of the cache's answers, for a server's metrics.

use kerberos_sso::replay::{Admission, ReplayLimit};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts since the cache was made: how often the cache gave each answer, and how long the store took to respond.
///
/// All numbers only grow, as the counters of Prometheus do.
///
/// | outcome | alarm |
/// |---|---|
/// | `new` | the count differs much from that of a usual day |
/// | `seen` | any: a proxy repeats requests, or an attacker replays requests |
/// | `too-old` | any that still occurs when a failover is some minutes past: clients have slow clocks |
/// | `client-share` | any: a client signs in again with each request |
/// | `full` | any: the store needs more memory, or the cache more entries |
/// | `outlives-cache` | any: the policy has a longer clock skew than the cache |
/// | `failed` | failures that last a minute: the store does not decide |
///
/// Your server exports these counts together with its other metrics. The function below returns the text format of
/// Prometheus:
///
/// ```
/// use kerberos_sso_valkey::{Outcomes, ValkeyReplayCache};
/// use std::fmt::Write as _;
///
/// fn metrics(cache: &ValkeyReplayCache) -> Result<String, std::fmt::Error> {
///     let outcomes = cache.outcomes();
///     let mut text = String::from("# TYPE kerberos_sso_replay_answers_total counter\n");
///     for (outcome, count) in outcomes.by_name() {
///         writeln!(text, "kerberos_sso_replay_answers_total{{outcome=\"{outcome}\"}} {count}")?;
///     }
///     writeln!(text, "# TYPE kerberos_sso_replay_store_seconds histogram")?;
///     let mut sum = 0;
///     for (group, count) in outcomes.answers_within.iter().enumerate() {
///         sum += count;
///         let limit = Outcomes::LIMITS.get(group).map_or("+Inf".into(), |limit| limit.as_secs_f64().to_string());
///         writeln!(text, "kerberos_sso_replay_store_seconds_bucket{{le=\"{limit}\"}} {sum}")?;
///     }
///     writeln!(text, "kerberos_sso_replay_store_seconds_count {sum}")?;
///     writeln!(text, "kerberos_sso_replay_store_seconds_sum {}", outcomes.waited.as_secs_f64())?;
///     writeln!(text, "# TYPE kerberos_sso_replay_store_up gauge")?;
///     writeln!(text, "kerberos_sso_replay_store_up {}", u8::from(cache.fault().is_none()))?;
///     Ok(text)
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcomes {
    /// Authenticators that were new.
    pub new: u64,
    /// Authenticators that were admitted before.
    pub seen: u64,
    /// Authenticators that may have been admitted before a node lost its memory.
    pub too_old: u64,
    /// Authenticators of clients that had already used up their share of this process's entries.
    pub client_share: u64,
    /// Authenticators that were refused because the store or this process had no memory left for them.
    pub full: u64,
    /// Authenticators that are valid for longer than the cache remembers them.
    pub outlives_cache: u64,
    /// Authenticators about which the store did not decide ([`StoreError`](crate::StoreError)).
    pub failed: u64,
    /// Requests to the store, grouped by response time: at most 1 ms, 2 ms, 5 ms, 10 ms, 20 ms, 50 ms, 100 ms, and longer.
    pub answers_within: [u64; 8],
    /// The sum of all response times in `answers_within`.
    pub waited: Duration,
}

impl Outcomes {
    /// The upper limits of the first seven groups of [`answers_within`](Self::answers_within).
    pub const LIMITS: [Duration; 7] = [
        Duration::from_millis(1),
        Duration::from_millis(2),
        Duration::from_millis(5),
        Duration::from_millis(10),
        Duration::from_millis(20),
        Duration::from_millis(50),
        Duration::from_millis(100),
    ];

    /// Returns the count of each answer with its name, for a label of a metric. The names do not change.
    #[must_use]
    pub const fn by_name(&self) -> [(&'static str, u64); 7] {
        [
            ("new", self.new),
            ("seen", self.seen),
            ("too-old", self.too_old),
            ("client-share", self.client_share),
            ("full", self.full),
            ("outlives-cache", self.outlives_cache),
            ("failed", self.failed),
        ]
    }
}

/// The counters from which the cache makes [`Outcomes`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    new: AtomicU64,
    seen: AtomicU64,
    too_old: AtomicU64,
    client_share: AtomicU64,
    full: AtomicU64,
    outlives_cache: AtomicU64,
    failed: AtomicU64,
    answers_within: [AtomicU64; 8],
    waited_micros: AtomicU64,
}

impl Counters {
    pub(crate) fn count(&self, admission: Admission) {
        let counter = match admission {
            Admission::New => &self.new,
            Admission::Seen => &self.seen,
            Admission::TooOld => &self.too_old,
            Admission::Full(ReplayLimit::ClientShare) => &self.client_share,
            Admission::Full(_) => &self.full,
            Admission::OutlivesCache { .. } => &self.outlives_cache,
            _ => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_answer(&self, took: Duration) {
        let group = Outcomes::LIMITS.iter().position(|end| took <= *end).unwrap_or(Outcomes::LIMITS.len());
        if let Some(counter) = self.answers_within.get(group) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.waited_micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Outcomes {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Outcomes {
            new: read(&self.new),
            seen: read(&self.seen),
            too_old: read(&self.too_old),
            client_share: read(&self.client_share),
            full: read(&self.full),
            outlives_cache: read(&self.outlives_cache),
            failed: read(&self.failed),
            answers_within: self.answers_within.each_ref().map(read),
            waited: Duration::from_micros(read(&self.waited_micros)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_answer_is_counted_by_its_own_counter() {
        let counters = Counters::default();
        for admission in [
            Admission::New,
            Admission::Seen,
            Admission::Seen,
            Admission::TooOld,
            Admission::Full(ReplayLimit::ClientShare),
            Admission::Full(ReplayLimit::Cache),
            Admission::OutlivesCache { entry_seconds: 2, cache_seconds: 1 },
            Admission::Failed,
        ] {
            counters.count(admission);
        }
        let one_each = Outcomes {
            new: 1,
            too_old: 1,
            client_share: 1,
            full: 1,
            outlives_cache: 1,
            failed: 1,
            ..Outcomes::default()
        };
        assert_eq!(counters.read(), Outcomes { seen: 2, ..one_each });
        let named = [
            ("new", 1),
            ("seen", 2),
            ("too-old", 1),
            ("client-share", 1),
            ("full", 1),
            ("outlives-cache", 1),
            ("failed", 1),
        ];
        assert_eq!(counters.read().by_name(), named);
    }

    #[test]
    fn answers_are_counted_in_the_group_of_their_response_time() {
        let counters = Counters::default();
        for micros in [1_000, 1_001, 100_000, 100_001] {
            counters.count_answer(Duration::from_micros(micros));
        }
        assert_eq!(counters.read().answers_within, [1, 1, 0, 0, 0, 0, 1, 1]);
        assert_eq!(counters.read().waited, Duration::from_micros(202_002));
    }
}
