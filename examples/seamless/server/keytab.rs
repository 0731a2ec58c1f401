//! The keytab of a tenant, which may change while the server runs. The server uses the keys of the current file. The
//! server also uses the keys of each earlier file for ten more hours.

use crate::config::TenantConfig;
use kerberos_sso::keys::KeytabError;
use kerberos_sso::policy::SEAMLESS_SSO_SERVICES;
use kerberos_sso::{Account, KeySet, Keytab, ServiceKey, UnixTime};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The keytabs that the server read from one path.
#[derive(Clone)]
pub(crate) struct Keytabs {
    config: Arc<TenantConfig>,
    /// The usable keytabs. The server uses the last keytab without a time limit. The server uses each earlier keytab until the
    /// time that is stored with it.
    good: Vec<(Zeroizing<Vec<u8>>, Option<UnixTime>)>,
    /// The result of the last read, usable or not. An unusable file causes one error only, until the file changes.
    seen: Result<Zeroizing<Vec<u8>>, String>,
}

impl Keytabs {
    pub(crate) fn of(config: TenantConfig) -> Self {
        Self { config: Arc::new(config), good: Vec::new(), seen: Err(String::new()) }
    }

    /// Returns the time of the newest entry of the current keytab, or `None` if no entry has a time.
    pub(crate) fn newest(&self) -> Option<UnixTime> {
        let (bytes, _) = self.good.last()?;
        let keytab = self.ours(bytes).ok()?;
        keytab.entries().iter().map(|entry| entry.timestamp).max().filter(|time| time.seconds() > 0)
    }

    /// Returns the keys that the server uses now, or `None` if the file has not changed since the last read.
    pub(crate) fn read(&mut self, now: UnixTime) -> Result<Option<KeySet>, String> {
        let bytes = std::fs::read(&self.config.keytab).map(Zeroizing::new);
        self.take(bytes.map_err(|error| error.to_string()), now)
            .map_err(|error| format!("{}: {error}", self.config.keytab.display()))
    }

    fn take(&mut self, bytes: Result<Zeroizing<Vec<u8>>, String>, now: UnixTime) -> Result<Option<KeySet>, String> {
        if bytes == self.seen {
            return Ok(None);
        }
        self.seen.clone_from(&bytes);
        let bytes = bytes?;
        let account = self.with_keys(self.account(), &bytes, None)?;
        if account.keys().is_empty() {
            return Err(format!("the keytab has no key of {} in the realm {}", self.config.account, self.config.realm));
        }
        self.warn_of_others(&bytes);
        self.retire(&bytes, now);
        let mut account = self.account();
        for (bytes, until) in &self.good {
            account = self.with_keys(account, bytes, *until)?;
        }
        Ok(Some(KeySet::from(account)))
    }

    /// Makes `bytes` the current keytab. The keytab that was current until now begins to retire. If the file becomes
    /// equal to an earlier keytab, that keytab no longer retires.
    fn retire(&mut self, bytes: &Zeroizing<Vec<u8>>, now: UnixTime) {
        self.good.retain(|(old, until)| old != bytes && until.is_none_or(|until| until > now));
        for (_, until) in &mut self.good {
            until.get_or_insert_with(|| now.saturating_add_seconds(TICKET_LIFETIME));
        }
        self.good.push((bytes.clone(), None));
        let excess = self.good.len().saturating_sub(MAX_KEPT);
        self.good.drain(..excess);
    }

    fn account(&self) -> Account {
        let account = Account::new(&self.config.account, &self.config.realm).of_active_directory();
        let account = self.config.domain_sids.iter().fold(account, |account, domain| account.with_domain_sid(*domain));
        let others = self.config.forest_domains.iter();
        others.fold(account, |account, (realm, domain)| account.with_forest_domain(realm, *domain))
    }

    /// Adds the keys of the entries that name the account or one of its services. The keytab of a whole domain also has the
    /// keys of its users. If the server used a user's key, that user could make tickets for any client.
    fn with_keys(&self, account: Account, bytes: &[u8], until: Option<UnixTime>) -> Result<Account, String> {
        let entries = self.ours(bytes).map_err(|error| error.to_string())?.into_entries();
        let keys = entries.into_iter().filter_map(|entry| {
            let key = ServiceKey::new(entry.key?, Some(entry.kvno));
            Some(until.into_iter().fold(key, ServiceKey::with_not_after))
        });
        Ok(account.with_keys(keys))
    }

    /// Reads the entries of the account and of its services.
    fn ours(&self, bytes: &[u8]) -> Result<Keytab, KeytabError> {
        let names = [self.config.account.as_str()].into_iter().chain(SEAMLESS_SSO_SERVICES);
        let names: Vec<_> = names.map(|name| format!("{name}@{}", self.config.realm)).collect();
        Ok(Keytab::parse(bytes)?.only(names.iter().map(String::as_str)))
    }

    /// Logs the unusable records of the keytab and the principals other than the account.
    fn warn_of_others(&self, bytes: &[u8]) {
        let Ok(keytab) = self.ours(bytes) else { return };
        let path = self.config.keytab.display();
        for unusable in keytab.unusable().iter().take(SHOWN) {
            tracing::warn!(%path, "a record of the keytab cannot be used and is ignored: {unusable}");
        }
        let others = keytab.left_out();
        if others.iter().any(|principal| principal.as_str().starts_with("krbtgt")) {
            tracing::error!(
                %path,
                "the keytab holds a key of krbtgt: every reader of this file can be any user of the realm; export the \
                 account's keys only (--principal), and change the password of krbtgt twice"
            );
        }
        if !others.is_empty() {
            let shown: Vec<_> = others.iter().take(SHOWN).map(ToString::to_string).collect();
            tracing::warn!(%path, count = others.len(), "entries of other principals are ignored: {}", shown.join(", "));
        }
    }
}

/// The lifetime of tickets in Active Directory, in seconds. A client may use a ticket under an old key until that ticket ends.
const TICKET_LIFETIME: i64 = 10 * 60 * 60;

/// The largest number of unusable records, and of other principals, that the log names.
const SHOWN: usize = 10;

/// The largest number of keytabs that the server uses at the same time. More rollovers within ten hours happen in tests
/// only.
const MAX_KEPT: usize = 16;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::as_conversions, clippy::cast_possible_truncation)]
mod tests {
    use super::*;
    use kerberos_sso::{Key, crypto::EncType};

    const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);

    fn keytabs() -> Keytabs {
        let config = r#"{"name": "r", "realm": "R", "account": "A$", "keytab": "k"}"#;
        Keytabs::of(serde_json::from_str(config).unwrap())
    }

    /// Returns an account of the realm with one AES256 key.
    fn account(name: &str, realm: &str, kvno: u8) -> Account {
        let key = Key::new(EncType::AES256_CTS_HMAC_SHA1_96, &[kvno; 32]).unwrap();
        Account::new(name, realm).with_key(ServiceKey::new(key, Some(kvno.into())))
    }

    /// Returns the result of reading a keytab file with one key of `A$`.
    fn keytab(realm: &str, kvno: u8) -> Result<Zeroizing<Vec<u8>>, String> {
        Keytab::encode([&account("A$", realm, kvno)], NOW).map_err(|error| error.to_string())
    }

    /// alice knows her own key. If the server used this key, alice could make tickets for any client.
    #[test]
    fn keys_of_other_principals_are_ignored_in_a_keytab_of_a_whole_domain() {
        let names = ["alice", "a$", "krbtgt/R", "http/AUTOLOGON.microsoftazuread-sso.com", "HTTP/other.example.com"];
        let accounts: Vec<_> = names.iter().zip(1..).map(|(name, kvno)| account(name, "R", kvno)).collect();
        let octets = Keytab::encode(&accounts, NOW).map_err(|error| error.to_string());
        assert_eq!(served(keytabs().take(octets, NOW).unwrap()), [(2, None), (4, None)]);
    }

    /// Returns the version of each key, and the number of hours after which the key retires.
    fn served(keys: Option<KeySet>) -> Vec<(u32, Option<i64>)> {
        let keys = keys.unwrap();
        let account = keys.account("R", "A$").unwrap();
        let hours = |until: UnixTime| until.seconds_since(NOW) / 3600;
        account.keys().iter().map(|key| (key.kvno().unwrap(), key.not_after().map(hours))).collect()
    }

    #[test]
    fn keys_of_the_previous_keytab_are_used_for_ten_more_hours() {
        let (mut keytabs, later) = (keytabs(), NOW.saturating_add_seconds(11 * 3600));
        assert_eq!(served(keytabs.take(keytab("R", 1), NOW).unwrap()), [(1, None)]);
        assert!(keytabs.take(keytab("R", 1), NOW).unwrap().is_none());
        assert_eq!(served(keytabs.take(keytab("R", 2), NOW).unwrap()), [(1, Some(10)), (2, None)]);
        assert_eq!(served(keytabs.take(keytab("R", 1), NOW).unwrap()), [(2, Some(10)), (1, None)]);
        assert_eq!(served(keytabs.take(keytab("R", 3), later).unwrap()), [(1, Some(21)), (3, None)]);
    }

    #[test]
    fn broken_keytab_gives_one_error_and_changes_no_keys() {
        let mut keytabs = keytabs();
        keytabs.take(keytab("R", 1), NOW).unwrap();
        for broken in
            [Ok(vec![5, 2, 0, 0, 0, 9].into()), Ok(vec![5, 3].into()), keytab("S", 2), Err("no such file".into())]
        {
            assert!(keytabs.take(broken.clone(), NOW).is_err());
            assert!(keytabs.take(broken, NOW).unwrap().is_none());
        }
        assert_eq!(served(keytabs.take(keytab("R", 2), NOW).unwrap()), [(1, Some(10)), (2, None)]);
    }
}
