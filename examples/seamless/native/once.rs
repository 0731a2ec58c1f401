//! Assertions that were redeemed: each is good once, for as long as it could be used.

use super::assertion::LIFETIME;
use kerberos_sso::UnixTime;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The identifiers of used assertions, with the time at which they can be forgotten.
#[derive(Default)]
pub(super) struct UsedAssertions(Mutex<HashMap<String, UnixTime>>);

impl UsedAssertions {
    /// Whether this is the first use. A full memory forgets nothing: it takes no more.
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

/// Of the last ten minutes. Each cost its client a ticket.
const MAX_USED: usize = 50_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assertion_is_good_once() {
        let (used, now) = (UsedAssertions::default(), UnixTime::from_seconds(1_000));
        assert!(used.take("_1", now) && used.take("_2", now));
        assert!(!used.take("_1", now) && !used.take("_1", now.saturating_add_seconds(LIFETIME)));
    }

    #[test]
    fn a_full_memory_takes_no_more_until_something_ends() {
        let (used, now) = (UsedAssertions::default(), UnixTime::from_seconds(1_000));
        assert!((0..MAX_USED).all(|number| used.take(&number.to_string(), now)));
        assert!(!used.take("new", now.saturating_add_seconds(LIFETIME)));
        assert!(used.take("new", now.saturating_add_seconds(LIFETIME.saturating_add(1))));
    }
}
