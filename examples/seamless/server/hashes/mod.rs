//! Sign-in by password hash synchronisation: the server checks a password with a verifier that a source in the organisation's
//! network sent, so users can sign in while the directory cannot be reached.
//!
//! - [`table`] keeps the records that the sources send. [`names`] finds the record for a name, [`objects`] limits the number of
//!   records, and [`sources`] knows which source sends which domain.
//! - [`check`] checks a password with a verifier.
//!
//! A record is sealed twice: with the secret of the store, like every entry, and with a key from a separate file. So an attacker
//! who copies the store and its secret still cannot read a verifier.

mod check;
mod names;
mod objects;
mod packed;
mod sources;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use check::{Checked, Checks, Derived, Unchecked};
#[cfg(test)]
pub(crate) use sources::Synchronised;
pub(crate) use table::{Limits, Sender, Table};

use crate::config::Config;
use crate::store::{Records, Secret};
use seamless_phs::Rules;
use std::collections::HashMap;

/// The tables of the tenants that use verifiers, by the names of the tenants in small letters.
#[derive(Clone, Default)]
pub(crate) struct Tables(HashMap<String, Table>);

impl Tables {
    /// Makes the tables, and reads their keys.
    pub(crate) fn of_config(config: &Config, records: &Records) -> Result<Self, String> {
        let mut tables = HashMap::new();
        for tenant in &config.tenants {
            let Some(hashes) = tenant.hashes() else { continue };
            let rules = Rules {
                domains: tenant.domain_sids.clone(),
                built_in_accounts: hashes.built_in_accounts,
                min_iterations: hashes.min_iterations,
            };
            let key = Secret::read(&hashes.key)?;
            let names = (&*tenant.name, &*tenant.realm);
            let (max_hours, max_accounts) = (hashes.max_age_hours.into(), hashes.max_accounts.into());
            let table = Table::new(names, records.clone(), key, rules, Limits { max_hours, max_accounts });
            tables.insert(tenant.name.to_ascii_lowercase(), table);
        }
        Ok(Self(tables))
    }

    pub(crate) fn get(&self, tenant: &str) -> Option<&Table> {
        self.0.get(&tenant.to_ascii_lowercase())
    }
}
