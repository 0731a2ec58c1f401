//! The accounts of a server, found by realm.
//!
//! A server may serve a million realms, and most of them have one account here. These accounts are in a table of pointers,
//! and each account knows its realm. A realm with more accounts also has a table of services.

use super::{Account, Keytab, KeytabError};
use crate::crypto::Cipher;
use crate::limits::MAX_REALM_LENGTH;
use crate::wire::krb5::PrincipalName;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::BuildHasher;
use core::sync::atomic::{AtomicUsize, Ordering};
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

/// All accounts whose keys a server holds: any number of realms, accounts in a realm, and keys in an account.
///
/// ```
/// use kerberos_sso::{ComputerAccount, KeySet, Password};
///
/// let (old, new) = (Password::from_text("Sso.Key.One.2026!"), Password::from_text("Sso.Key.Two.2026!"));
/// let account = ComputerAccount::new("AZUREADSSOACC$", "CONTOSO.TEST");
/// let keys = KeySet::new()
///     .with_account(account.with_password(&old, Some(3)))
///     .with_account(account.with_password(&new, Some(4)));
///
/// let account = keys.account("CONTOSO.TEST", "AZUREADSSOACC$").ok_or("no such account")?;
/// assert!(account.keys().iter().any(|key| key.kvno() == Some(3)));
/// assert!(account.keys().iter().any(|key| key.kvno() == Some(4)));
/// # Ok::<(), &str>(())
/// ```
///
/// A key set that a validator uses does not change. After a rollover, build another key set and give it to
/// [`Validator::with_keys`](crate::Validator::with_keys).
///
/// A ticket costs the same work with one account as with a million. An account of two versions of three keys takes less than
/// 400 octets until a ticket verifies under one of its keys. The key set then prepares that key and keeps the result, about
/// 1.5 kB, for at most 32,768 keys ([`with_prepared_keys`](Self::with_prepared_keys)). Tickets that do not verify cannot make
/// it grow.
///
/// To drop a million accounts takes about a second, because their keys are overwritten. The last holder of the key set does
/// this work, and that may be a request that was decided during a rollover. A server of many accounts should keep an `Arc` of
/// the old set until [`Arc::strong_count`] returns 1, and drop it on a thread of its own.
#[derive(Debug)]
pub struct KeySet {
    /// Each account that is the only one of its realm.
    single: HashTable<Arc<Account>>,
    /// The other accounts, by the octets of their realm.
    shared: HashMap<Box<[u8]>, Accounts>,
    hasher: DefaultHashBuilder,
    /// The number of keys that may still be prepared and kept.
    preparable: AtomicUsize,
}

/// The accounts of one realm.
#[derive(Clone, Copy, Debug)]
pub(super) enum Realm<'k> {
    Single(&'k Arc<Account>),
    Shared(&'k Accounts),
}

/// Two or more accounts of one realm.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    all: Vec<Arc<Account>>,
    /// The accounts, by the names of their services and by their own names, in lower case.
    by_service: HashMap<Box<str>, Vec<Arc<Account>>>,
}

impl<'k> Realm<'k> {
    pub(super) fn accounts(self) -> &'k [Arc<Account>] {
        match self {
            Self::Single(account) => core::slice::from_ref(account),
            Self::Shared(accounts) => &accounts.all,
        }
    }

    /// Returns the accounts that name this service. A single account of a realm is not asked.
    ///
    /// Letters of ASCII match in any case, as in Active Directory. In other realms this does no harm: it only decides which
    /// keys are tried first.
    pub(super) fn with_service(self, service: PrincipalName<'_>) -> &'k [Arc<Account>] {
        let Self::Shared(accounts) = self else { return &[] };
        let mut buffer = [0; MAX_SERVICE_LENGTH];
        lower_case(service, &mut buffer).and_then(|service| accounts.by_service.get(service)).map_or(&[], Vec::as_slice)
    }
}

impl Accounts {
    fn add(&mut self, account: Arc<Account>) {
        for service in account.services().chain([account.name()]) {
            let same_service = self.by_service.entry(service.to_ascii_lowercase().into()).or_default();
            if !same_service.iter().any(|listed| Arc::ptr_eq(listed, &account)) {
                same_service.push(Arc::clone(&account));
            }
        }
        self.all.push(account);
    }
}

/// Returns the components of a name joined with `/`, in lower case, or `None` for a name that is longer than any service's.
fn lower_case<'b>(service: PrincipalName<'_>, buffer: &'b mut [u8; MAX_SERVICE_LENGTH]) -> Option<&'b str> {
    let mut length = 0_usize;
    for (index, component) in service.components().enumerate() {
        for part in [if index > 0 { "/" } else { "" }, component] {
            let end = length.checked_add(part.len())?;
            buffer.get_mut(length..end)?.copy_from_slice(part.as_bytes());
            length = end;
        }
    }
    let name = buffer.get_mut(..length)?;
    name.make_ascii_lowercase();
    core::str::from_utf8(name).ok()
}

impl KeySet {
    /// Makes a key set without accounts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an account. If the set holds one of the same name and realm, the two become one, with the keys of both. To add very
    /// many accounts, collect them into a key set.
    #[must_use]
    pub fn with_account(mut self, account: Account) -> Self {
        let mut of_realm = self.take_realm(account.realm());
        match of_realm.iter_mut().find(|held| held.name() == account.name()) {
            Some(held) => held.merge(account),
            None => of_realm.push(account),
        }
        for account in of_realm {
            self.add(account);
        }
        self
    }

    /// Makes a key set of the accounts in an MIT keytab. Each account vouches for its own realm. Entries of types that this crate
    /// does not support are left out.
    ///
    /// # Errors
    /// [`KeytabError`] if the octets are no keytab.
    pub fn from_keytab(keytab: &[u8]) -> Result<Self, KeytabError> {
        Ok(Keytab::parse(keytab)?.accounts().into_iter().collect())
    }

    /// Sets how many keys at most are kept prepared for tickets, about 1.5 kB each. A key that is not kept is prepared for every
    /// request, which then takes a tenth longer. A prepared key stays as long as the set.
    #[must_use]
    pub fn with_prepared_keys(self, keys: usize) -> Self {
        Self { preparable: AtomicUsize::new(keys), ..self }
    }

    /// Returns all accounts, in no particular order.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        let shared = self.shared.values().flat_map(|accounts| &accounts.all);
        self.single.iter().chain(shared).map(|account| &**account)
    }

    /// Returns whether the set holds no account.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.realm_count() == 0
    }

    /// Returns the account `name` of `realm`.
    #[must_use]
    pub fn account(&self, realm: &str, name: &str) -> Option<&Account> {
        self.realm(realm.as_bytes())?.accounts().iter().find(|account| account.name() == name).map(|account| &**account)
    }

    /// Returns the accounts of a realm, by the octets that an unencrypted field of a ticket has for it.
    pub(super) fn realm(&self, realm: &[u8]) -> Option<Realm<'_>> {
        let single = self.single.find(self.hasher.hash_one(realm), |account| account.realm().as_bytes() == realm);
        single.map(Realm::Single).or_else(|| self.shared.get(realm).map(Realm::Shared))
    }

    pub(super) fn realm_count(&self) -> usize {
        // Both count accounts in memory: nothing saturates.
        self.single.len().saturating_add(self.shared.len())
    }

    /// Keeps the prepared form of a key, if one more may be kept. A ticket has verified under the key.
    pub(super) fn keep_prepared(&self, account: &Account, key: usize, ticket_cipher: Cipher) {
        let one_less = |preparable: usize| preparable.checked_sub(1);
        if self.preparable.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok()
            && !account.keep_prepared(key, ticket_cipher)
        {
            self.preparable.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the spelling of a held realm that differs from `realm` in the case of letters only. It looks for all upper and all
    /// lower case, as realms are written. A search through every realm would let any client cause that work.
    pub(super) fn other_case_of(&self, realm: &[u8]) -> Option<&str> {
        [<[u8]>::make_ascii_uppercase, <[u8]>::make_ascii_lowercase].iter().find_map(|change_case| {
            let mut buffer = [0; MAX_REALM_LENGTH];
            let spelling = buffer.get_mut(..realm.len())?;
            spelling.copy_from_slice(realm);
            change_case(spelling);
            if spelling == realm {
                return None;
            }
            Some(self.realm(spelling)?.accounts().first()?.realm())
        })
    }

    /// Takes the accounts of a realm out of the set.
    fn take_realm(&mut self, realm: &str) -> Vec<Account> {
        let shared = self.shared.remove(realm.as_bytes()).map(|accounts| accounts.all);
        let held = shared.unwrap_or_else(|| {
            let single = self.single.find_entry(self.hasher.hash_one(realm.as_bytes()), |held| held.realm() == realm);
            // A realm that is not held has no accounts.
            single.map_or_else(|_| Vec::new(), |single| Vec::from([single.remove().0]))
        });
        // The prepared forms of their keys are dropped, so as many other keys may be prepared.
        let prepared = held.iter().map(|account| account.prepared_count()).sum::<usize>();
        self.preparable.fetch_add(prepared, Ordering::Relaxed);
        // An accepted request may still hold the account.
        held.into_iter()
            .map(|account| Arc::try_unwrap(account).map_or_else(|held| held.copy(), Account::without_prepared))
            .collect()
    }

    /// Adds an account that is not held yet.
    fn add(&mut self, account: Account) {
        let account = Arc::new(account);
        let hash = self.hasher.hash_one(account.realm().as_bytes());
        if let Some(accounts) = self.shared.get_mut(account.realm().as_bytes()) {
            return accounts.add(account);
        }
        match self.single.find_entry(hash, |other| other.realm() == account.realm()) {
            Ok(other) => {
                let accounts = self.shared.entry(account.realm().as_bytes().into()).or_default();
                accounts.add(other.remove().0);
                accounts.add(account);
            }
            Err(_) => {
                self.single.insert_unique(hash, account, |other| self.hasher.hash_one(other.realm().as_bytes()));
            }
        }
    }
}

impl Default for KeySet {
    fn default() -> Self {
        Self {
            single: HashTable::new(),
            shared: HashMap::new(),
            hasher: DefaultHashBuilder::default(),
            preparable: AtomicUsize::new(PREPARED_KEYS),
        }
    }
}

/// Accounts of the same name and realm become one, with the keys of all.
impl FromIterator<Account> for KeySet {
    fn from_iter<T: IntoIterator<Item = Account>>(accounts: T) -> Self {
        let mut set = Self::default();
        for account in merged(accounts, &set.hasher) {
            set.add(account);
        }
        set
    }
}

/// Merges the accounts of the same name and realm.
fn merged(accounts: impl IntoIterator<Item = Account>, hasher: &DefaultHashBuilder) -> Vec<Account> {
    let accounts = accounts.into_iter();
    let mut merged: Vec<Account> = Vec::with_capacity(accounts.size_hint().0);
    // The hash of each account's realm and name, and its index in `merged`.
    let mut indices: HashTable<(u64, usize)> = HashTable::with_capacity(accounts.size_hint().0);
    for account in accounts {
        let hash = hasher.hash_one((account.realm(), account.name()));
        let same = |held: &Account| held.realm() == account.realm() && held.name() == account.name();
        let index = indices.find(hash, |(_, index)| merged.get(*index).is_some_and(same)).map(|(_, index)| *index);
        if let Some(held) = index.and_then(|index| merged.get_mut(index)) {
            held.merge(account);
            continue;
        }
        indices.insert_unique(hash, (hash, merged.len()), |(hash, _)| *hash);
        merged.push(account);
    }
    merged
}

/// Prepared keys take at most 50 MB with this limit. Most services have fewer accounts that sign in within one day.
const PREPARED_KEYS: usize = 32_768;

/// The octets of a service, a host's name of 255 octets, and a port. No longer service name is looked up.
const MAX_SERVICE_LENGTH: usize = 320;
