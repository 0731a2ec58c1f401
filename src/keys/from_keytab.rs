//! The selection of keytab entries, and the accounts that are made from them.
//!
//! The caller names the principals of the server's own service, and each of these principals becomes an account. The
//! entries of all other principals are left out, and their names are kept for the log.

use super::{Account, KeySet, Keytab, KeytabEntry, KeytabError, ServiceKey};
use crate::bounded_text::BoundedText;
use crate::sid::Sid;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use hashbrown::HashMap;

impl KeySet {
    /// Makes a key set from the entries of `principals` in an MIT keytab, for any realm. `principals` are the names of
    /// this server's service, such as `["HTTP/www.example.com"]`. [`Keytab::only`](crate::Keytab::only) lists the forms
    /// of a name.
    ///
    /// Each principal becomes an account, whose keys may vouch for the users of the principal's realm. The accounts do not
    /// require a PAC, and their keys may vouch for the SIDs of every domain. In Active Directory, use
    /// [`from_active_directory_keytab`](Self::from_active_directory_keytab) instead, because there the SID identifies a
    /// user, and a name does not.
    ///
    /// Entries of other principals are not used. Records that are incomplete, or have a key of an unsupported type, are
    /// not used either. [`Keytab`] lists the left-out principals and the unusable records for the log:
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
    ///     eprintln!("the key of {principal} is not used");
    /// }
    /// for record in keytab.unusable() {
    ///     eprintln!("{record}");
    /// }
    /// # assert!(keys.account("A.TEST", "HTTP/www").is_some());
    /// # Ok::<(), kerberos_sso::keys::KeytabError>(())
    /// ```
    ///
    /// # Errors
    /// Returns [`KeytabError`] if the octets are not a keytab, or if the keytab has no usable key of these principals.
    pub fn from_keytab<'a>(keytab: &[u8], principals: impl IntoIterator<Item = &'a str>) -> Result<Self, KeytabError> {
        let principals: Vec<&str> = principals.into_iter().collect();
        // `accounts_of` returns one account for each principal, so no account is there twice.
        Ok(Self::default().with_all(Keytab::parse(keytab)?.accounts_of(&principals)?))
    }

    /// Makes a key set from all entries of an MIT keytab, without the selection of [`from_keytab`](Self::from_keytab).
    /// A person who knows one of these keys can sign in as any user of the key's realm. The keytab must therefore contain
    /// only keys of services, and no key that is derived from a user's password. An example is the file `/etc/krb5.keytab`
    /// of a host.
    ///
    /// # Errors
    /// Returns [`KeytabError`] if the octets are not a keytab, or if the keytab has no usable key.
    pub fn from_whole_keytab(keytab: &[u8]) -> Result<Self, KeytabError> {
        Ok(Self::default().with_all(Keytab::parse(keytab)?.some_accounts()?))
    }

    /// Makes a key set from the entries of `principals` in an MIT keytab of Active Directory, as
    /// [`from_keytab`](Self::from_keytab) does. Every ticket must have a PAC, and its user must belong to the domain
    /// with the SID `domain` (`S-1-5-21-…`).
    ///
    /// `Get-ADDomain`, `samba-tool domain info` and `rpcclient -c lsaquery` print that SID. For a forest of several
    /// domains, take the accounts from [`Keytab::accounts`](crate::Keytab::accounts), and call
    /// [`of_active_directory`](Account::of_active_directory) on each of them. Then add the account's own domain with
    /// [`with_domain_sid`](Account::with_domain_sid), and the other domains with
    /// [`with_forest_domain`](Account::with_forest_domain).
    ///
    /// # Errors
    /// Returns [`KeytabError`] as [`from_keytab`](Self::from_keytab) does.
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
    /// Keeps the entries of these principals, and leaves out all others. A name may have the form that `klist -k`
    /// prints, with or without the realm (`HTTP/www.example.com@EXAMPLE.COM`, `HTTP/www.example.com`, `WEB01$`). A name
    /// may also be a host-based service name of GSS-API (`HTTP@www.example.com`). The case of ASCII letters is ignored,
    /// except in the realm.
    ///
    /// A person who knows a key can write a ticket for any user with this key. The keytab of a whole domain also
    /// contains the keys of the users, and each user knows their own key. Therefore a server may use only the keys of
    /// its service.
    #[must_use]
    pub fn only<'a>(mut self, principals: impl IntoIterator<Item = &'a str>) -> Self {
        let wanted: Vec<Wanted> = principals.into_iter().map(Wanted::read).collect();
        let is_wanted = |entry: &KeytabEntry| wanted.iter().any(|wanted| wanted.is(entry));
        let (ours, others): (Vec<_>, Vec<_>) = self.entries.into_iter().partition(is_wanted);
        let others: BTreeSet<String> = others.iter().map(KeytabEntry::principal).collect();
        self.left_out.extend(others.iter().map(|principal| BoundedText::new(principal)));
        Self { entries: ours, ..self }
    }

    /// Returns the principals that [`only`](Self::only) has left out, without duplicates, for the log of a server. If
    /// the left-out principals include `krbtgt`, every reader of the file can impersonate every user of the realm, and
    /// the server should log a warning.
    #[must_use]
    pub fn left_out(&self) -> &[BoundedText] {
        &self.left_out
    }

    /// Returns an account for each principal, in the keytab's order, with its keys of supported types. Select the
    /// principals first with [`only`](Self::only), because every key can vouch for all users of its realm.
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
            // A vector that grows would leave copies of keys in freed memory.
            let mut keys = Vec::with_capacity(entries.len());
            keys.extend(entries.into_iter().filter_map(service_key));
            Account::new(&name, realm).with_keys(keys)
        };
        principals.into_iter().map(account).collect()
    }

    /// Returns the accounts of these principals. Returns an error if these principals have no account.
    pub(super) fn accounts_of(self, principals: &[&str]) -> Result<Vec<Account>, KeytabError> {
        let (had_entries, keytab) = (!self.entries.is_empty(), self.only(principals.iter().copied()));
        if had_entries && keytab.entries.is_empty() {
            let wanted = principals.iter().map(|principal| BoundedText::new(principal)).collect();
            return Err(KeytabError::NoEntry { wanted, found: keytab.left_out });
        }
        keytab.some_accounts()
    }

    /// Returns all accounts. Returns an error if the keytab has no usable key.
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

/// A principal that the caller has named.
struct Wanted<'a> {
    name: &'a str,
    /// The text after the last `@`: the realm, or the host of a host-based service name.
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
