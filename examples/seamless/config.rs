//! `--config FILE`: JSON in, checked tenants out. Files that it names are not opened here.

use kerberos_sso::Sid;
use serde::Deserialize;
use std::collections::HashMap;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default = "Config::session_minutes")]
    pub(crate) session_minutes: u64,
    pub(crate) tenants: Vec<TenantConfig>,
}

/// One forest, with its own account and its own keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantConfig {
    /// What its addresses begin with: `/contoso.test/…`.
    pub(crate) name: String,
    pub(crate) realm: String,
    pub(crate) account: String,
    /// Relative to the file that names it.
    pub(crate) keytab: PathBuf,
    /// `ADDR:PORT` of a KDC, for passwords; without one there is no password form.
    pub(crate) kdc: Option<String>,
    /// The domains that its keys may vouch for.
    #[serde(default)]
    pub(crate) domain_sids: Vec<Sid>,
    /// The suffixes of user names that lead here.
    #[serde(default)]
    pub(crate) domains: Vec<String>,
    /// Accounts that must show a one-time code besides, and the secret that it is made from.
    #[serde(default)]
    pub(crate) proof: HashMap<String, String>,
}

impl Config {
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
        }
        Ok(config)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let config: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        if self.tenants.is_empty() {
            return Err("there is no tenant".into());
        }
        let (mut names, mut domains) = (HashSet::new(), HashSet::new());
        for tenant in &self.tenants {
            tenant.check()?;
            if self.tenants.len() > 1 && tenant.domain_sids.is_empty() {
                return Err(format!("{}: with several tenants, each needs its `domain_sids`", tenant.name));
            }
            if !names.insert(&tenant.name) {
                return Err(format!("{}: two tenants of this name", tenant.name));
            }
            if let Some(twice) = tenant.domains.iter().find(|domain| !domains.insert(domain.to_ascii_lowercase())) {
                return Err(format!("{}: the domain {twice} leads to another tenant", tenant.name));
            }
        }
        Ok(())
    }
}

impl TenantConfig {
    fn check(&self) -> Result<(), String> {
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        if self.name.is_empty() || !self.name.bytes().all(in_name) {
            return Err(format!("{:?}: a tenant's name is letters, digits, dots and hyphens", self.name));
        }
        if self.realm.is_empty() || self.account.is_empty() {
            return Err(format!("{}: realm and account must not be empty", self.name));
        }
        Ok(())
    }
}
