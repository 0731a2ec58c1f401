//! The configuration of how a tenant's passwords are validated.

use seamless_phs::verifier::{MAX_ITERATIONS, MIN_ITERATIONS};
use serde::Deserialize;
use std::path::PathBuf;

/// How a tenant's passwords are validated.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "method")]
pub(crate) enum PasswordConfig {
    /// This server asks the `kdc` of the tenant.
    Kdc {
        /// The verifiers that the server uses when the KDC cannot be asked.
        fallback: Option<HashConfig>,
    },
    /// An agent beside the directory asks the directory's KDC.
    PassThrough {
        /// The verifiers that the server uses when no agent answers.
        fallback: Option<HashConfig>,
        /// The LDAP attribute in which agents look for the typed name, such as `mail`. Without this field, the ticket
        /// that an agent returns must be for the user whose name was typed.
        alternate_id: Option<String>,
    },
    /// This server asks no directory, but compares passwords with the verifiers that a source has sent.
    Hash(HashConfig),
}

/// The verifiers of passwords, which a source in the organisation's network sends.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HashConfig {
    /// The file with the key that seals the verifiers: 32 random octets. All nodes must have the same file.
    pub(crate) key: PathBuf,
    /// The number of hours for which the server uses the verifiers after the last message of the source.
    #[serde(default = "HashConfig::max_age_hours")]
    pub(crate) max_age_hours: u32,
    /// Whether built-in accounts such as `Administrator`, whose RID is below 1000, may sign in by a verifier.
    #[serde(default)]
    pub(crate) built_in_accounts: bool,
    /// The smallest number of iterations of a verifier.
    #[serde(default = "HashConfig::min_iterations")]
    pub(crate) min_iterations: u32,
    /// The largest number of accounts, including removed accounts.
    #[serde(default = "HashConfig::max_accounts")]
    pub(crate) max_accounts: u32,
}

impl HashConfig {
    const fn max_age_hours() -> u32 {
        24
    }

    const fn min_iterations() -> u32 {
        MIN_ITERATIONS
    }

    /// Returns the default of `max_accounts`. An account has up to four entries, and a store in a file has room for a
    /// million entries.
    const fn max_accounts() -> u32 {
        200_000
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.max_age_hours == 0 {
            return Err("password: max_age_hours must be at least 1".into());
        }
        if !(MIN_ITERATIONS..=MAX_ITERATIONS).contains(&self.min_iterations) {
            return Err(format!("password: min_iterations must be from {MIN_ITERATIONS} to {MAX_ITERATIONS}"));
        }
        if !(1..=MAX_ACCOUNTS).contains(&self.max_accounts) {
            return Err(format!("password: max_accounts must be from 1 to {MAX_ACCOUNTS}"));
        }
        Ok(())
    }
}

/// The largest value of `max_accounts`. The list of accounts is spread over about a thousand entries, and each
/// entry has room for somewhat more than a thousand accounts.
const MAX_ACCOUNTS: u32 = 1_000_000;

impl PasswordConfig {
    /// Returns the configuration of the tenant's verifiers, if the tenant uses verifiers.
    pub(crate) const fn hashes(&self) -> Option<&HashConfig> {
        match self {
            Self::Kdc { fallback } | Self::PassThrough { fallback, .. } => fallback.as_ref(),
            Self::Hash(hashes) => Some(hashes),
        }
    }

    pub(super) const fn hashes_mut(&mut self) -> Option<&mut HashConfig> {
        match self {
            Self::Kdc { fallback } | Self::PassThrough { fallback, .. } => fallback.as_mut(),
            Self::Hash(hashes) => Some(hashes),
        }
    }

    /// Returns the attribute with the alternate names of users, if agents look names up.
    pub(crate) fn alternate_id(&self) -> Option<&str> {
        match self {
            Self::PassThrough { alternate_id, .. } => alternate_id.as_deref(),
            Self::Kdc { .. } | Self::Hash(_) => None,
        }
    }

    /// Refuses a text that is not a valid name of an attribute.
    pub(super) fn check_alternate_id(&self) -> Result<(), String> {
        let is_letter = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
        match self.alternate_id() {
            Some(name) if name.is_empty() || !name.bytes().all(is_letter) => {
                Err("password: alternate_id: write the name of an attribute, like mail".into())
            }
            _ => Ok(()),
        }
    }

    pub(crate) const fn is_by_agents(&self) -> bool {
        matches!(self, Self::PassThrough { .. })
    }
}
