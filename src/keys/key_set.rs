//! The accounts of a server, found by realm.
//!
//! A server may serve a million realms, and most of them have one account here. These accounts are in a table of pointers,
//! and each account knows its realm. A realm with more accounts also has a table of services.

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

/// All accounts whose keys a server holds: any number of realms, accounts in a realm, and keys in an account.
///
/// ```
/// use kerberos_sso::{ComputerAccount, KeySet, Password, UnixTime};
///
/// let account = ComputerAccount::new("AZUREADSSOACC$", "CONTOSO.TEST");
/// let before = account.with_password(&Password::from_text("Sso.Key.One.2026!"), Some(3));
/// let old = KeySet::from(before);
///
/// // A rollover: tickets under the old keys last for ten hours at most.
/// let now = UnixTime::from_seconds(1_795_000_000); // a server passes SystemTime::now()
/// let after = account.with_password(&Password::from_text("Sso.Key.Two.2026!"), Some(4));
/// let keys = KeySet::from(after).with_retiring_keys(&old, now.saturating_add_seconds(10 * 60 * 60));
/// # let account = keys.account("CONTOSO.TEST", "AZUREADSSOACC$").ok_or("no such account")?;
/// # assert!(account.keys().iter().any(|key| key.kvno() == Some(3) && key.not_after().is_some()));
/// # assert!(account.keys().iter().any(|key| key.kvno() == Some(4) && key.not_after().is_none()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A key set that a validator uses does not change. After a rollover, give the new key set to
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
    /// Accounts of key sets before. They share a key with an account above, and serve nobody: only their bounds still hold.
    gone: Vec<Arc<Account>>,
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

    /// Makes a key set of accounts.
    ///
    /// Accounts of several tenants may have the same realm and name: each keeps its own keys, and its label comes out with the
    /// verdict. If accounts share a key, a ticket under it must satisfy the bounds of all of them: the client chooses by which
    /// account its ticket is judged, since nothing protects the service's name and realm in a ticket.
    ///
    /// # Errors
    /// [`DuplicateAccount`] if two accounts have the same tenant, realm and name.
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
    /// [`DuplicateAccount`] if the set holds an account of the same tenant, realm and name. To give an account more keys, use
    /// [`Account::with_keys`]; for a key rollover, [`with_retiring_keys`](Self::with_retiring_keys).
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

    /// Adds the keys that `old` has for the accounts of this set, for a key rollover. They serve until `last`, or until their
    /// own end if that comes sooner. An account is the same one in both sets if its tenant, realm and name are. If an account has
    /// a label in one set only, its realm and name decide, as long as each set has that name once.
    ///
    /// An account that only `old` has is not added. But its bounds hold for every key that it shares with an account of this
    /// set, even when that key has ended for it. So add all accounts first. The bounds of an account that both sets have are
    /// those of this set.
    ///
    /// Keys that have ended stay in the set. A set that the server makes without `old` has none of them.
    ///
    /// Choose the end of the longest ticket for `last`: the present and
    /// [`Policy::max_ticket_lifetime`](crate::Policy::max_ticket_lifetime), plus the clock skew.
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

    /// Sets how many keys at most are kept prepared for tickets, about 1.5 kB each. A key that is not kept is prepared for every
    /// request, which then takes a tenth longer. A prepared key stays as long as the set.
    #[must_use]
    pub fn with_prepared_keys(self, keys: usize) -> Self {
        Self { preparable: AtomicUsize::new(keys), ..self }
    }

    /// Returns all accounts, in no particular order.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.all_accounts().map(|account| &**account)
    }

    /// Returns whether the set holds no account.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.realm_count() == 0
    }

    /// Returns the account `name` of `realm`; the first if several tenants have one.
    #[must_use]
    pub fn account(&self, realm: &str, name: &str) -> Option<&Account> {
        self.realm(realm.as_bytes())?.accounts().iter().find(|account| account.name() == name).map(|account| &**account)
    }

    /// Returns the accounts of a realm, by the octets that an unencrypted field of a ticket has for it.
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

    /// Returns the account of the same tenant, realm and name.
    fn same_account(&self, account: &Account) -> Option<&Account> {
        let of_realm = self.realm(account.realm().as_bytes())?.accounts();
        of_realm.iter().map(|held| &**held).find(|held| held.is_same_account(account))
    }

    fn all_accounts(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.single.iter().chain(self.shared.values().flat_map(|accounts| &accounts.all))
    }

    /// Takes all accounts out of the set.
    fn take_all(&mut self) -> Vec<Account> {
        let shared = self.shared.drain().flat_map(|(_, accounts)| accounts.all);
        let held: Vec<Arc<Account>> = self.single.drain().chain(shared).collect();
        // The prepared forms of their keys are dropped, so as many other keys may be prepared.
        let prepared = held.iter().map(|account| account.prepared_count()).sum::<usize>();
        self.preparable.fetch_add(prepared, Ordering::Relaxed);
        // An accepted request may still hold the account.
        held.into_iter()
            .map(|account| Arc::try_unwrap(account).map_or_else(|held| held.copy(), Account::without_prepared))
            .collect()
    }

    /// Adds accounts to a set of none. All are different.
    pub(super) fn with_all(mut self, mut accounts: Vec<Account>) -> Self {
        bind_sharers(&mut accounts, &mut self.gone, &self.hasher);
        for account in accounts {
            self.add(account);
        }
        self
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

/// Accounts by realm and name, each with those of all tenants.
type ByName<'k> = HashMap<(&'k str, &'k str), Vec<&'k Account>>;

fn by_name<'k>(accounts: impl IntoIterator<Item = &'k Account>) -> ByName<'k> {
    let mut by_name = ByName::new();
    for account in accounts {
        by_name.entry((account.realm(), account.name())).or_default().push(account);
    }
    by_name
}

/// Returns for each account of a new set what it was in an old one.
fn accounts_before<'k>(old: &'k KeySet, accounts: &[Account]) -> Vec<Option<&'k Account>> {
    let (old, new) = (by_name(old.accounts()), by_name(accounts));
    accounts.iter().map(|account| before(&old, &new, account)).collect()
}

/// Returns the account that `account` of a new set was in an old one: of the same tenant, or the only one of its name in both
/// sets, if one of the two has no label. A server that starts to label its accounts has the same accounts as before.
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

/// Gives each account the bounds of all that hold one of its keys. Of the accounts that are gone, those stay that share a key
/// with an account.
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
                // The accounts that are gone come last, and serve nobody.
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

/// Returns the bounds of the holders of one key, each once.
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
    // The hash of each key, and its first holder.
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

/// Prepared keys take at most 50 MB with this limit. Most services have fewer accounts that sign in within one day.
const PREPARED_KEYS: usize = 32_768;

/// The octets of a service, a host's name of 255 octets, and a port. No longer service name is looked up.
const MAX_SERVICE_LENGTH: usize = 320;
