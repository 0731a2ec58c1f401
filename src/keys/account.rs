//! An account of a directory, its keys, and whom those may vouch for.

use super::{Password, Salt, ServiceKey};
use crate::crypto::{EncType, StringToKeyError};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// An account that this server shares keys with, and what a ticket under one of them may say.
///
/// Whoever holds a key of the account, its KDC above all, can write any ticket for it. So the account says which realms'
/// users its keys may vouch for: its own realm's, and no other's unless named.
#[derive(Debug)]
pub struct Account {
    name: Box<str>,
    realm: Box<str>,
    services: Vec<Box<str>>,
    client_realms: Vec<Box<str>>,
    keys: Vec<ServiceKey>,
}

impl Account {
    /// The account `name` of `realm`, without keys. In Active Directory that is a sAMAccountName (`AZUREADSSOACC$`), in
    /// other realms the service's principal (`HTTP/www.example.com`). Realms are compared byte by byte.
    #[must_use]
    pub fn new(name: &str, realm: &str) -> Self {
        Self {
            name: name.into(),
            realm: realm.into(),
            services: Vec::new(),
            client_realms: Vec::new(),
            keys: Vec::new(),
        }
    }

    /// Adds a key. The same key of the same version a second time changes nothing, but that it serves for as long as either.
    #[must_use]
    pub fn with_key(mut self, key: ServiceKey) -> Self {
        self.add_key(key);
        self
    }

    /// Adds the keys of `etypes` that the account has under `password`.
    ///
    /// # Errors
    /// [`StringToKeyError`] if one of `etypes` is none that this crate supports.
    pub fn with_password(
        self,
        password: &Password,
        salt: &Salt,
        etypes: &[EncType],
        kvno: Option<u32>,
    ) -> Result<Self, StringToKeyError> {
        etypes
            .iter()
            .try_fold(self, |account, etype| Ok(account.with_key(ServiceKey::new(password.key(*etype, salt)?, kvno))))
    }

    /// Names a service principal name of this account (`HTTP/www.example.com`), so that its keys are tried first on tickets
    /// for it. Needed only where one realm has many accounts here: a ticket never says which account it is for.
    #[must_use]
    pub fn with_service(mut self, service: &str) -> Self {
        self.services.push(service.into());
        self
    }

    /// Lets the keys of this account vouch for users of another realm besides its own: a trusted domain of the same
    /// forest, or a trusted forest. Where several accounts share a key, say so on each of them: which of them a ticket is
    /// for is the sender's word.
    #[must_use]
    pub fn with_client_realm(mut self, realm: &str) -> Self {
        self.client_realms.push(realm.into());
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its realm.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// Its keys, in the order they were added.
    #[must_use]
    pub fn keys(&self) -> &[ServiceKey] {
        &self.keys
    }

    /// The other realms whose users its keys may vouch for.
    pub fn client_realms(&self) -> impl Iterator<Item = &str> {
        self.client_realms.iter().map(|realm| &**realm)
    }

    pub(crate) fn services(&self) -> impl Iterator<Item = &str> {
        self.services.iter().map(|service| &**service)
    }

    /// Whether a ticket under one of its keys may name a user of `realm`. Byte for byte: a realm that merely ends like
    /// ours, or differs in case, is another realm.
    pub(crate) fn vouches_for(&self, realm: &str) -> bool {
        *self.realm == *realm || self.client_realms().any(|allowed| allowed == realm)
    }

    pub(super) fn add_key(&mut self, key: ServiceKey) {
        match self.keys.iter_mut().find(|held| held.kvno() == key.kvno() && held.same_key(&key)) {
            Some(held) => held.extend_to(&key),
            None => self.keys.push(key),
        }
    }

    /// Takes over what another entry of the same account brings.
    pub(crate) fn merge(self, other: Self) -> Self {
        let mut merged = other.keys.into_iter().fold(self, Self::with_key);
        merged.services.extend(other.services);
        merged.client_realms.extend(other.client_realms);
        merged
    }
}

/// A computer account of Active Directory, as `AZUREADSSOACC$` is one: it knows its salt rule, so its password is all
/// that its keys take.
///
/// ```
/// use kerberos_sso::{ComputerAccount, KeySet, Password};
///
/// let account = ComputerAccount::new("AZUREADSSOACC$", "CONTOSO.TEST");
/// let keys = KeySet::from_iter([account.with_password(&Password::from_text("Sso.Key.One.2026!"), None)]);
/// assert_eq!(keys.accounts().count(), 1);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ComputerAccount<'a> {
    name: &'a str,
    realm: &'a str,
}

impl<'a> ComputerAccount<'a> {
    /// The types of key that Active Directory derives from a password.
    pub const ETYPES: [EncType; 3] =
        [EncType::AES256_CTS_HMAC_SHA1_96, EncType::AES128_CTS_HMAC_SHA1_96, EncType::RC4_HMAC];

    /// The computer account `name`, with or without its `$`, of the domain `realm`, in any case.
    #[must_use]
    pub fn new(name: &'a str, realm: &'a str) -> Self {
        Self { name: name.strip_suffix('$').unwrap_or(name), realm }
    }

    /// Its salt.
    #[must_use]
    pub fn salt(self) -> Salt {
        Salt::computer(self.name, self.realm)
    }

    /// The account with all keys that it has under `password`; `kvno` is the version of that password, if known.
    #[must_use]
    pub fn with_password(self, password: &Password, kvno: Option<u32>) -> Account {
        let account = Account::new(&[self.name, "$"].concat(), &self.realm.to_uppercase());
        let salt = self.salt();
        Self::ETYPES
            .iter()
            .filter_map(|etype| password.key(*etype, &salt).ok())
            .fold(account, |account, key| account.with_key(ServiceKey::new(key, kvno)))
    }
}
