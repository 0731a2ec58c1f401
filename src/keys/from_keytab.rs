//! From a keytab to accounts: whose entries serve.
//!
//! In: a keytab, and the names of the server's own service. Out: an account for each of these principals. The entries of all
//! others are left out and named.

use super::{Account, KeySet, Keytab, KeytabEntry, KeytabError, ServiceKey};
use crate::bounded_text::BoundedText;
use crate::sid::Sid;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use hashbrown::HashMap;

impl KeySet {
    /// Makes a key set of an MIT keytab, for any realm: of the entries that belong to `principals`, the names of this server's
    /// service (`["HTTP/www.example.com"]`; [`Keytab::only`](crate::Keytab::only) says how they may be written).
    ///
    /// Each principal is an account, which vouches for the users of its own realm. The accounts demand no PAC, and vouch for the
    /// SIDs of every domain. In Active Directory use
    /// [`from_active_directory_keytab`](Self::from_active_directory_keytab) instead: a name there is no identity.
    ///
    /// Entries of other principals do not serve, nor do records that are not whole or have a key of an unsupported type.
    /// [`Keytab`] lists them for the log:
    ///
    /// ```
    /// use kerberos_sso::{KeySet, Keytab};
    /// # let file = [
    /// #     &[5, 2, 0, 0, 0, 54, 0, 2, 0, 6][..], b"A.TEST", &[0, 4], b"HTTP", &[0, 3], b"www", &[0, 0, 0, 1],
    /// #     &[0x6B, 0, 0, 0], &[2, 0, 17, 0, 16], &[7; 16], &[0, 0, 0, 2],
    /// # ]
    /// # .concat();
    /// let principals = ["HTTP/www"];
    /// let keys = KeySet::from_keytab(&file, principals)?;
    /// let keytab = Keytab::parse(&file)?.only(principals);
    /// for principal in keytab.left_out() {
    ///     eprintln!("the key of {principal} does not serve");
    /// }
    /// for record in keytab.unusable() {
    ///     eprintln!("{record}");
    /// }
    /// # assert!(keys.account("A.TEST", "HTTP/www").is_some());
    /// # Ok::<(), kerberos_sso::keys::KeytabError>(())
    /// ```
    ///
    /// # Errors
    /// [`KeytabError`] if the octets are no keytab, or if no key of these principals in it can serve.
    pub fn from_keytab<'a>(keytab: &[u8], principals: impl IntoIterator<Item = &'a str>) -> Result<Self, KeytabError> {
        let principals: Vec<&str> = principals.into_iter().collect();
        // A keytab's principals are different accounts.
        Ok(Self::default().with_all(Keytab::parse(keytab)?.accounts_of(&principals)?))
    }

    /// Makes a key set of all entries in an MIT keytab, without the choice that [`from_keytab`](Self::from_keytab) makes. A person
    /// who knows one of these keys can sign in as any user. So the keytab must hold keys of services only, which no user's password
    /// gives, as `/etc/krb5.keytab` of a host does.
    ///
    /// # Errors
    /// [`KeytabError`] if the octets are no keytab, or if no key in it can serve.
    pub fn from_whole_keytab(keytab: &[u8]) -> Result<Self, KeytabError> {
        Ok(Self::default().with_all(Keytab::parse(keytab)?.some_accounts()?))
    }

    /// Makes a key set of an MIT keytab of Active Directory: of the entries that belong to `principals`, as
    /// [`from_keytab`](Self::from_keytab) does. Every ticket must have a PAC, with a user of the domain whose SID is `domain`
    /// (`S-1-5-21-…`).
    ///
    /// `Get-ADDomain` prints that SID, and `samba-tool domain info` or `rpcclient -c lsaquery` does. For a forest of several
    /// domains, change the accounts of [`Keytab::accounts`](crate::Keytab::accounts) by
    /// [`with_client_realm`](Account::with_client_realm) and [`with_domain_sid`](Account::with_domain_sid).
    ///
    /// # Errors
    /// [`KeytabError`] as for [`from_keytab`](Self::from_keytab).
    pub fn from_active_directory_keytab<'a>(
        keytab: &[u8],
        principals: impl IntoIterator<Item = &'a str>,
        domain: Sid,
    ) -> Result<Self, KeytabError> {
        let principals: Vec<&str> = principals.into_iter().collect();
        let of_domain = |account: Account| account.of_active_directory().with_domain_sid(domain);
        let accounts = Keytab::parse(keytab)?.accounts_of(&principals)?;
        Ok(Self::default().with_all(accounts.into_iter().map(of_domain).collect()))
    }
}

impl Keytab {
    /// Keeps the entries of these principals, and leaves out all others. A name is written as `klist -k` prints it, with its
    /// realm or without (`HTTP/www.example.com@EXAMPLE.COM`, `HTTP/www.example.com`, `WEB01$`), or as GSS does
    /// (`HTTP@www.example.com`). ASCII letters match in any case, but for the realm.
    ///
    /// A person who knows a key can write a ticket of any user under it. The keytab of a whole domain has the keys of its users,
    /// and each user knows their own. So only the keys of the service may serve.
    #[must_use]
    pub fn only<'a>(mut self, principals: impl IntoIterator<Item = &'a str>) -> Self {
        let wanted: Vec<Wanted> = principals.into_iter().map(Wanted::read).collect();
        let is_wanted = |entry: &KeytabEntry| wanted.iter().any(|wanted| wanted.is(entry));
        let (ours, others): (Vec<_>, Vec<_>) = self.entries.into_iter().partition(is_wanted);
        let others: BTreeSet<String> = others.iter().map(KeytabEntry::principal).collect();
        self.left_out.extend(others.iter().map(|principal| BoundedText::new(principal)));
        Self { entries: ours, ..self }
    }

    /// Returns the principals that [`only`](Self::only) has left out, each once, for the log of a server. A `krbtgt` among them
    /// means that every reader of the file can be anybody in the realm: say that loudly.
    #[must_use]
    pub fn left_out(&self) -> &[BoundedText] {
        &self.left_out
    }

    /// Returns the principals as accounts, in order, each with its keys of supported types. Every key vouches for all users of its
    /// realm: choose the principals first ([`only`](Self::only)).
    #[must_use]
    pub fn accounts(self) -> Vec<Account> {
        let mut principals: Vec<(String, &str, Vec<&KeytabEntry>)> = Vec::new();
        let mut indices: HashMap<(String, &str), usize> = HashMap::new();
        for entry in self.entries.iter().filter(|entry| entry.key.is_some()) {
            let name = entry.name();
            let index = *indices.entry((name.clone(), &entry.realm)).or_insert(principals.len());
            if index == principals.len() {
                principals.push((name, &entry.realm, Vec::new()));
            }
            if let Some((.., entries)) = principals.get_mut(index) {
                entries.push(entry);
            }
        }
        let service_key = |entry: &KeytabEntry| Some(ServiceKey::new(entry.key.clone()?, Some(entry.kvno)));
        let account = |(name, realm, entries): (String, &str, Vec<&KeytabEntry>)| {
            // A vector that grows would leave keys in memory that is given back.
            let mut keys = Vec::with_capacity(entries.len());
            keys.extend(entries.into_iter().filter_map(service_key));
            Account::new(&name, realm).with_keys(keys)
        };
        principals.into_iter().map(account).collect()
    }

    /// Returns the accounts of these principals, of which there is at least one.
    pub(super) fn accounts_of(self, principals: &[&str]) -> Result<Vec<Account>, KeytabError> {
        let (had_entries, keytab) = (!self.entries.is_empty(), self.only(principals.iter().copied()));
        if had_entries && keytab.entries.is_empty() {
            let wanted = principals.iter().map(|principal| BoundedText::new(principal)).collect();
            return Err(KeytabError::NoEntry { wanted, found: keytab.left_out });
        }
        keytab.some_accounts()
    }

    /// Returns the accounts, of which there is at least one.
    pub(super) fn some_accounts(self) -> Result<Vec<Account>, KeytabError> {
        let (unsupported, unusable) = (self.entries.len(), self.unusable.clone());
        let accounts = self.accounts();
        if accounts.is_empty() { Err(KeytabError::NoKey { unsupported, unusable }) } else { Ok(accounts) }
    }
}

impl KeytabEntry {
    fn name(&self) -> String {
        self.components.join("/")
    }

    fn principal(&self) -> String {
        [&self.name(), "@", &self.realm].concat()
    }
}

/// A principal that a caller named.
struct Wanted<'a> {
    name: &'a str,
    /// What follows the `@`: the realm, or the host of a service in the form of GSS.
    behind: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    fn read(principal: &'a str) -> Self {
        match principal.rsplit_once('@') {
            Some((name, behind)) => Self { name, behind: Some(behind) },
            None => Self { name: principal, behind: None },
        }
    }

    fn is(&self, entry: &KeytabEntry) -> bool {
        let name = entry.name();
        let Some(behind) = self.behind else { return name.eq_ignore_ascii_case(self.name) };
        let is_principal = name.eq_ignore_ascii_case(self.name) && entry.realm == behind;
        is_principal || name.eq_ignore_ascii_case(&[self.name, "/", behind].concat())
    }
}
