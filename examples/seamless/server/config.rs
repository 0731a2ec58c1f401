//! Reads and checks the file of `--config FILE`, which is JSON. This module does not open the files that FILE names.
//!
//! ```json
//! {
//!   "session_minutes": 60,
//!   "address": "https://login.contoso.test",
//!   "hosts": ["sso.contoso.test"],
//!   "proxies": ["10.0.0.1", "10.1.0.0/16"],
//!   "tls": { "certificate": "certificate.pem", "key": "key.pem" },
//!   "metrics": "127.0.0.1:9464",
//!   "limits": { "connections": 768, "connections_of_address": 256, "requests_per_second": 200 },
//!   "state": { "directory": "/var/lib/seamless" },
//!   "tenants": [{
//!     "name": "contoso.test", "realm": "CONTOSO.TEST", "account": "AZUREADSSOACC$", "keytab": "sso.keytab",
//!     "kdc": "127.0.0.1:10088", "domain_sids": ["S-1-5-21-1-2-3"],
//!     "forest_domains": {"CHILD.CONTOSO.TEST": "S-1-5-21-4-5-6"}, "domains": ["contoso.test"],
//!     "guid": "01234567-89ab-4def-8123-456789abcdef", "username_mixed": false,
//!     "federated": {"partner.test": {"metadata_url": "https://adfs.partner.test/adfs/services/trust/mex", "brand": "Partner",
//!       "active_auth_url": "https://adfs.partner.test/adfs/services/trust/2005/usernamemixed"}},
//!     "proof": {"secrets": {"S-1-5-21-1-2-3-1105": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}, "users": ["S-1-5-21-1-2-3-1105"]},
//!     "app_passwords": {"days": 90, "blocked": ["S-1-5-21-1-2-3-1106"]},
//!     "clients": [{
//!       "id": "app", "name": "The application", "secret_sha256": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
//!       "redirect_uris": ["https://app.contoso.test/callback"], "scopes": ["openid", "profile", "groups"],
//!       "post_logout_redirect_uris": ["https://app.contoso.test/"],
//!       "backchannel_logout_uri": "https://app.contoso.test/signed-out", "id_token_signed_response_alg": "ES256",
//!       "require_pushed_authorization_requests": true
//!     }, {
//!       "id": "pages", "redirect_uris": ["https://pages.contoso.test/"], "origins": ["https://pages.contoso.test"]
//!     }, {
//!       "id": "api", "secret_sha256": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
//!       "grants": [], "resources": ["https://api.contoso.test"]
//!     }, {
//!       "id": "mail", "secret_sha256": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
//!       "grants": ["password"], "user_address_header": "X-Dovecot-Auth-Remote"
//!     }]
//!   }]
//! }
//! ```
//!
//! For several nodes: `"state": { "valkey": "redis://sso:secret@10.0.0.5", "secret": "seamless.secret",
//! "without_store": "passwords" }`.
//!
//! A client with a secret is an application on a server. A client without a secret is a page (`origins` are the origins
//! that may ask for tokens) or a native program. A client with empty `grants` is an API: it inspects the tokens for its
//! `resources`. `oidc/clients.rs` describes all fields.
//!
//! For agents that validate passwords (`agents/mod.rs`): `"agents": { "listen": "0.0.0.0:8443", "nodes":
//! ["https://n1.contoso.test:8443"] }`, and `"password": { "method": "pass-through" }` in the tenant. Several nodes also need
//! a `broker` (`config/agents.rs`).
//!
//! Applications behind a reverse proxy need no entry in FILE: `forward_auth.rs` describes how the proxy asks this
//! server.

mod agents;
mod password;

pub(crate) use agents::{AgentsConfig, BrokerConfig};
pub(crate) use password::{HashConfig, PasswordConfig};

use crate::app_password;
use crate::federation::Federation;
use crate::forwarded::{Proxies, ProxyHeaders};
use crate::guid::Guid;
use crate::oidc::RegisteredClient;
use crate::store::{Engine, Nodes, WithoutStore};
use ipnet::IpNet;
use kerberos_sso::Sid;
use kerberos_sso::policy::BindingLevel;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default = "Config::session_minutes")]
    pub(crate) session_minutes: u64,
    /// The public address of the server in the MEX document, in assertions and in tokens, as
    /// `https://login.contoso.test`. All nodes have the same address. Without this field, the server uses the address
    /// of its listening socket. If the address begins with `https`, the cookies are `Secure`.
    pub(crate) address: Option<String>,
    /// The address of the host to which browsers send tickets, such as `https://autologon.microsoftazuread-sso.com`, if
    /// this host is not that of `address`. Only this host must be in the browsers' intranet zone. The DNS name of this
    /// host must lead to this server, too.
    pub(crate) autologon: Option<String>,
    /// The addresses and networks of the proxies in front of the server. The server takes the client's address only from the
    /// headers of these proxies.
    #[serde(default)]
    proxies: Vec<Network>,
    /// The headers that the proxies write: `x-forwarded` (`X-Forwarded-For`, `-Proto` and `-Host`) or `forwarded` (RFC
    /// 7239). The proxies must append to these headers or replace them.
    #[serde(default)]
    proxy_headers: ProxyHeaders,
    /// The hosts for which the server answers, in addition to the host of `address`, loopback and the host names of
    /// Seamless SSO.
    #[serde(default)]
    pub(crate) hosts: Vec<String>,
    /// The certificate of a server that terminates TLS itself. Without this field, the server speaks HTTP, and a proxy
    /// in front of the server terminates TLS.
    pub(crate) tls: Option<TlsConfig>,
    /// The address of a second listener for operators, with figures for Prometheus at `/metrics` and the health of each
    /// tenant's account at `/` and `/healthz`. Let only operators and Prometheus reach the address.
    pub(crate) metrics: Option<SocketAddr>,
    /// The listener for the agents that validate passwords.
    pub(crate) agents: Option<AgentsConfig>,
    #[serde(default)]
    pub(crate) limits: Limits,
    #[serde(default)]
    pub(crate) state: StateConfig,
    pub(crate) tenants: Vec<TenantConfig>,
}

/// The certificate of a server that terminates TLS itself.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsConfig {
    /// The file with the certificate and its chain, in PEM.
    pub(crate) certificate: PathBuf,
    /// The file with the private key, in PEM.
    pub(crate) key: PathBuf,
    /// Which tickets must be bound to the certificate: `if-present`, `if-advertised` or `require`.
    #[serde(default)]
    pub(crate) channel_bindings: Bindings,
}

/// The clients whose tickets must be bound to the TLS connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bindings {
    /// Every client may leave out the channel bindings. The server refuses channel bindings of another certificate.
    #[default]
    IfPresent,
    /// Clients that announce bindings (MS-KILE section 2.2.7), as Windows does, must send them.
    IfAdvertised,
    /// Every client must send channel bindings. Chromium on Linux and some versions of curl cannot send them.
    Require,
}

impl From<Bindings> for BindingLevel {
    fn from(bindings: Bindings) -> Self {
        match bindings {
            Bindings::IfPresent => Self::IfPresent,
            Bindings::IfAdvertised => Self::IfAdvertised,
            Bindings::Require => Self::Require,
        }
    }
}

/// The limits on clients. The limits do not apply to a trusted proxy. The limits on addresses apply to the clients
/// behind the proxy. The process must be allowed to open some hundred files more than `connections` (`ulimit -n`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// The largest number of connections.
    pub(crate) connections: usize,
    /// The largest number of connections of one address.
    pub(crate) connections_of_address: usize,
    /// The number of requests that one address may send each second.
    pub(crate) requests_per_second: u32,
    /// The number of requests that one address may send in a burst, after a pause.
    pub(crate) requests_at_once: u32,
    /// The number of wrong passwords of one address within ten minutes, after which a pause begins for this address.
    pub(crate) wrong_passwords_of_address: u32,
    /// The number of families of refresh tokens that one tenant may have. Beyond this number, clients get access tokens only.
    pub(crate) refresh_tokens_of_tenant: u32,
    /// The time from a request with a wrong password to the refusal, in seconds. If the directory has not answered
    /// within this time, the server refuses the password.
    pub(crate) password_seconds: u64,
}

impl Default for Limits {
    /// Returns limits that are high enough for some thousand users behind one address.
    fn default() -> Self {
        Self {
            connections: 768,
            connections_of_address: 256,
            requests_per_second: 200,
            requests_at_once: 1_000,
            wrong_passwords_of_address: 50,
            refresh_tokens_of_tenant: 200_000,
            password_seconds: 3,
        }
    }
}

impl Limits {
    fn check(self) -> Result<(), String> {
        if !(1..=MAX_PASSWORD_SECONDS).contains(&self.password_seconds) {
            return Err(format!("limits: password_seconds must be from 1 to {MAX_PASSWORD_SECONDS}"));
        }
        let rates = [
            self.requests_per_second,
            self.requests_at_once,
            self.wrong_passwords_of_address,
            self.refresh_tokens_of_tenant,
        ];
        if self.connections == 0 || self.connections_of_address == 0 || rates.contains(&0) {
            return Err("limits: each limit must be at least 1".into());
        }
        Ok(())
    }
}

/// The configuration of the store with the server's state. Without this configuration, the store is a file in the
/// user's folder for state.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StateConfig {
    /// The folder of the file with the state, for a server of one node.
    directory: Option<PathBuf>,
    /// The nodes of Valkey or Redis, for a server of several nodes: `"redis://[USER:PASSWORD@]HOST[:PORT]"`,
    /// `{"service": "NAME", "sentinels": ["redis://…"]}` or `{"cluster": ["redis://…"]}`. With `rediss://`, the
    /// connections are by TLS.
    valkey: Option<Nodes>,
    /// The file with the certificate authority of `valkey`, in PEM. Without this file, an authority that the operating
    /// system trusts must have signed the certificate of `valkey`.
    ca: Option<PathBuf>,
    /// The file with the secret of all nodes, for `valkey`: 32 random octets.
    secret: Option<PathBuf>,
    /// The server's behaviour while `valkey` cannot be reached: `passwords` or `refuse`.
    #[serde(default)]
    pub(crate) without_store: WithoutStore,
}

/// The configuration of a tenant: one forest, with its own account and its own keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantConfig {
    /// The name with which the tenant's paths begin, as in `/contoso.test/…`.
    pub(crate) name: String,
    pub(crate) realm: String,
    pub(crate) account: String,
    /// The path of the keytab, relative to the folder of the configuration file.
    pub(crate) keytab: PathBuf,
    /// Whether a ticket may name a version of the key that the keytab does not have. A KDC never issues such a ticket for a
    /// correct keytab. But the person who made the keytab may have guessed its key versions.
    #[serde(default)]
    pub(crate) any_kvno: bool,
    /// The `ADDR:PORT` of a KDC, which checks passwords. Without a KDC there is no password form.
    pub(crate) kdc: Option<String>,
    /// How passwords are validated. Without this field, the KDC in the field `kdc` validates passwords.
    pub(crate) password: Option<PasswordConfig>,
    /// The SIDs of the domains for whose users and groups this tenant's keys may vouch.
    #[serde(default)]
    pub(crate) domain_sids: Vec<Sid>,
    /// The other domains of the forest, whose users also sign in here. Each entry is a realm and the SID of its domain.
    #[serde(default)]
    pub(crate) forest_domains: BTreeMap<String, Sid>,
    /// The suffixes of user names that select this tenant.
    #[serde(default)]
    pub(crate) domains: Vec<String>,
    /// The identifier of the tenant in tokens (`tid`). Without this field, the identifier is derived from the name.
    pub(crate) guid: Option<Guid>,
    /// The domains whose users sign in at another federation service. This server refuses the tickets of these users.
    #[serde(default)]
    pub(crate) federated: BTreeMap<String, Federation>,
    /// Whether native clients may send passwords (`usernamemixed`).
    #[serde(default)]
    pub(crate) username_mixed: bool,
    #[serde(default)]
    pub(crate) proof: ProofConfig,
    /// The settings of app passwords. Without this field, users have no app passwords.
    pub(crate) app_passwords: Option<app_password::Config>,
    /// The applications to which users of this tenant sign in by OpenID Connect.
    #[serde(default)]
    pub(crate) clients: Vec<RegisteredClient>,
    /// The audiences whose access tokens are signed with ES256: resources, or the issuer for the server's own endpoints. Access
    /// tokens for other audiences are signed with RS256.
    #[serde(default)]
    pub(crate) es256_audiences: Vec<String>,
    /// The names of groups in tokens. For a group without a name, tokens have its SID.
    #[serde(default)]
    pub(crate) group_names: HashMap<Sid, String>,
    /// The users and groups whose sign-ins the server counts as sign-ins of administrators, in addition to the
    /// administrators that every domain has.
    #[serde(default)]
    pub(crate) administrators: Vec<Sid>,
    /// The networks in which the sign-in page tries a ticket. Without networks, the page tries a ticket everywhere.
    #[serde(default)]
    ticket_networks: Vec<Network>,
    /// The groups whose members may sign in by ticket. Without groups, every user may sign in by ticket.
    #[serde(default)]
    pub(crate) ticket_groups: Vec<Sid>,
}

/// The rules about who must also enter a one-time code (RFC 6238).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ProofConfig {
    /// The secrets of users, in base32, by their SIDs.
    pub(crate) secrets: HashMap<Sid, String>,
    /// Whether every user must enter a code. If so, a user without a secret cannot sign in.
    pub(crate) everyone: bool,
    /// The users who must enter a code at every sign-in.
    pub(crate) users: Vec<Sid>,
    /// The resources (`resource`, RFC 8707) for whose tokens a user must have entered a code.
    pub(crate) resources: Vec<String>,
}

/// A network, or an address.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Network(IpNet);

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let address = || text.parse::<IpAddr>().ok().map(|address| IpNet::from(address.to_canonical()));
        let network = text.parse().ok().or_else(address);
        network.map(Self).ok_or_else(|| format!("{text:?}: neither an address nor a network like 10.1.0.0/16"))
    }
}

impl Config {
    pub(crate) fn proxies(&self) -> Proxies {
        Proxies::new(self.proxies.iter().map(|network| network.0).collect(), self.proxy_headers)
    }

    pub(crate) const SESSION_MINUTES: u64 = 60;

    const fn session_minutes() -> u64 {
        Self::SESSION_MINUTES
    }

    pub(crate) fn load(path: &Path) -> Result<Self, String> {
        let in_file = |error: String| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| in_file(error.to_string()))?;
        let mut config = Self::parse(&text).map_err(in_file)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for tenant in &mut config.tenants {
            tenant.keytab = folder.join(&tenant.keytab);
            if let Some(hashes) = tenant.password.as_mut().and_then(PasswordConfig::hashes_mut) {
                hashes.key = folder.join(&hashes.key);
            }
        }
        let tls = config.tls.iter_mut().flat_map(|tls| [&mut tls.certificate, &mut tls.key]);
        let agents = config.agents.iter_mut().flat_map(AgentsConfig::paths);
        for path in [&mut config.state.directory, &mut config.state.ca, &mut config.state.secret]
            .into_iter()
            .flatten()
            .chain(tls)
            .chain(agents)
        {
            *path = folder.join(&*path);
        }
        Ok(config)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let config: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        if !(1..=MAX_SESSION_MINUTES).contains(&self.session_minutes) {
            return Err(format!("session_minutes must be from 1 to {MAX_SESSION_MINUTES}"));
        }
        let is_origin = |address: &String| {
            let host = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
            host.is_some_and(|host| {
                !host.is_empty() && !host.contains(['/', '?', '#', '@']) && !host.contains(char::is_whitespace)
            })
        };
        if !self.address.as_ref().is_none_or(is_origin) {
            return Err("address: write a scheme and a host, like https://login.contoso.test".into());
        }
        if !self.autologon.as_ref().is_none_or(is_origin) {
            return Err("autologon: write a scheme and a host, like https://autologon.microsoftazuread-sso.com".into());
        }
        if self.autologon.is_some() && (self.address.is_none() || self.address == self.autologon) {
            return Err("autologon: also name the `address` of the pages, which must differ from `autologon`".into());
        }
        self.limits.check()?;
        let engine = self.state.engine()?;
        self.agents.as_ref().map_or(Ok(()), |agents| agents.check(engine.as_ref()))?;
        if self.tenants.is_empty() {
            return Err("there is no tenant".into());
        }
        let (mut names, mut realms, mut domains) = (HashSet::new(), HashSet::new(), HashSet::new());
        let mut guids = HashSet::new();
        for tenant in &self.tenants {
            tenant.check()?;
            if tenant.password.as_ref().is_some_and(PasswordConfig::is_by_agents) && self.agents.is_none() {
                return Err(format!("{}: password: pass-through needs `agents`", tenant.name));
            }
            if tenant.hashes().is_some() && self.agents.is_none() {
                return Err(format!("{}: password: the source of hashes needs `agents`", tenant.name));
            }
            if self.tenants.len() > 1 && tenant.domain_sids.is_empty() {
                return Err(format!(
                    "{}: `domain_sids` is missing; with several tenants, each tenant needs it",
                    tenant.name
                ));
            }
            if !names.insert(tenant.name.to_ascii_lowercase()) {
                return Err(format!("{}: two tenants have this name", tenant.name));
            }
            // Each tenant has its own replay cache, so two tenants of one realm would both accept the same
            // authenticator. There is a second reason: a user of a realm must belong to only one tenant.
            if let Some(twice) = tenant.realms().find(|realm| !realms.insert(realm.to_ascii_lowercase())) {
                return Err(format!("{}: two tenants have the realm {twice}", tenant.name));
            }
            if !guids.insert(tenant.guid()) {
                return Err(format!("{}: two tenants have the identifier {}", tenant.name, tenant.guid()));
            }
            let mut all = tenant.domains.iter().chain(tenant.federated.keys());
            if let Some(twice) = all.find(|domain| !domains.insert(domain.to_ascii_lowercase())) {
                return Err(format!("{}: the domain {twice} is listed twice (`domains`, `federated`)", tenant.name));
            }
        }
        let own = || self.tenants.iter().flat_map(|tenant| tenant.realms().chain([&*tenant.name]));
        for tenant in &self.tenants {
            if let Some(domain) =
                tenant.federated.keys().find(|domain| own().any(|own| own.eq_ignore_ascii_case(domain)))
            {
                return Err(format!(
                    "{}: federated: remove {domain}, because its users sign in at this server",
                    tenant.name
                ));
            }
        }
        Ok(())
    }
}

impl StateConfig {
    /// Returns the engine of the store, or `None` if the configuration names no engine.
    pub(crate) fn engine(&self) -> Result<Option<Engine>, String> {
        if self.ca.is_some() && self.valkey.is_none() {
            return Err("state: `ca` belongs to `valkey`".into());
        }
        match (&self.directory, &self.valkey, &self.secret) {
            (None, None, None) => Ok(None),
            (Some(folder), None, None) => Ok(Some(Engine::Disk { folder: folder.clone() })),
            (None, Some(nodes), Some(secret)) => {
                let (nodes, ca, secret) = (nodes.clone(), self.ca.clone(), secret.clone());
                Ok(Some(Engine::Valkey { nodes, ca, secret }))
            }
            (None, Some(_), None) => {
                Err("state: with `valkey`, name the file `secret`, which all nodes have; make it with \
                 head -c 32 /dev/urandom > seamless.secret; chmod 600 seamless.secret"
                    .into())
            }
            (Some(_), Some(_), _) => Err("state: name either `directory` or `valkey`".into()),
            (_, None, Some(_)) => Err("state: `secret` belongs to `valkey`; a `directory` has its own secret".into()),
        }
    }
}

impl TenantConfig {
    fn check(&self) -> Result<(), String> {
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        if self.name.is_empty() || !self.name.bytes().all(in_name) {
            return Err(format!("{:?}: a tenant's name may have only letters, digits, dots and hyphens", self.name));
        }
        if RESERVED_NAMES.iter().any(|reserved| self.name.eq_ignore_ascii_case(reserved)) {
            return Err(format!("{}: this name is reserved for paths of all tenants", self.name));
        }
        if self.realm.is_empty() || self.account.is_empty() {
            return Err(format!("{}: realm and account must not be empty", self.name));
        }
        let app_passwords = self.app_passwords.as_ref().map_or(Ok(()), app_password::Config::check);
        app_passwords.map_err(|error| format!("{}: {error}", self.name))?;
        self.check_native_clients()?;
        self.check_password()?;
        self.check_forest()
    }

    fn check_native_clients(&self) -> Result<(), String> {
        if self.username_mixed && self.kdc.is_none() && self.password.is_none() {
            return Err(format!("{}: `username_mixed` needs the field `kdc` or the field `password`", self.name));
        }
        for (domain, federation) in &self.federated {
            let is_name = domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
            if domain.is_empty() || !is_name {
                return Err(format!(
                    "{}: federated: {domain:?}: a domain may have only letters, digits, dots and hyphens",
                    self.name
                ));
            }
            if let Some(fault) = federation.fault() {
                return Err(format!("{}: federated: {domain}: {fault}", self.name));
            }
        }
        Ok(())
    }

    /// Returns the identifier of the tenant.
    pub(crate) fn guid(&self) -> Guid {
        self.guid.unwrap_or_else(|| Guid::of_tenant(&self.name))
    }

    fn check_password(&self) -> Result<(), String> {
        let in_tenant = |text: &str| format!("{}: {text}", self.name);
        match (&self.password, &self.kdc) {
            (Some(PasswordConfig::Kdc { .. }), None) => {
                return Err(in_tenant("password: the method `kdc` needs a `kdc` in the tenant"));
            }
            (Some(PasswordConfig::PassThrough { .. } | PasswordConfig::Hash(_)), Some(_)) => {
                return Err(in_tenant("password: with this method, this server asks no KDC; remove the field `kdc`"));
            }
            _ => {}
        }
        self.password.as_ref().map_or(Ok(()), PasswordConfig::check_alternate_id).map_err(|error| in_tenant(&error))?;
        let Some(hashes) = self.hashes() else { return Ok(()) };
        if self.domain_sids.is_empty() {
            return Err(in_tenant("password: hashes need `domain_sids`, which say whose accounts the source may send"));
        }
        hashes.check().map_err(|error| in_tenant(&error))
    }

    /// Returns the configuration of the tenant's verifiers, if the tenant uses verifiers.
    pub(crate) fn hashes(&self) -> Option<&HashConfig> {
        self.password.as_ref()?.hashes()
    }

    fn check_forest(&self) -> Result<(), String> {
        let of_forest = |what: &str| Err(format!("{}: forest_domains: {what}", self.name));
        if self.forest_domains.keys().any(String::is_empty) {
            return of_forest("a realm must not be empty");
        }
        if self.forest_domains.keys().any(|realm| realm.eq_ignore_ascii_case(&self.realm)) {
            return of_forest("the SID of the tenant's own realm belongs in `domain_sids`");
        }
        // If the validator knew the SIDs of the other domains only, it would refuse the users of the tenant's own
        // realm.
        if !self.forest_domains.is_empty() && self.domain_sids.is_empty() {
            return of_forest("name the SID of the tenant's own realm, too, in `domain_sids`");
        }
        Ok(())
    }

    /// Returns the networks in which the page tries a ticket.
    pub(crate) fn ticket_networks(&self) -> impl Iterator<Item = IpNet> {
        self.ticket_networks.iter().map(|network| network.0)
    }

    /// Returns the realm of the account and the other realms of its forest.
    fn realms(&self) -> impl Iterator<Item = &str> {
        [self.realm.as_str()].into_iter().chain(self.forest_domains.keys().map(String::as_str))
    }
}

/// The first segments of paths that do not belong to a tenant. No tenant may have such a name.
const RESERVED_NAMES: [&str; 6] = ["common", "organizations", "consumers", "trust", "explain", ".well-known"];

/// The largest value of `password_seconds`. A refusal must be sent before the time limit of the request.
const MAX_PASSWORD_SECONDS: u64 = 10;

/// The largest value of `session_minutes`: one week.
const MAX_SESSION_MINUTES: u64 = 7 * 24 * 60;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
