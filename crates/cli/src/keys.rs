//! The keys of the command line, as accounts with the client realms and domain SIDs that their tickets may name.

use crate::arguments::{Arguments, Forest};
use crate::input;
use crate::terminal::Terminal;
use kerberos_sso::crypto::EncType;
use kerberos_sso::{Account, ComputerAccount, KeySet, Keytab, Password, Salt, ServiceKey};
use std::collections::HashMap;
use std::path::Path;

/// Returns the keys of all accounts, and prints a warning for each keytab record that cannot be used.
pub(crate) fn key_set(arguments: &mut Arguments, terminal: &Terminal<'_>) -> Result<KeySet, String> {
    let mut accounts = Accounts::default();
    for path in &arguments.keytabs {
        let keytab = keytab(path)?;
        keytab.unusable().iter().for_each(|record| terminal.warn(input::of_file(path, record)));
        keytab.accounts().into_iter().for_each(|account| accounts.join(account));
    }
    let realm = arguments.realm.as_deref().unwrap_or_default();
    if !arguments.keys.is_empty() {
        let keys = std::mem::take(&mut arguments.keys);
        accounts.join(raw(arguments.account.as_deref(), realm, keys));
    }
    if let (Some(password), Some(account)) = (&arguments.password, &arguments.account) {
        accounts.join(from_password(account, realm, &Password::from_text(password))?);
    }
    let bound = accounts.accounts.into_iter().map(|account| bind(account, &arguments.forests));
    let krbtgt_keys = &arguments.krbtgt_keys;
    let bound = bound.map(|account| krbtgt_keys.iter().fold(account, Account::with_krbtgt_key));
    KeySet::from_accounts(bound).map_err(|error| error.to_string())
}

/// The accounts in the order of the command line, and the index of each account by its name and realm. A keytab may
/// have a hundred thousand accounts, so the comparison of each account with all others would take too long.
#[derive(Default)]
struct Accounts {
    accounts: Vec<Account>,
    places: HashMap<(String, String), usize>,
}

impl Accounts {
    /// Adds an account, or joins its keys to the account of the same name and realm. The command line may name keys of one
    /// account in several places, for example from before and after a rollover. The user of the program trusts all these
    /// keys.
    fn join(&mut self, account: Account) {
        let name = (account.name().to_owned(), account.realm().to_owned());
        let Some(held) = self.places.get(&name).and_then(|place| self.accounts.get_mut(*place)) else {
            self.places.insert(name, self.accounts.len());
            self.accounts.push(account);
            return;
        };
        let mut kept = account;
        if !kept.is_of_active_directory() {
            std::mem::swap(held, &mut kept);
        }
        *held = kept.with_keys(held.keys().iter().cloned());
    }
}

pub(crate) fn keytab(path: &Path) -> Result<Keytab, String> {
    Keytab::parse(&input::secret_file(path)?).map_err(|error| input::of_file(path, &error))
}

fn raw(name: Option<&str>, realm: &str, keys: Vec<ServiceKey>) -> Account {
    keys.into_iter().fold(Account::new(name.unwrap_or("(--key)"), realm), Account::with_key)
}

fn from_password(name: &str, realm: &str, password: &Password) -> Result<Account, String> {
    if name.ends_with('$') {
        return Ok(ComputerAccount::new(name, realm).with_password(password, None));
    }
    let account = Account::new(name, realm).with_password(password, &salt(name, realm), &EncType::SUPPORTED, None);
    account.map_err(|error| error.to_string())
}

/// Returns the salt for the kind of the account. `NAME$` is a computer account. `SERVICE/HOST` is a principal of a KDC other
/// than Active Directory. Any other name is a user account.
pub(crate) fn salt(name: &str, realm: &str) -> Salt {
    match name {
        computer if computer.ends_with('$') => Salt::computer(computer, realm),
        principal if principal.contains('/') => Salt::principal(principal, realm),
        user => Salt::user(user, realm),
    }
}

fn bind(account: Account, forests: &[Forest]) -> Account {
    let own: Vec<_> = forests.iter().filter(|forest| forest.realm == account.realm()).collect();
    let realms = own.iter().flat_map(|forest| &forest.client_realms);
    let account = realms.fold(account, |account, realm| account.with_client_realm(realm));
    own.iter().flat_map(|forest| &forest.domain_sids).fold(account, |account, sid| account.with_domain_sid(*sid))
}
