//! The tenants of the server. Each tenant has a validator, whose keys change while the server runs.

use crate::agents::Agents;
use crate::app::Shared;
use crate::app_password;
use crate::clock;
#[cfg(test)]
use crate::config::ProofConfig;
use crate::config::{Config, Limits, PasswordConfig, TenantConfig};
use crate::directory::{Directory, Verifiers};
use crate::federation::Federation;
use crate::guid::Guid;
use crate::hashes::{Checks, Table, Tables};
use crate::health::{AccountKeys, Health, Signs};
use crate::keytab::Keytabs;
use crate::oidc::{Clients, GrantType};
use crate::principal;
use crate::proof::Proofs;
use crate::replay::{Replay, Replays};
use crate::signing::{Signing, SigningAlgorithm};
use crate::store::Records;
use crate::user_name::UserName;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::StatusCode;
use axum::http::request::Parts;
use ipnet::IpNet;
use kerberos_sso::error::{Error, NoKey, NoKeyCause};
use kerberos_sso::policy::KvnoPolicy;
use kerberos_sso::testing::TestRealm;
use kerberos_sso::{Accepted, KeySet, Policy, Refused, SessionIdentity, SharedValidator, Sid, UnixTime};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

pub(crate) type Validator = kerberos_sso::Validator<Replay>;

/// All tenants of this server.
pub(crate) struct Tenants {
    by_name: HashMap<String, Tenant>,
    keytabs: Vec<(Tenant, Keytabs)>,
}

/// A tenant: one forest, with its account and its validator. Clones share the same state.
#[derive(Clone)]
pub(crate) struct Tenant {
    pub(crate) name: Arc<str>,
    pub(crate) realm: Arc<str>,
    /// The directory that checks passwords, or `None` if the tenant has no password form.
    pub(crate) directory: Option<Arc<Directory>>,
    /// The verifiers of passwords, if the tenant uses verifiers.
    pub(crate) hashes: Option<Table>,
    /// The rules that say who must also enter a one-time code.
    pub(crate) proofs: Arc<Proofs>,
    /// The configuration of app passwords, or `None` if the tenant has no app passwords.
    pub(crate) app_passwords: Option<Arc<app_password::Config>>,
    /// The applications of the tenant.
    pub(crate) clients: Arc<Clients>,
    /// The keys that sign the tenant's assertions and tokens.
    pub(crate) signing: Arc<Signing>,
    /// The audiences whose access tokens are signed with ES256.
    es256_audiences: Arc<[String]>,
    pub(crate) group_names: Arc<HashMap<Sid, String>>,
    tickets: Arc<TicketRules>,
    /// The built-in realm that makes its own tickets, if there is no `--config`.
    pub(crate) test_realm: Option<TestRealm>,
    /// The identifier of the tenant in tokens.
    pub(crate) guid: Guid,
    /// Whether native clients may send passwords.
    pub(crate) takes_username_tokens: bool,
    domains: Arc<[String]>,
    /// The domains whose users sign in at another federation service.
    federated: Arc<BTreeMap<String, Federation>>,
    /// The other realms of the forest, whose users sign in by ticket only.
    forest_realms: Arc<[String]>,
    validator: SharedValidator<Replay>,
    /// The keys of the validator, as the operators' listener shows them.
    keys: Arc<RwLock<AccountKeys>>,
    /// The users and groups that the server counts as administrators, in addition to the administrators of every domain.
    administrators: Arc<[Sid]>,
    /// The signs of a stolen key in the tickets of clients.
    pub(crate) signs: Arc<Signs>,
}

/// The networks in which the sign-in page tries a ticket, and the groups whose members may sign in by ticket. An empty
/// list stands for all networks or all users.
#[derive(Default)]
struct TicketRules {
    networks: Vec<IpNet>,
    groups: Vec<Sid>,
}

impl Tenants {
    pub(crate) async fn of_config(
        config: Config,
        allow_rc4: bool,
        replays: &Replays,
        records: &Records,
        (agents, tables): (Option<&Arc<Agents>>, &Tables),
    ) -> Result<Self, String> {
        let policy = if allow_rc4 { Policy::seamless_sso().allow_rc4() } else { Policy::seamless_sso() };
        let mut tenants = Self { by_name: HashMap::new(), keytabs: Vec::new() };
        let level = config.tls.as_ref().map(|tls| tls.channel_bindings).unwrap_or_default();
        let policy = policy.with_binding_level(level.into());
        let answer_after = Duration::from_secs(config.limits.password_seconds);
        let checkers = Checkers { answer_after, agents, tables, checks: Checks::default() };
        for config in config.tenants {
            let replay = replays.cache(&policy).await?;
            let tenant = Tenant::of_config(&config, policy.clone(), &checkers, replay, records)?;
            tenants.by_name.insert(config.name.to_ascii_lowercase(), tenant.clone());
            tenants.keytabs.push((tenant, Keytabs::of(config)));
        }
        for (tenant, keytabs) in &mut tenants.keytabs {
            let keys = keytabs.read(clock::now())?.ok_or("a keytab without bytes")?;
            tenant.take_keys(keys, keytabs.newest());
        }
        Ok(tenants)
    }

    /// Returns the built-in test realm, with these clients.
    pub(crate) async fn of_test_realm(replays: &Replays, records: &Records, clients: Clients) -> Result<Self, String> {
        let (realm, keys) = test_realm();
        let policy = Policy::seamless_sso().with_kvno(KvnoPolicy::Strict);
        // Every client of this server may sign in as any user, so a replayed ticket does no harm. The cache therefore accepts
        // authenticators from before its epoch, and accepts a ticket in the second in which the server starts.
        let replay = replays.cache(&policy).await?.taking_earlier_authenticators();
        let shown = AccountKeys::new(&keys, None);
        let validator = Validator::new(keys, policy, replay);
        let mut tenant = Tenant::new("contoso.test", realm.name(), vec!["contoso.test".into()], validator, records);
        tenant.keys = Arc::new(RwLock::new(shown));
        tenant.clients = Arc::new(clients);
        tenant.test_realm = Some(realm);
        Ok(Self { by_name: HashMap::from([("contoso.test".into(), tenant)]), keytabs: Vec::new() })
    }

    /// Lets agents validate the passwords of the test realm.
    pub(crate) fn ask_agents(&mut self, agents: &Arc<Agents>) {
        let answer_after = Duration::from_secs(Limits::default().password_seconds);
        for tenant in self.by_name.values_mut().filter(|tenant| tenant.test_realm.is_some()) {
            tenant.directory = Some(Arc::new(Directory::of_agents(Arc::clone(agents), answer_after)));
        }
    }

    /// Returns all tenants.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Tenant> {
        self.by_name.values()
    }

    pub(crate) fn get(&self, name: &str) -> Option<Tenant> {
        self.by_name.get(&name.to_ascii_lowercase()).cloned()
    }

    /// Returns the tenant that one segment of a path names. The segment may be the tenant's name, its identifier, its
    /// realm or one of its domains. Returns `None` if the segment is an alias of two tenants.
    pub(crate) fn of_path(&self, part: &str) -> Option<Tenant> {
        let mut aliased = self.all().filter(|tenant| tenant.has_alias(part));
        self.get(part).or_else(|| aliased.next().filter(|_| aliased.next().is_none()).cloned())
    }

    /// Returns the federation service of a domain of any tenant.
    pub(crate) fn federated(&self, domain: &str) -> Option<Federation> {
        self.all().find_map(|tenant| tenant.federation(domain).cloned())
    }

    /// Returns the tenant that a user name selects. An account name alone selects a tenant if the server has only one tenant.
    /// If the name may mean several tenants, returns `None`, because the password must not be sent to the KDC of another
    /// tenant.
    pub(crate) fn of_user(&self, user: &UserName) -> Option<Tenant> {
        let is_meant = |tenant: &&Tenant| match user {
            UserName::Account(_) => true,
            _ => tenant.is_meant(user),
        };
        let mut meant = self.by_name.values().filter(is_meant);
        meant.next().filter(|_| meant.next().is_none()).cloned()
    }

    /// Returns whether a user name selects, or may select, a tenant other than `than`.
    pub(crate) fn is_of_another(&self, user: &UserName, than: &Tenant) -> bool {
        self.by_name.values().any(|tenant| tenant.name != than.name && tenant.is_meant(user))
    }

    /// Returns the tenant that a domain (`domain_hint`) selects.
    pub(crate) fn of_domain(&self, domain: &str) -> Option<Tenant> {
        let user = UserName::Principal { name: String::new(), suffix: domain.trim().into() };
        self.get(domain.trim()).or_else(|| self.of_user(&user))
    }

    /// Returns the tenant of the built-in test realm, if the server has this tenant.
    pub(crate) fn test_tenant(&self) -> Option<Tenant> {
        self.by_name.values().find(|tenant| tenant.test_realm.is_some()).cloned()
    }

    /// Returns the time of the newest key of each tenant that has a keytab.
    pub(crate) fn newest_keys(&self) -> impl Iterator<Item = (&str, UnixTime)> {
        self.by_name.values().filter_map(|tenant| Some((&*tenant.name, tenant.keys().newest_key?)))
    }

    /// Returns the health of each tenant's account, in the order of the tenants' names.
    pub(crate) fn health(&self, now: UnixTime) -> Vec<Health> {
        let mut all: Vec<_> = self.by_name.values().map(|tenant| Health::of(tenant, now)).collect();
        all.sort_by(|one, other| one.tenant.cmp(&other.tenant));
        all
    }

    /// Starts a thread that reads the keytabs once a second for as long as the server runs.
    pub(crate) fn watch_keytabs(&self) -> std::io::Result<()> {
        let mut watched = self.keytabs.clone();
        let watch = move || loop {
            std::thread::sleep(LOOK_EVERY);
            for (tenant, keytabs) in &mut watched {
                tenant.renew_keys(keytabs);
            }
        };
        std::thread::Builder::new().name("keytabs".into()).spawn(watch).map(drop)
    }
}

/// The agents and the verifiers with which the server checks the passwords of all tenants.
struct Checkers<'a> {
    /// The time from a request with a wrong password to the refusal.
    answer_after: Duration,
    agents: Option<&'a Arc<Agents>>,
    tables: &'a Tables,
    checks: Checks,
}

impl Checkers<'_> {
    /// Returns the directory that checks the passwords of a tenant, or `None` if the tenant has no directory.
    fn directory(&self, config: &TenantConfig) -> Option<Directory> {
        let table = self.tables.get(&config.name);
        let verifiers = table.map(|table| Verifiers::new(table.clone(), self.checks.clone()));
        match (&config.password, verifiers) {
            (Some(PasswordConfig::Hash(_)), verifiers) => {
                verifiers.map(|verifiers| Directory::of_verifiers(verifiers, self.answer_after))
            }
            (Some(PasswordConfig::PassThrough { .. }), fallback) => {
                let agents = Arc::clone(self.agents?);
                let attribute = config.password.as_ref().and_then(PasswordConfig::alternate_id);
                let directory = Directory::of_agents(agents, self.answer_after).with_alternate_id(attribute);
                Some(directory.with_fallback(fallback))
            }
            (Some(PasswordConfig::Kdc { .. }) | None, fallback) => {
                let kdc = config.kdc.as_ref()?;
                Some(Directory::of_kdc(&config.realm, kdc, self.answer_after).with_fallback(fallback))
            }
        }
    }
}

impl Tenant {
    fn new(name: &str, realm: &str, domains: Vec<String>, validator: Validator, records: &Records) -> Self {
        Self {
            clients: Arc::default(),
            signing: Arc::new(Signing::of_tenant(records, &name.to_ascii_lowercase())),
            es256_audiences: Arc::default(),
            group_names: Arc::default(),
            tickets: Arc::default(),
            name: name.into(),
            realm: realm.into(),
            directory: None,
            hashes: None,
            proofs: Arc::default(),
            app_passwords: None,
            test_realm: None,
            guid: Guid::of_tenant(name),
            takes_username_tokens: false,
            domains: domains.into(),
            federated: Arc::default(),
            forest_realms: Arc::default(),
            validator: SharedValidator::new(validator),
            keys: Arc::default(),
            administrators: Arc::default(),
            signs: Arc::default(),
        }
    }

    fn of_config(
        config: &TenantConfig,
        policy: Policy,
        checkers: &Checkers<'_>,
        replay: Replay,
        records: &Records,
    ) -> Result<Self, String> {
        let policy = if config.any_kvno { policy } else { policy.with_kvno(KvnoPolicy::Strict) };
        let validator = Validator::new(KeySet::new(), policy, replay);
        let mut tenant = Self::new(&config.name, &config.realm, config.domains.clone(), validator, records);
        let in_tenant = |error: String| format!("{}: {error}", config.name);
        tenant.clients = Arc::new(Clients::new(config.clients.clone()).map_err(in_tenant)?);
        tenant.group_names = Arc::new(config.group_names.clone());
        tenant.es256_audiences = config.es256_audiences.clone().into();
        tenant.administrators = config.administrators.clone().into();
        let (networks, groups) = (config.ticket_networks().collect(), config.ticket_groups.clone());
        tenant.tickets = Arc::new(TicketRules { networks, groups });
        (tenant.guid, tenant.takes_username_tokens) = (config.guid(), config.username_mixed);
        tenant.federated = Arc::new(config.federated.clone());
        tenant.hashes = checkers.tables.get(&config.name).cloned();
        tenant.directory = checkers.directory(config).map(Arc::new);
        tenant.forest_realms = config.forest_domains.keys().cloned().collect();
        tenant.proofs = Arc::new(Proofs::new(config.proof.clone()).map_err(in_tenant)?);
        tenant.app_passwords = config.app_passwords.clone().map(Arc::new);
        Ok(tenant)
    }

    /// Returns the algorithm for access tokens of an audience. If the configuration does not choose ES256, the
    /// algorithm is RS256, which every API must know (RFC 9068 section 2.1).
    pub(crate) fn algorithm_for(&self, audience: &str) -> SigningAlgorithm {
        let is_es256 = self.es256_audiences.iter().any(|one| one == audience);
        if is_es256 { SigningAlgorithm::Es256 } else { SigningAlgorithm::Rs256 }
    }

    /// Returns whether the sign-in page tries a ticket for a client with this address.
    pub(crate) fn tries_tickets_at(&self, address: Option<IpAddr>) -> bool {
        let networks = &self.tickets.networks;
        networks.is_empty() || address.is_some_and(|address| networks.iter().any(|network| network.contains(&address)))
    }

    /// Returns whether a user may sign in by ticket.
    pub(crate) fn takes_tickets_of(&self, identity: &SessionIdentity) -> bool {
        let groups = &self.tickets.groups;
        groups.is_empty() || groups.iter().any(|group| identity.is_member_of(*group))
    }

    /// Returns whether the tenant has app passwords and a client that may send passwords.
    pub(crate) fn offers_app_passwords(&self) -> bool {
        self.app_passwords.is_some() && self.clients.may_use(GrantType::Password)
    }

    /// Returns the federation service of a domain of this tenant.
    pub(crate) fn federation(&self, domain: &str) -> Option<&Federation> {
        let mut found = self.federated.iter().filter(|(named, _)| named.eq_ignore_ascii_case(domain));
        found.next().map(|(_, federation)| federation)
    }

    fn has_alias(&self, part: &str) -> bool {
        let is_domain = |domain: &str| domain.eq_ignore_ascii_case(part);
        let mut domains = self.domains.iter().chain(self.federated.keys()).map(String::as_str).chain([&*self.realm]);
        part.parse() == Ok(self.guid) || domains.any(is_domain)
    }

    /// Returns a validator with the current keys.
    pub(crate) fn validator(&self) -> Validator {
        self.validator.validator()
    }

    /// Returns the keys of the validator.
    pub(crate) fn keys(&self) -> AccountKeys {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts the [signs](Signs) of a stolen key in an accepted ticket.
    pub(crate) fn count_accepted(&self, accepted: &Accepted) {
        self.signs.accepted(&self.name, accepted, &self.administrators, clock::now());
    }

    /// Counts the sign-in of a user without a ticket, if this user is an administrator.
    pub(crate) fn count_administrator(&self, user: &SessionIdentity) {
        self.signs.administrator(&self.name, user, &self.administrators, clock::now());
    }

    /// Counts the [signs](Signs) of a stolen key in a refused ticket. `authorization` is the header's value with the
    /// ticket.
    pub(crate) fn count_refused(&self, refused: &Refused, authorization: Option<&[u8]>) {
        let (error, now) = (refused.error(), clock::now());
        let is_other_version = matches!(error, Error::NoKey(NoKey { cause: NoKeyCause::StrictVersion { .. }, .. }));
        if is_other_version && authorization.is_some_and(|value| self.opens(value, now)) {
            self.signs.forged(&self.name, error, now);
        } else {
            self.signs.refused(&self.name, error, now);
        }
    }

    /// Returns whether a key of any version opens the ticket in an `Authorization` value.
    fn opens(&self, authorization: &[u8], now: UnixTime) -> bool {
        let validator = self.validator();
        let policy = validator.policy().clone().with_kvno(KvnoPolicy::Hint);
        let validator = validator.with_policy(policy);
        let Ok(token) = validator.decode_header(authorization) else { return false };
        validator.read(&token).and_then(|request| validator.open(request, now)).is_ok()
    }

    fn is_meant(&self, user: &UserName) -> bool {
        self.is_of_own_realm(user) || self.is_of_forest_realm(user)
    }

    /// Returns whether a user name is of another realm of the forest. This server does not ask the KDC of another realm.
    pub(crate) fn is_only_of_forest_realm(&self, user: &UserName) -> bool {
        !self.is_of_own_realm(user) && self.is_of_forest_realm(user)
    }

    /// Returns whether a name that somebody typed is a name of the user of a session.
    pub(crate) fn is_name_of(&self, name: &UserName, identity: &SessionIdentity) -> bool {
        let account = identity.account_name.as_ref().unwrap_or(&identity.name);
        let is_account = |typed: &str| typed.to_lowercase() == account.to_lowercase();
        match name {
            UserName::Account(typed) => is_account(typed),
            UserName::DownLevel { account: typed, .. } => is_account(typed) && self.is_of_realm_of(name, identity),
            UserName::Principal { name: typed, .. } => {
                let first = typed.rsplit_once('@').map_or("", |(first, _)| first);
                let is_upn = typed.to_lowercase() == principal::upn(identity).to_lowercase();
                // The account's name with the DNS name of its domain is always a user principal name (MS-ADTS section
                // 5.1.1.1.1). A name with another suffix must be the user principal name in the PAC.
                is_upn || (is_account(first) && name.leads_to(&identity.realm, std::iter::empty()))
            }
        }
    }

    fn is_of_realm_of(&self, name: &UserName, identity: &SessionIdentity) -> bool {
        let is_own = identity.realm.eq_ignore_ascii_case(&self.realm) && self.is_of_own_realm(name);
        is_own || name.leads_to(&identity.realm, std::iter::empty())
    }

    fn is_of_own_realm(&self, user: &UserName) -> bool {
        user.leads_to(&self.realm, self.domains.iter().map(String::as_str).chain([&*self.name]))
    }

    fn is_of_forest_realm(&self, user: &UserName) -> bool {
        self.forest_realms.iter().any(|realm| user.leads_to(realm, std::iter::empty()))
    }

    fn renew_keys(&self, keytabs: &mut Keytabs) {
        match keytabs.read(clock::now()) {
            Ok(None) => {}
            Ok(Some(keys)) => {
                let count = keys.accounts().map(|account| account.keys().len()).sum::<usize>();
                self.take_keys(keys, keytabs.newest());
                tracing::info!(tenant = %self.name, keys = count, "keytab changed: its keys serve from now on");
            }
            Err(error) => {
                tracing::error!(tenant = %self.name, "the keytab cannot be used; the keys stay as they are: {error}");
            }
        }
    }

    fn take_keys(&self, keys: KeySet, newest: Option<UnixTime>) {
        let shown = AccountKeys::new(&keys, newest);
        self.validator.replace_keys(keys);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = shown;
    }
}

/// Returns the built-in realm that makes its own tickets, and the keys that decrypt these tickets.
pub(crate) fn test_realm() -> (TestRealm, KeySet) {
    let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$").of_active_directory();
    let keys = KeySet::from(realm.account().with_domain_sid(realm.domain_sid()));
    (realm, keys)
}

/// Extracts the tenant whose name is in the path. A name that no tenant has is refused with status 404.
impl FromRequestParts<Shared> for Tenant {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, StatusCode> {
        let path = RawPathParams::from_request_parts(parts, app).await.map_err(|_| StatusCode::NOT_FOUND)?;
        let name = path.iter().find(|(key, _)| *key == "tenant").map(|(_, name)| name);
        name.and_then(|name| app.tenants.of_path(name)).ok_or(StatusCode::NOT_FOUND)
    }
}

const LOOK_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
