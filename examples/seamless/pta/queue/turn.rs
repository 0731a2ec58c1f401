//! Limits the number of a tenant's offers that wait for an agent.

use crate::user::Tenant;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The number of waiting offers of each tenant.
#[derive(Debug, Default)]
pub struct Turns(Mutex<HashMap<Tenant, usize>>);

/// A place among the waiting offers of a tenant. The place becomes free when this value is dropped.
#[derive(Debug)]
pub struct Turn<'q> {
    turns: &'q Turns,
    tenant: Tenant,
}

impl Turns {
    /// Returns a place, or `None` if [`MAX_WAITING`] offers of the tenant already wait.
    #[must_use]
    pub fn take(&self, tenant: &Tenant) -> Option<Turn<'_>> {
        let mut counts = self.counts();
        let count = counts.entry(tenant.clone()).or_default();
        *count = count.checked_add(1).filter(|count| *count <= MAX_WAITING)?;
        Some(Turn { turns: self, tenant: tenant.clone() })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Tenant, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut counts = self.turns.counts();
        let left = counts.get(&self.tenant).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            counts.remove(&self.tenant);
        } else {
            counts.insert(self.tenant.clone(), left);
        }
    }
}

/// The largest number of offers of one tenant that wait for an agent.
pub const MAX_WAITING: usize = 256;
