//! The check that a key set does not contain an account twice.

use super::Account;
use crate::bounded_text::BoundedText;
use core::hash::BuildHasher;
use hashbrown::{DefaultHashBuilder, HashTable};
use thiserror::Error;

/// The error for two accounts of one key set with the same tenant, realm and name. The accounts are not merged, because
/// the keys of one account would then open tickets for the other account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
#[error(
    "the key set has two accounts {name} of realm {realm}; give both keys to one account, or label each with its tenant"
)]
pub struct DuplicateAccount {
    /// The realm of both accounts.
    pub realm: BoundedText,
    /// The name of both accounts.
    pub name: BoundedText,
}

impl DuplicateAccount {
    pub(super) fn of(account: &Account) -> Self {
        Self { realm: BoundedText::new(account.realm()), name: BoundedText::new(account.name()) }
    }
}

/// Returns an account that is in the list twice, if there is one.
pub(super) fn duplicate<'a>(accounts: &'a [Account], hasher: &DefaultHashBuilder) -> Option<&'a Account> {
    // The accounts, each with the hash of its realm, name and tenant.
    let mut seen: HashTable<(u64, &Account)> = HashTable::with_capacity(accounts.len());
    for account in accounts {
        let hash = hasher.hash_one((account.realm(), account.name(), account.tenant()));
        if seen.find(hash, |(_, held)| held.is_same_account(account)).is_some() {
            return Some(account);
        }
        seen.insert_unique(hash, (hash, account), |(hash, _)| *hash);
    }
    None
}
