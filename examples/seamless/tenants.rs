//! The tenants, each with its validator, whose keys are changed while the server runs.

use crate::config::{Config, TenantConfig};
use kerberos_sso::replay::{MemoryReplayCache, Start};
use kerberos_sso::testing::TestRealm;
use kerberos_sso::{Account, KeySet, Keytab, Policy, ServiceKey};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

pub(crate) type Validator = kerberos_sso::Validator<MemoryReplayCache>;

/// All tenants of this server.
pub(crate) struct Tenants {
    by_name: HashMap<String, Tenant>,
}

/// One forest. Clones are the same tenant.
#[derive(Clone)]
pub(crate) struct Tenant {
    pub(crate) name: Arc<str>,
    pub(crate) realm: Arc<str>,
    validator: Arc<RwLock<Validator>>,
}

impl Tenants {
    pub(crate) fn of_config(config: &Config, allow_rc4: bool) -> Result<Self, String> {
        let policy = if allow_rc4 { Policy::seamless_sso().allow_rc4() } else { Policy::seamless_sso() };
        let open = |tenant: &TenantConfig| Ok((tenant.name.clone(), Tenant::open(tenant, policy.clone())?));
        Ok(Self { by_name: config.tenants.iter().map(open).collect::<Result<_, String>>()? })
    }

    pub(crate) fn of_test_realm() -> Self {
        let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$").of_active_directory();
        let tenant = Tenant::new("contoso.test", realm.name(), realm.key_set(), Policy::seamless_sso());
        Self { by_name: HashMap::from([(tenant.name.to_string(), tenant)]) }
    }

    pub(crate) fn get(&self, name: &str) -> Option<Tenant> {
        self.by_name.get(name).cloned()
    }
}

impl Tenant {
    fn new(name: &str, realm: &str, keys: KeySet, policy: Policy) -> Self {
        let replay = MemoryReplayCache::new(REPLAY_ENTRIES, Start::TakeAny);
        let replay = replay.with_client_share(CLIENT_SHARE, CLOCK_SKEW);
        let validator = Arc::new(RwLock::new(Validator::new(keys, policy, replay)));
        Self { name: name.into(), realm: realm.into(), validator }
    }

    fn open(config: &TenantConfig, policy: Policy) -> Result<Self, String> {
        let in_file = |error: String| format!("{}: {error}", config.keytab.display());
        let bytes = std::fs::read(&config.keytab).map_err(|error| in_file(error.to_string()))?;
        let keys = read_keys(&bytes, config).map_err(in_file)?;
        Ok(Self::new(&config.name, &config.realm, keys, policy))
    }

    /// The validator with the keys of this moment.
    pub(crate) fn validator(&self) -> Validator {
        self.validator.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// All keys of the realm in a keytab, which are the account's, whichever of its names they stand under.
fn read_keys(bytes: &[u8], config: &TenantConfig) -> Result<KeySet, String> {
    let keytab = Keytab::parse(bytes).map_err(|error| error.to_string())?;
    let mut account = Account::new(&config.account, &config.realm).of_active_directory();
    for entry in keytab.into_entries() {
        if let (true, Some(key)) = (entry.realm == config.realm, entry.key) {
            account = account.with_key(ServiceKey::new(key, Some(entry.kvno)));
        }
    }
    for domain in &config.domain_sids {
        account = account.with_domain_sid(*domain);
    }
    if account.keys().is_empty() {
        return Err(format!("it has no key of the realm {}", config.realm));
    }
    Ok(KeySet::from_iter([account]))
}

const REPLAY_ENTRIES: usize = 200_000;

/// Of one client in two clock skews: one in three seconds.
const CLIENT_SHARE: u16 = 200;

/// Of the policy.
const CLOCK_SKEW: Duration = Duration::from_secs(300);
