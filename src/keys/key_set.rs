//! The accounts of a server, indexed by realm.
//!
//! A server may have accounts of a million realms, most of them with one account. Such single accounts are in a table
//! of pointers, and the realm is stored only in the account. A realm with several accounts also has a table of
//! services.

use super::Account;
use super::duplicate::{DuplicateAccount, duplicate};
use super::trust::{Bounds, OwnedBounds, SharedKey};
use crate::crypto::Cipher;
use crate::limits::MAX_REALM_LENGTH;
use crate::time::UnixTime;
use crate::wire::krb5::PrincipalName;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::BuildHasher;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};
use hashbrown::{DefaultHashBuilder, HashMap, HashSet, HashTable};

/// The accounts whose keys a server holds. The numbers of realms, of accounts in a realm, and of keys in an account are
/// not limited.
///
/// ```
/// use kerberos_sso::{ComputerAccount, KeySet, Password, UnixTime};
///
/// let account = ComputerAccount::new("AZUREADSSOACC$", "CONTOSO.TEST");
/// let before = account.with_password(&Password::from_text("Sso.Key.One.2026!"), Some(3));
/// let old = KeySet::from(before);
///
/// // After a rollover, tickets with the old keys are valid for at most ten hours.
/// let now = UnixTime::from_seconds(1_795_000_000); // a server passes SystemTime::now()
/// let after = account.with_password(&Password::from_text("Sso.Key.Two.2026!"), Some(4));
/// let keys = KeySet::from(after).with_retiring_keys(&old, now.saturating_add_seconds(10 * 60 * 60));
/// # let account = keys.account("CONTOSO.TEST", "AZUREADSSOACC$").ok_or("no such account")?;
/// # assert!(account.keys().iter().any(|key| key.kvno() == Some(3) && key.not_after().is_some()));
/// # assert!(account.keys().iter().any(|key| key.kvno() == Some(4) && key.not_after().is_none()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A validator does not change its key set. After a rollover, pass the new key set to
/// [`Validator::with_keys`](crate::Validator::with_keys).
///
/// The work for a ticket does not depend on the number of accounts. An account with two versions of three keys takes
/// less than 400 octets until a ticket verifies with one of its keys. The key set then prepares that key and keeps the
/// prepared form, about 1.5 kB. The set keeps the prepared forms of at most 32,768 keys
/// ([`with_prepared_keys`](Self::with_prepared_keys)). A ticket that does not verify does not use memory of the key
/// set.
///
/// Dropping a million accounts takes about a second, because their keys are overwritten. The last holder of the key set
/// does this work, and the last holder may be a request that was decided during a rollover. A server with many accounts
/// should keep an `Arc` of the old set until [`Arc::strong_count`] returns 1, and then drop the set in a separate
/// thread.
#[derive(Debug)]
pub struct KeySet {
    /// The accounts that are the only account of their realm.
    single: HashTable<Arc<Account>>,
    /// The other accounts, indexed by the octets of their realm.
    shared: HashMap<Box<[u8]>, Accounts>,
    /// Accounts of earlier key sets that share a key with an account of this set. Their keys do not open tickets any
    /// more, but their bounds still apply to the shared keys.
    gone: Vec<Arc<Account>>,
    hasher: DefaultHashBuilder,
    /// The number of prepared forms that may still be kept.
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
    /// The accounts, indexed by the names of their services and by their own names, in lower case.
    by_service: HashMap<Box<str>, Vec<Arc<Account>>>,
}

impl<'k> Realm<'k> {
    pub(super) fn accounts(self) -> &'k [Arc<Account>] {
        match self {
            Self::Single(account) => core::slice::from_ref(account),
            Self::Shared(accounts) => &accounts.all,
        }
    }

    /// Returns the accounts that name this service. For a realm with a single account, the list is empty.
    ///
    /// The case of ASCII letters is ignored, as in Active Directory. In other realms, a match of another case does no
    /// harm, because the list only determines which keys are tried first.
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

/// Returns the components of a name joined with `/`, in lower case. Returns `None` if the name is longer than
/// [`MAX_SERVICE_LENGTH`].
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

    /// Makes a key set from accounts.
    ///
    /// Accounts of several tenants may have the same realm and name. Each account then has its own keys, and
    /// [`Accepted::tenant`](crate::Accepted::tenant) returns its label. If accounts share a key, a ticket with this key
    /// must satisfy the bounds of all these accounts. Otherwise the client could choose the account, because the
    /// service's name and realm in a ticket are not protected.
    ///
    /// # Errors
    /// Returns [`DuplicateAccount`] if two accounts have the same tenant, realm and name.
    pub fn from_accounts(accounts: impl IntoIterator<Item = Account>) -> Result<Self, DuplicateAccount> {
        let set = Self::default();
        let accounts: Vec<Account> = accounts.into_iter().collect();
        match duplicate(&accounts, &set.hasher) {
            Some(account) => Err(DuplicateAccount::of(account)),
            None => Ok(set.with_all(accounts)),
        }
    }

    /// Adds an account. To add many accounts, use [`from_accounts`](Self::from_accounts).
    ///
    /// # Errors
    /// Returns [`DuplicateAccount`] if the set already holds an account with the same tenant, realm and name. To add
    /// keys to an account, use [`Account::with_keys`]. For a key rollover, use
    /// [`with_retiring_keys`](Self::with_retiring_keys).
    pub fn with_account(mut self, account: Account) -> Result<Self, DuplicateAccount> {
        if self.same_account(&account).is_some() {
            return Err(DuplicateAccount::of(&account));
        }
        let gone = self.gone.iter().map(|account| &**account);
        if self.accounts().chain(gone).any(|held| account.keys().iter().any(|key| held.holds(key))) {
            let mut accounts = self.take_all();
            accounts.push(account);
            return Ok(self.with_all(accounts));
        }
        self.add(account);
        Ok(self)
    }

    /// Adds the keys that `old` has for the accounts of this set, for a key rollover. The added keys open tickets until
    /// `last`, or until their own end if their end is earlier. Two accounts are the same account if their tenants,
    /// realms and names are equal. If an account has a tenant label in one set only, an equal realm and name suffice.
    /// Each set must then have only one account of that name.
    ///
    /// An account that only `old` has is not added. However, the account's bounds still apply to every key that the account
    /// shares with an account of this set. The bounds apply even if the old account's key no longer opens tickets.
    /// Therefore add all accounts before you call this function. If both sets have an account, the bounds of this set
    /// apply.
    ///
    /// Keys that no longer open tickets stay in the set. To remove such keys, make a new set without `old`.
    ///
    /// For `last`, use the time at which the longest ticket ends: the present time plus
    /// [`Policy::max_ticket_lifetime`](crate::Policy::max_ticket_lifetime) plus the clock skew.
    #[must_use]
    pub fn with_retiring_keys(mut self, old: &Self, last: UnixTime) -> Self {
        let accounts = self.take_all();
        let before = accounts_before(old, &accounts);
        let replaced: HashSet<*const Account> = before.iter().flatten().map(|before| ptr::from_ref(*before)).collect();
        let accounts = accounts.into_iter().zip(before).map(|(account, before)| match before {
            Some(before) => account.with_retiring_keys(before, last),
            None => account,
        });
        let accounts: Vec<Account> = accounts.collect();
        let not_replaced = old.all_accounts().filter(|account| !replaced.contains(&Arc::as_ptr(account)));
        self.gone.extend(not_replaced.chain(&old.gone).map(Arc::clone));
        self.with_all(accounts)
    }

    /// Sets the greatest number of keys whose prepared forms are kept, about 1.5 kB for each key. Without a kept form,
    /// the server prepares the key for every request, which then takes a tenth longer. The set keeps a prepared form until
    /// the set is dropped.
    #[must_use]
    pub fn with_prepared_keys(self, keys: usize) -> Self {
        Self { preparable: AtomicUsize::new(keys), ..self }
    }

    /// Returns all accounts, in no particular order.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.all_accounts().map(|account| &**account)
    }

    /// Returns whether the set has no account.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.realm_count() == 0
    }

    /// Returns the account `name` of `realm`. If several tenants have such an account, the function returns the first of
    /// these accounts.
    #[must_use]
    pub fn account(&self, realm: &str, name: &str) -> Option<&Account> {
        self.realm(realm.as_bytes())?.accounts().iter().find(|account| account.name() == name).map(|account| &**account)
    }

    /// Returns the accounts of a realm. The octets of the realm may come from an unencrypted field of a ticket.
    pub(super) fn realm(&self, realm: &[u8]) -> Option<Realm<'_>> {
        let single = self.single.find(self.hasher.hash_one(realm), |account| account.realm().as_bytes() == realm);
        single.map(Realm::Single).or_else(|| self.shared.get(realm).map(Realm::Shared))
    }

    /// Returns the realms, in no particular order.
    pub(super) fn realms(&self) -> impl Iterator<Item = &str> {
        let shared = self.shared.values().filter_map(|accounts| accounts.all.first());
        self.single.iter().chain(shared).map(|account| account.realm())
    }

    pub(super) fn realm_count(&self) -> usize {
        // The addition does not saturate, because both numbers count accounts in memory.
        self.single.len().saturating_add(self.shared.len())
    }

    /// Keeps the prepared form of a key, unless the limit is reached. The caller must have verified a ticket with the
    /// key.
    pub(super) fn keep_prepared(&self, account: &Account, key: usize, ticket_cipher: Cipher) {
        let one_less = |preparable: usize| preparable.checked_sub(1);
        if self.preparable.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok()
            && !account.keep_prepared(key, ticket_cipher)
        {
            self.preparable.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns a held realm that differs from `realm` only in the case of letters, if there is one. The function tries
    /// upper case and lower case only, because any client could otherwise cause a search of all realms.
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

    /// Returns the held account with the same tenant, realm and name.
    fn same_account(&self, account: &Account) -> Option<&Account> {
        let of_realm = self.realm(account.realm().as_bytes())?.accounts();
        of_realm.iter().map(|held| &**held).find(|held| held.is_same_account(account))
    }

    fn all_accounts(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.single.iter().chain(self.shared.values().flat_map(|accounts| &accounts.all))
    }

    /// Removes all accounts from the set, and returns them.
    fn take_all(&mut self) -> Vec<Account> {
        let shared = self.shared.drain().flat_map(|(_, accounts)| accounts.all);
        let held: Vec<Arc<Account>> = self.single.drain().chain(shared).collect();
        // The removed accounts lose their prepared forms, so the same number of prepared forms may be kept again.
        let prepared = held.iter().map(|account| account.prepared_count()).sum::<usize>();
        self.preparable.fetch_add(prepared, Ordering::Relaxed);
        // An accepted request may still hold an account. Such an account is copied.
        held.into_iter()
            .map(|account| Arc::try_unwrap(account).map_or_else(|held| held.copy(), Account::without_prepared))
            .collect()
    }

    /// Adds accounts to a set without accounts. No two accounts may be the same account.
    pub(super) fn with_all(mut self, mut accounts: Vec<Account>) -> Self {
        bind_sharers(&mut accounts, &mut self.gone, &self.hasher);
        for account in accounts {
            self.add(account);
        }
        self
    }

    /// Adds an account that the set does not hold yet.
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
            gone: Vec::new(),
            hasher: DefaultHashBuilder::default(),
            preparable: AtomicUsize::new(PREPARED_KEYS),
        }
    }
}

/// Makes the key set of one account.
impl From<Account> for KeySet {
    fn from(account: Account) -> Self {
        Self::default().with_all(Vec::from([account]))
    }
}

/// Accounts indexed by realm and name. A list contains the accounts of all tenants with that realm and name.
type ByName<'k> = HashMap<(&'k str, &'k str), Vec<&'k Account>>;

fn by_name<'k>(accounts: impl IntoIterator<Item = &'k Account>) -> ByName<'k> {
    let mut by_name = ByName::new();
    for account in accounts {
        by_name.entry((account.realm(), account.name())).or_default().push(account);
    }
    by_name
}

/// For each account of a new set, returns the same account in an old set, if there is one.
fn accounts_before<'k>(old: &'k KeySet, accounts: &[Account]) -> Vec<Option<&'k Account>> {
    let (old, new) = (by_name(old.accounts()), by_name(accounts));
    accounts.iter().map(|account| before(&old, &new, account)).collect()
}

/// Returns the account of an old set that has the realm, name and tenant of `account`, which is in a new set. The
/// tenants may differ if one of the two accounts has no label, and each set has only one account of that realm and
/// name. This exception is for a server that begins to label its accounts.
fn before<'k>(old: &ByName<'k>, new: &ByName<'_>, account: &Account) -> Option<&'k Account> {
    let name = (account.realm(), account.name());
    let of_name = old.get(&name)?;
    let same = of_name.iter().find(|held| held.tenant() == account.tenant());
    let only = || match (of_name.as_slice(), new.get(&name)?.as_slice()) {
        ([only], [_]) if only.tenant().is_none() || account.tenant().is_none() => Some(only),
        _ => None,
    };
    same.or_else(only).copied()
}

/// Gives each account the bounds of all accounts that hold one of its keys. An account in `gone` stays there only if it
/// shares a key with an account in `accounts`.
fn bind_sharers(accounts: &mut [Account], gone: &mut Vec<Arc<Account>>, hasher: &DefaultHashBuilder) {
    let all: Vec<&Account> = accounts.iter().chain(gone.iter().map(|account| &**account)).collect();
    let mut shared_keys: Vec<Vec<SharedKey>> = accounts.iter().map(|_| Vec::new()).collect();
    let mut still_bind: Vec<bool> = gone.iter().map(|_| false).collect();
    for holders in holders_of_shared_keys(&all, hasher) {
        let is_held = holders.iter().any(|(account, _)| *account < accounts.len());
        if !is_held {
            continue;
        }
        let former = holders.iter().filter_map(|(account, _)| account.checked_sub(accounts.len()));
        for index in former {
            if let Some(still_binds) = still_bind.get_mut(index) {
                *still_binds = true;
            }
        }
        let different = different_bounds(&all, &holders);
        if different.len() > 1 {
            let bounds: Arc<[OwnedBounds]> = different.into_iter().map(Bounds::to_owned).collect();
            for (account, index) in holders {
                // The accounts of `gone` have the last indices, and no entry here: their keys do not open tickets.
                if let Some(shared) = shared_keys.get_mut(account) {
                    shared.push(SharedKey { index, bounds: Arc::clone(&bounds) });
                }
            }
        }
    }
    for (account, shared) in accounts.iter_mut().zip(shared_keys) {
        account.set_shared_keys(shared);
    }
    let mut still_bind = still_bind.into_iter();
    gone.retain(|_| still_bind.next() == Some(true));
}

/// Returns the bounds of the holders of one key, without duplicates.
fn different_bounds<'a>(accounts: &[&'a Account], holders: &[Holder]) -> Vec<Bounds<'a>> {
    let mut different: Vec<Bounds<'a>> = Vec::new();
    for bounds in holders.iter().filter_map(|(account, _)| accounts.get(*account)).map(|account| account.bounds()) {
        if !different.iter().any(|held| held.same(bounds)) {
            different.push(bounds);
        }
    }
    different
}

/// An account and one of its keys, by their indices.
type Holder = (usize, usize);

/// Returns the holders of each key that several accounts hold.
fn holders_of_shared_keys(accounts: &[&Account], hasher: &DefaultHashBuilder) -> Vec<Vec<Holder>> {
    let key_of = |(account, key): Holder| accounts.get(account)?.keys().get(key);
    // The first holder of each key, with the hash of the key.
    let mut first_holders: HashTable<(u64, Holder)> = HashTable::new();
    let mut shared: HashMap<(u64, Holder), Vec<Holder>> = HashMap::new();
    for (index, account) in accounts.iter().enumerate() {
        for (key_index, key) in account.keys().iter().enumerate() {
            let (hash, holder) = (hasher.hash_one((key.etype().0, key.secret())), (index, key_index));
            let holds = |&(other_hash, other): &(u64, Holder)| {
                other_hash == hash && key_of(other).is_some_and(|other| other.same_key(key))
            };
            match first_holders.find(hash, holds) {
                Some((_, first)) => shared.entry((hash, *first)).or_insert_with(|| Vec::from([*first])).push(holder),
                None => {
                    first_holders.insert_unique(hash, (hash, holder), |(hash, _)| *hash);
                }
            }
        }
    }
    shared.into_values().collect()
}

/// The default number of prepared forms that a key set keeps. With this limit, the prepared forms take at most 50 MB.
/// Most servers receive tickets for fewer accounts.
const PREPARED_KEYS: usize = 32_768;

/// The greatest length, in octets, of a service name that a key set looks up. This length suffices for a service class,
/// a host name of 255 octets, and a port.
const MAX_SERVICE_LENGTH: usize = 320;
