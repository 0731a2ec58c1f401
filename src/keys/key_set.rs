//! The accounts of a server, found by realm.
//!
//! Most realms have one account here, and a server may serve a million of them. Those are in a table of nothing but
//! pointers to the accounts, each of which knows its realm. A realm of more accounts has a table of services besides.

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

/// All accounts that a server holds keys of: any number of realms, of accounts in a realm, and of keys in an account.
///
/// It does not change. For a rollover build another one and give it to
/// [`Validator::with_keys`](crate::Validator::with_keys).
///
/// A ticket costs the same whether one account is held or a million. An account of two versions of three keys takes less
/// than 400 bytes until a ticket verifies under one of them. Then what depends on that key alone is prepared and kept,
/// about 1.5 kB, for 32,768 keys at most ([`with_prepared_keys`](Self::with_prepared_keys)); so strangers, whose tickets do not verify, cannot
/// make it grow.
///
/// To drop a million accounts takes about a second, since their keys are overwritten, and the last one to hold the key set
/// does it: a request that was being decided when the keys were swapped, perhaps. So with many accounts, whoever swaps keeps
/// an `Arc` of the old set until [`Arc::strong_count`] says that it is the last, and drops it on a thread of its own.
#[derive(Debug)]
pub struct KeySet {
    /// The accounts that are the only ones of their realm.
    single: HashTable<Arc<Account>>,
    /// By the bytes of their realm.
    shared: HashMap<Box<[u8]>, Accounts>,
    hasher: DefaultHashBuilder,
    /// How many more keys may be kept ready.
    room: AtomicUsize,
}

/// The accounts of one realm.
#[derive(Clone, Copy, Debug)]
pub(super) enum Realm<'k> {
    Single(&'k Arc<Account>),
    Shared(&'k Accounts),
}

/// More accounts than one in a realm.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    all: Vec<Arc<Account>>,
    /// Accounts by the names of their services and their own, in lower case, joined with `/`.
    by_service: HashMap<Box<str>, Vec<Arc<Account>>>,
}

impl<'k> Realm<'k> {
    pub(super) fn accounts(self) -> &'k [Arc<Account>] {
        match self {
            Self::Single(account) => core::slice::from_ref(account),
            Self::Shared(accounts) => &accounts.all,
        }
    }

    /// The accounts that have this service, by their own word: of one account alone it need not be asked. Letters of ASCII
    /// in any case: Active Directory finds a service so, and elsewhere it does no harm, since this only says which keys
    /// are tried first.
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

/// The components joined with `/`, in lower case; `None` for a name that is longer than any that was registered.
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

    /// Adds an account. If one of the same name and realm is held, the two become one, with the keys of both. To add very many
    /// accounts, collect them into a key set.
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

    /// The accounts in the bytes of an MIT keytab, each of which vouches for its own realm.
    ///
    /// # Errors
    /// [`KeytabError`] if the bytes are no keytab. Entries of types that this crate does not support are left out.
    pub fn from_keytab(keytab: &[u8]) -> Result<Self, KeytabError> {
        Ok(Keytab::parse(keytab)?.accounts().into_iter().collect())
    }

    /// Sets how many keys at most are kept prepared for tickets, about 1.5 kB each. A key that is not kept is prepared again
    /// with every request, which takes a tenth longer. A kept key stays for as long as the set.
    #[must_use]
    pub fn with_prepared_keys(self, keys: usize) -> Self {
        Self { room: AtomicUsize::new(keys), ..self }
    }

    /// All accounts, in no order.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        let shared = self.shared.values().flat_map(|accounts| &accounts.all);
        self.single.iter().chain(shared).map(|account| &**account)
    }

    /// Whether no account is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.realm_count() == 0
    }

    /// The account `name` of `realm`.
    #[must_use]
    pub fn account(&self, realm: &str, name: &str) -> Option<&Account> {
        self.realm(realm.as_bytes())?.accounts().iter().find(|account| account.name() == name).map(|account| &**account)
    }

    /// By the bytes of its name, as a ticket's shell has it: nothing else is looked at there.
    pub(super) fn realm(&self, realm: &[u8]) -> Option<Realm<'_>> {
        let single = self.single.find(self.hasher.hash_one(realm), |account| account.realm().as_bytes() == realm);
        single.map(Realm::Single).or_else(|| self.shared.get(realm).map(Realm::Shared))
    }

    pub(super) fn realm_count(&self) -> usize {
        self.single.len().saturating_add(self.shared.len())
    }

    /// Keeps what was prepared for a key, if there is room for one more. The ticket that it was prepared for has verified.
    pub(super) fn keep_prepared(&self, account: &Account, key: usize, ticket_cipher: Cipher) {
        let one_less = |room: usize| room.checked_sub(1);
        if self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok()
            && !account.keep_prepared(key, ticket_cipher)
        {
            self.room.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The spelling in which a realm is held that `realm` equals but for the case of its letters: all upper or all lower,
    /// as realms are written. Comparing with every realm would let a stranger make us do so.
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
            single.map_or_else(|_| Vec::new(), |single| Vec::from([single.remove().0]))
        });
        // What was prepared of their keys goes, and leaves its share of the limit to others.
        let prepared = held.iter().map(|account| account.prepared_count()).sum::<usize>();
        self.room.fetch_add(prepared, Ordering::Relaxed);
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
            room: AtomicUsize::new(KEPT_KEYS),
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

fn merged(accounts: impl IntoIterator<Item = Account>, hasher: &DefaultHashBuilder) -> Vec<Account> {
    let accounts = accounts.into_iter();
    let mut merged: Vec<Account> = Vec::with_capacity(accounts.size_hint().0);
    let mut places: HashTable<usize> = HashTable::with_capacity(accounts.size_hint().0);
    let id = |account: &Account| hasher.hash_one((account.realm(), account.name()));
    for account in accounts {
        let same = |held: &Account| held.realm() == account.realm() && held.name() == account.name();
        let place = places.find(id(&account), |place| merged.get(*place).is_some_and(same));
        if let Some(held) = place.and_then(|place| merged.get_mut(*place)) {
            held.merge(account);
            continue;
        }
        places.insert_unique(id(&account), merged.len(), |place| merged.get(*place).map_or(0, id));
        merged.push(account);
    }
    merged
}

/// Some 50 MB of prepared keys: more accounts than sign in within one day at most services, and a fraction of what the
/// accounts take where there are more.
const KEPT_KEYS: usize = 32_768;

/// Service, host and port; a longer service name is nobody's.
const MAX_SERVICE_LENGTH: usize = 320;
