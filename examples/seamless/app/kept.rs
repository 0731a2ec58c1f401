//! A store in memory for the sign-ins that have begun, and for the sessions. Each entry has a limited lifetime.

use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// Values under random names. Each value has the same lifetime. If there are too many values, the oldest one is
/// removed.
///
/// The store has only the digest of each name. Therefore, the duration of a search does not reveal a name, and the
/// memory does not contain the names.
pub(crate) struct Kept<V> {
    values: Mutex<Values<V>>,
    lifetime: Duration,
    capacity: usize,
}

struct Values<V> {
    by_name: HashMap<Name, Value<V>>,
    /// The names in the order of their insertion, which is also the order in which they expire. The store may have
    /// removed the value of a name in this list.
    in_order: VecDeque<(SystemTime, Name)>,
}

struct Value<V> {
    value: V,
    until: SystemTime,
}

type Name = [u8; 32];

impl<V> Kept<V> {
    pub(crate) fn new(lifetime: Duration, capacity: usize) -> Self {
        let values = Values { by_name: HashMap::new(), in_order: VecDeque::new() };
        Self { values: Mutex::new(values), lifetime, capacity }
    }

    /// Keeps a value under `name`. The caller must choose a name that is random and not in use.
    pub(crate) fn put(&self, name: &str, value: V, now: SystemTime) {
        let Some(until) = now.checked_add(self.lifetime) else { return };
        let mut values = self.values();
        while values.in_order.len() >= self.capacity || values.in_order.front().is_some_and(|(until, _)| *until <= now)
        {
            let Some((_, oldest)) = values.in_order.pop_front() else { break };
            values.by_name.remove(&oldest);
        }
        let name = digest(name);
        values.in_order.push_back((until, name));
        values.by_name.insert(name, Value { value, until });
    }

    /// Returns a copy of the value of `name`, if its lifetime has not ended.
    pub(crate) fn get(&self, name: &str, now: SystemTime) -> Option<V>
    where
        V: Clone,
    {
        let values = self.values();
        values.by_name.get(&digest(name)).filter(|value| now < value.until).map(|value| value.value.clone())
    }

    /// Removes the value of `name`, and returns it if its lifetime has not ended.
    pub(crate) fn take(&self, name: &str, now: SystemTime) -> Option<V> {
        let mut values = self.values();
        values.by_name.remove(&digest(name)).filter(|value| now < value.until).map(|value| value.value)
    }

    /// Removes the values for which `is_meant` returns true, and returns how many were removed.
    pub(crate) fn forget(&self, is_meant: impl Fn(&V) -> bool) -> usize {
        let mut values = self.values();
        let before = values.by_name.len();
        values.by_name.retain(|_, value| !is_meant(&value.value));
        before.saturating_sub(values.by_name.len())
    }

    fn values(&self) -> MutexGuard<'_, Values<V>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(name: &str) -> Name {
    Sha256::digest(name).into()
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn at(seconds: u64) -> SystemTime {
        NOW + Duration::from_secs(seconds)
    }

    #[test]
    fn value_is_found_until_its_lifetime_ends() {
        let kept = Kept::new(Duration::from_mins(1), 9);
        kept.put("a", 1, NOW);
        assert_eq!((kept.get("a", at(59)), kept.get("a", at(60)), kept.take("a", at(60))), (Some(1), None, None));
    }

    #[test]
    fn value_is_taken_once() {
        let kept = Kept::new(Duration::from_mins(1), 9);
        kept.put("a", 1, NOW);
        assert_eq!((kept.take("a", NOW), kept.take("a", NOW), kept.get("a", NOW)), (Some(1), None, None));
    }

    #[test]
    fn values_for_which_the_condition_is_true_are_forgotten() {
        let kept = Kept::new(Duration::from_mins(1), 9);
        for (name, value) in [("a", 1), ("b", 2), ("c", 1)] {
            kept.put(name, value, NOW);
        }
        assert_eq!((kept.forget(|value| *value == 1), kept.forget(|value| *value == 1)), (2, 0));
        assert_eq!((kept.get("a", NOW), kept.get("b", NOW), kept.get("c", NOW)), (None, Some(2), None));
    }

    #[test]
    fn expired_value_is_dropped_when_another_value_is_put() {
        let kept = Kept::new(Duration::from_mins(1), 9);
        kept.put("a", 1, NOW);
        kept.put("b", 2, at(60));
        assert_eq!(kept.values().by_name.len(), 1);
        assert_eq!(kept.values().in_order.len(), 1);
        assert_eq!(kept.get("b", at(60)), Some(2));
    }

    #[test]
    fn oldest_value_is_removed_when_there_are_too_many() {
        let kept = Kept::new(Duration::from_mins(1), 2);
        for (name, value) in [("a", 1), ("b", 2), ("c", 3)] {
            kept.put(name, value, NOW);
        }
        assert_eq!((kept.get("a", NOW), kept.get("b", NOW), kept.get("c", NOW)), (None, Some(2), Some(3)));
        assert_eq!(kept.values().by_name.len(), 2);
    }
}
