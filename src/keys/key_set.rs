//! The accounts of a server, found by realm.

use super::{Account, Keytab, KeytabError};
use crate::krb5::PrincipalName;
use crate::limits::MAX_REALM_LENGTH;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use hashbrown::HashMap;

/// All accounts that a server holds keys of: any number of realms, of accounts in a realm, and of keys in an account.
///
/// It does not change. For a rollover build another one and give it to
/// [`Validator::with_keys`](crate::Validator::with_keys).
#[derive(Debug, Default)]
pub struct KeySet {
    realms: HashMap<Box<str>, Realm>,
}

/// The accounts of one realm.
#[derive(Debug, Default)]
pub(super) struct Realm {
    accounts: Vec<Arc<Account>>,
    /// Accounts by the names of their services and their own, in lower case, joined with `/`.
    by_service: HashMap<Box<str>, Vec<Arc<Account>>>,
}

impl Realm {
    pub(super) fn accounts(&self) -> &[Arc<Account>] {
        &self.accounts
    }

    /// The accounts that have this service, by their own word. Letters of ASCII in any case: Active Directory finds a
    /// service so, and elsewhere it does no harm, since this only says which keys are tried first.
    pub(super) fn with_service(&self, service: PrincipalName<'_>) -> &[Arc<Account>] {
        let mut buffer = [0; MAX_SERVICE_LENGTH];
        lower_case(service, &mut buffer).and_then(|service| self.by_service.get(service)).map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, account: Account) {
        let account = Arc::new(account);
        for service in account.services().chain([account.name()]) {
            let same_service = self.by_service.entry(service.to_ascii_lowercase().into()).or_default();
            if !same_service.iter().any(|listed| Arc::ptr_eq(listed, &account)) {
                same_service.push(Arc::clone(&account));
            }
        }
        self.accounts.push(account);
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
    /// The accounts in the bytes of an MIT keytab, each of which vouches for its own realm.
    ///
    /// # Errors
    /// [`KeytabError`] if the bytes are no keytab. Entries of types that this crate does not support are left out.
    pub fn from_keytab(keytab: &[u8]) -> Result<Self, KeytabError> {
        Ok(Keytab::parse(keytab)?.accounts().into_iter().collect())
    }

    /// All accounts, in no order.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.realms.values().flat_map(Realm::accounts).map(|account| &**account)
    }

    /// Whether no account is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.realms.is_empty()
    }

    /// The account `name` of `realm`.
    #[must_use]
    pub fn account(&self, realm: &str, name: &str) -> Option<&Account> {
        self.realm(realm)?.accounts().iter().find(|account| account.name() == name).map(|account| &**account)
    }

    pub(super) fn realm(&self, realm: &str) -> Option<&Realm> {
        self.realms.get(realm)
    }

    pub(super) fn realm_count(&self) -> usize {
        self.realms.len()
    }

    /// The spelling in which a realm is held that `realm` equals but for the case of its letters: all upper or all lower,
    /// as realms are written. Comparing with every realm would let a stranger make us do so.
    pub(super) fn other_case_of(&self, realm: &str) -> Option<&str> {
        [<[u8]>::make_ascii_uppercase, <[u8]>::make_ascii_lowercase].iter().find_map(|change_case| {
            let mut buffer = [0; MAX_REALM_LENGTH];
            let spelling = buffer.get_mut(..realm.len())?;
            spelling.copy_from_slice(realm.as_bytes());
            change_case(spelling);
            let spelling = core::str::from_utf8(spelling).ok()?;
            self.realms.get_key_value(spelling).map(|(held, _)| &**held)
        })
    }
}

/// Accounts of the same name and realm become one, with the keys of all.
impl FromIterator<Account> for KeySet {
    fn from_iter<T: IntoIterator<Item = Account>>(accounts: T) -> Self {
        let mut merged: HashMap<(Box<str>, Box<str>), Account> = HashMap::new();
        let mut order = Vec::new();
        for account in accounts {
            let id: (Box<str>, Box<str>) = (account.realm().into(), account.name().into());
            let account = if let Some(first) = merged.remove(&id) {
                first.merge(account)
            } else {
                order.push(id.clone());
                account
            };
            merged.insert(id, account);
        }
        let mut realms: HashMap<Box<str>, Realm> = HashMap::new();
        for account in order.iter().filter_map(|id| merged.remove(id)) {
            realms.entry(account.realm().into()).or_default().add(account);
        }
        Self { realms }
    }
}

/// Service, host and port; a longer service name is nobody's.
const MAX_SERVICE_LENGTH: usize = 320;
