//! The keytab of the account. It has each key under three names: the account and its two services. Each entry has the
//! time at which its key was made, from which the sign-in server computes the age of the newest key.

use kerberos_sso::keys::KeytabError;
use kerberos_sso::policy::SEAMLESS_SSO_SERVICES;
use kerberos_sso::{Account, EncType, Key, Keytab, Password, Salt, ServiceKey, UnixTime};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The keys of the account in one keytab.
#[derive(Debug)]
pub struct AccountKeys {
    name: String,
    realm: String,
    keys: Vec<DatedKey>,
}

/// A key, and the time at which the key came into the keytab.
#[derive(Debug)]
struct DatedKey {
    kvno: u32,
    key: Key,
    written: UnixTime,
}

impl AccountKeys {
    /// Returns the account without keys. `name` has a `$` at its end.
    #[must_use]
    pub fn none(name: &str, realm: &str) -> Self {
        Self { name: name.into(), realm: realm.into(), keys: Vec::new() }
    }

    /// Reads the keys of the account from a keytab, without the entries of other principals.
    ///
    /// # Errors
    /// Returns the [`KeytabError`] of a file that is no keytab.
    pub fn parse(octets: &[u8], name: &str, realm: &str) -> Result<Self, KeytabError> {
        let keytab = Keytab::parse(octets)?.only(names(name, realm).iter().map(String::as_str));
        let mut account = Self::none(name, realm);
        for entry in keytab.into_entries() {
            if let Some(key) = entry.key {
                account.insert(entry.kvno, key, entry.timestamp);
            }
        }
        Ok(account)
    }

    /// Adds a key. The key replaces a different key of the same version and type.
    fn insert(&mut self, kvno: u32, key: Key, written: UnixTime) {
        if self.keys.iter().any(|other| other.kvno == kvno && other.key == key) {
            return;
        }
        self.keys.retain(|other| other.kvno != kvno || other.key.etype() != key.etype());
        self.keys.push(DatedKey { kvno, key, written });
    }

    /// Adds the keys that the directory derives from a password: AES256, AES128, and RC4 if `with_rc4`.
    #[must_use]
    pub fn with_password(mut self, kvno: u32, password: &str, salt: &Salt, with_rc4: bool, now: UnixTime) -> Self {
        let password = Password::from_text(password);
        let types = AES.into_iter().chain(with_rc4.then_some(EncType::RC4_HMAC));
        for key in types.filter_map(|etype| password.key(etype, salt).ok()) {
            self.insert(kvno, key, now);
        }
        self
    }

    /// Removes the keys of a version.
    #[must_use]
    pub fn without(mut self, kvno: u32) -> Self {
        self.keys.retain(|key| key.kvno != kvno);
        self
    }

    /// Removes the keys of versions before `current`, if `current` has been the account's key for more than
    /// [`RETIRED_AFTER`] seconds. After that time, the last ticket under an older key has ended.
    #[must_use]
    pub fn without_retired(self, current: u32, since: Option<UnixTime>, now: UnixTime) -> Self {
        let are_retired = since.is_some_and(|since| now.seconds_since(since) > RETIRED_AFTER);
        if are_retired { self.from_version(current) } else { self }
    }

    /// Removes the keys of versions before `kvno`.
    #[must_use]
    pub fn from_version(mut self, kvno: u32) -> Self {
        self.keys.retain(|key| key.kvno >= kvno);
        self
    }

    /// Returns the key versions in ascending order, each once.
    #[must_use]
    pub fn versions(&self) -> Vec<u32> {
        let mut versions: Vec<_> = self.keys.iter().map(|key| key.kvno).collect();
        versions.sort_unstable();
        versions.dedup();
        versions
    }

    /// Returns whether the keytab has a key of this version and type.
    #[must_use]
    pub fn has(&self, kvno: u32, etype: EncType) -> bool {
        self.keys.iter().any(|key| key.kvno == kvno && key.key.etype() == etype)
    }

    /// Returns the time at which the tool wrote the keys of the version `kvno` into the keytab.
    #[must_use]
    pub fn written(&self, kvno: u32) -> Option<UnixTime> {
        self.keys.iter().filter(|key| key.kvno == kvno).map(|key| key.written).max()
    }

    /// Returns whether each key of `other` is here, with the same version and the same octets.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        let has = |key: &DatedKey| self.keys.iter().any(|own| own.kvno == key.kvno && own.key == key.key);
        other.keys.iter().all(has)
    }

    /// Returns the octets of the keytab.
    ///
    /// # Errors
    /// Returns the [`KeytabError`] of a name that is too long for a keytab.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, KeytabError> {
        let mut by_time: BTreeMap<UnixTime, Account> = BTreeMap::new();
        for dated in &self.keys {
            let account = by_time.remove(&dated.written).unwrap_or_else(|| self.account());
            let key = ServiceKey::new(dated.key.clone(), Some(dated.kvno));
            by_time.insert(dated.written, account.with_key(key));
        }
        let mut parts = Vec::new();
        for (written, account) in &by_time {
            parts.push(Keytab::encode([account], *written)?);
        }
        // Each part begins with the version of the keytab format, but the file must have the version once only.
        let size = parts.iter().map(|part| part.len()).fold(2_usize, usize::saturating_add);
        let mut octets = Zeroizing::new(Vec::with_capacity(size));
        octets.extend([5, 2]);
        for part in &parts {
            octets.extend(part.get(2..).unwrap_or_default());
        }
        Ok(octets)
    }

    /// Returns the account with its keys, which can validate tickets.
    #[must_use]
    pub fn with_keys(&self) -> Account {
        let keys = self.keys.iter().map(|dated| ServiceKey::new(dated.key.clone(), Some(dated.kvno)));
        self.account().with_keys(keys)
    }

    fn account(&self) -> Account {
        let account = Account::new(&self.name, &self.realm);
        SEAMLESS_SSO_SERVICES.iter().fold(account, |account, service| account.with_service(service))
    }
}

/// Returns the principals of the account: its name, and its services.
#[must_use]
pub fn names(name: &str, realm: &str) -> Vec<String> {
    [name].into_iter().chain(SEAMLESS_SSO_SERVICES).map(|name| format!("{name}@{realm}")).collect()
}

/// The encryption types of the keys that the tool makes.
pub const AES: [EncType; 2] = [EncType::AES256_CTS_HMAC_SHA1_96, EncType::AES128_CTS_HMAC_SHA1_96];

/// How long old keys stay in the keytab after a change of the password, in seconds: two days. Tickets of Active
/// Directory live for ten hours by default, and all domain controllers must have replicated before the old keys are
/// removed.
pub const RETIRED_AFTER: i64 = 48 * 60 * 60;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    const NAME: &str = "AZUREADSSOACC$";
    const REALM: &str = "CONTOSO.TEST";
    const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);

    fn keys(versions: &[(u32, i64)]) -> AccountKeys {
        let salt = Salt::computer(NAME, REALM);
        versions.iter().fold(AccountKeys::none(NAME, REALM), |keys, (kvno, ago)| {
            keys.with_password(*kvno, &format!("P{kvno}"), &salt, false, NOW.saturating_add_seconds(-ago))
        })
    }

    #[test]
    fn keytab_has_three_principal_names_and_the_times_of_its_keys_are_read_back() {
        let octets = keys(&[(2, 100), (3, 0)]).encode().unwrap();
        let keytab = Keytab::parse(&octets).unwrap();
        assert_eq!(keytab.entries().len(), 2 * 2 * 3);
        assert!(keytab.unusable().is_empty());
        let times: Vec<_> = keytab.entries().iter().map(|entry| entry.timestamp.seconds_since(NOW)).collect();
        assert_eq!((times.first(), times.last()), (Some(&-100), Some(&0)));
        let read = AccountKeys::parse(&octets, NAME, REALM).unwrap();
        assert_eq!(read.versions(), [2, 3]);
        assert_eq!(*read.encode().unwrap(), *octets);
    }

    #[test]
    fn old_keys_retire_two_days_after_the_last_change_of_the_password() {
        let left = |ago: Option<i64>| {
            let since = ago.map(|ago| NOW.saturating_add_seconds(-ago));
            keys(&[(1, 900), (2, 800), (3, 700), (4, 0)]).without_retired(3, since, NOW).versions()
        };
        assert_eq!(left(Some(RETIRED_AFTER + 1)), [3, 4]);
        assert_eq!(left(Some(RETIRED_AFTER)), [1, 2, 3, 4]);
        assert_eq!(left(None), [1, 2, 3, 4]);
    }

    #[test]
    fn entries_of_other_principals_are_not_in_the_new_keytab() {
        let other = Account::new("krbtgt/CONTOSO.TEST", REALM).with_keys(
            Password::from_text("x")
                .key(EncType::AES256_CTS_HMAC_SHA1_96, &Salt::custom("s"))
                .map(|key| ServiceKey::new(key, Some(1))),
        );
        let octets = Keytab::encode([&other], NOW).unwrap();
        assert!(AccountKeys::parse(&octets, NAME, REALM).unwrap().versions().is_empty());
    }
}
