//! The accounts of a server, found by realm.

use super::{Account, Keytab, KeytabError};
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
    realms: HashMap<Box<str>, Vec<Arc<Account>>>,
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
        self.realms.values().flatten().map(|account| &**account)
    }

    /// Whether no account is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.realms.is_empty()
    }

    /// The accounts of `realm`.
    pub(crate) fn realm(&self, realm: &str) -> &[Arc<Account>] {
        self.realms.get(realm).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn realm_count(&self) -> usize {
        self.realms.len()
    }

    /// The spelling in which a realm is held that `realm` equals but for the case of its letters: all upper or all lower,
    /// as realms are written. Comparing with every realm would let a stranger make us do so.
    pub(crate) fn other_case_of(&self, realm: &str) -> Option<&str> {
        [<[u8]>::make_ascii_uppercase, <[u8]>::make_ascii_lowercase].iter().find_map(|change_case| {
            let mut buffer = [0; MAX_REALM];
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
        let mut realms: HashMap<Box<str>, Vec<Arc<Account>>> = HashMap::new();
        for account in order.iter().filter_map(|id| merged.remove(id)) {
            realms.entry(account.realm().into()).or_default().push(Arc::new(account));
        }
        Self { realms }
    }
}

/// Realms are domain names in practice, and those end at 255 bytes.
const MAX_REALM: usize = 255;
