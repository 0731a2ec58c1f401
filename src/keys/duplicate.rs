//! The check that no account comes twice in a key set.

use super::Account;
use crate::bounded_text::BoundedText;
use core::hash::BuildHasher;
use hashbrown::{DefaultHashBuilder, HashTable};
use thiserror::Error;

/// Two accounts of one key set have the same tenant, realm and name. They are not merged: each source would add its keys to the
/// other's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
#[error(
    "the key set has two accounts {name} of realm {realm}; give both keys to one account, or label each with its tenant"
)]
pub struct DuplicateAccount {
    /// The realm of both.
    pub realm: BoundedText,
    /// The name of both.
    pub name: BoundedText,
}

impl DuplicateAccount {
    pub(super) fn of(account: &Account) -> Self {
        Self { realm: BoundedText::new(account.realm()), name: BoundedText::new(account.name()) }
    }
}

/// Returns an account that comes twice.
pub(super) fn duplicate<'a>(accounts: &'a [Account], hasher: &DefaultHashBuilder) -> Option<&'a Account> {
    // The hash of each account's realm and name, and the account.
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
