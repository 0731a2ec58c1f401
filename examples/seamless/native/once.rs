//! The assertions that clients redeemed. The server accepts each assertion once, and remembers it until it has expired.

use super::assertion::LIFETIME;
use kerberos_sso::UnixTime;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The identifiers of used assertions, with the time at which they can be forgotten.
#[derive(Default)]
pub(super) struct UsedAssertions(Mutex<HashMap<String, UnixTime>>);

impl UsedAssertions {
    /// Records the use of an assertion and returns whether it was the first use. If the memory is full, every assertion is
    /// refused until an old assertion has expired.
    pub(super) fn take(&self, id: &str, now: UnixTime) -> bool {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= MAX_USED {
            used.retain(|_, end| *end >= now);
        }
        if used.len() >= MAX_USED || used.contains_key(id) {
            return false;
        }
        used.insert(id.into(), now.saturating_add_seconds(LIFETIME));
        true
    }
}

/// The largest number of remembered assertions, all from the last ten minutes. Each assertion needed a ticket of its own.
const MAX_USED: usize = 50_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_use_of_an_assertion_is_refused() {
        let (used, now) = (UsedAssertions::default(), UnixTime::from_seconds(1_000));
        assert!(used.take("_1", now) && used.take("_2", now));
        assert!(!used.take("_1", now) && !used.take("_1", now.saturating_add_seconds(LIFETIME)));
    }

    #[test]
    fn full_memory_refuses_assertions_until_an_old_one_has_expired() {
        let (used, now) = (UsedAssertions::default(), UnixTime::from_seconds(1_000));
        assert!((0..MAX_USED).all(|number| used.take(&number.to_string(), now)));
        assert!(!used.take("new", now.saturating_add_seconds(LIFETIME)));
        assert!(used.take("new", now.saturating_add_seconds(LIFETIME.saturating_add(1))));
    }
}
