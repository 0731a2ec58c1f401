//! The user name that a user types or a link passes as `login_hint`, and the tenant that this name selects.

use std::fmt;

/// A user name in one of three forms: `alice`, `alice@contoso.test` or `CONTOSO\alice`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UserName {
    /// An account name alone.
    Account(String),
    /// A user principal name (MS-ADTS section 5.1.1.1.1), and the suffix of this name.
    Principal { name: String, suffix: String },
    /// An account name after the NetBIOS name of its domain.
    DownLevel { domain: String, account: String },
}

impl UserName {
    /// Reads a user name. Returns `None` for an empty name, an empty part, a control character, or a name of more than
    /// [`MAX_LENGTH`] characters.
    pub(crate) fn parse(typed: &str) -> Option<Self> {
        let typed = typed.trim();
        if typed.chars().count() > MAX_LENGTH || typed.chars().any(char::is_control) {
            return None;
        }
        let name = match (typed.split_once('\\'), typed.rsplit_once('@')) {
            (Some((domain, account)), _) => Self::DownLevel { domain: domain.into(), account: account.into() },
            (None, Some((_, suffix))) => Self::Principal { name: typed.into(), suffix: suffix.into() },
            (None, None) => Self::Account(typed.into()),
        };
        name.is_whole().then_some(name)
    }

    /// Returns the account name without the domain.
    pub(crate) fn into_account(self) -> String {
        match self {
            Self::Account(account) | Self::DownLevel { account, .. } => account,
            Self::Principal { name, .. } => name.split('@').next().map(Into::into).unwrap_or_default(),
        }
    }

    /// Returns the suffix of a user principal name.
    pub(crate) fn suffix(&self) -> Option<&str> {
        match self {
            Self::Principal { suffix, .. } => Some(suffix),
            Self::Account(_) | Self::DownLevel { .. } => None,
        }
    }

    fn is_whole(&self) -> bool {
        match self {
            Self::Account(account) => !account.is_empty(),
            Self::Principal { name, suffix } => !suffix.is_empty() && !name.starts_with('@'),
            Self::DownLevel { domain, account } => !domain.is_empty() && !account.is_empty(),
        }
    }

    /// Returns whether this name selects a tenant with this realm and these domains. The NetBIOS name of a domain usually
    /// equals the first label of its DNS name. If a directory uses another NetBIOS name, the configuration lists that name
    /// as the tenant's name or among the tenant's domains.
    pub(crate) fn leads_to<'a>(&self, realm: &'a str, mut domains: impl Iterator<Item = &'a str>) -> bool {
        match self {
            Self::Account(_) => false,
            Self::Principal { suffix, .. } => {
                suffix.eq_ignore_ascii_case(realm) || domains.any(|domain| suffix.eq_ignore_ascii_case(domain))
            }
            Self::DownLevel { domain, .. } => {
                let first_label = realm.split('.').next().unwrap_or(realm);
                let mut named = domains.chain([first_label, realm]);
                named.any(|name| domain.eq_ignore_ascii_case(name))
            }
        }
    }
}

/// Writes the name as the user typed it, without the white space around it.
impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(name) | Self::Principal { name, .. } => f.write_str(name),
            Self::DownLevel { domain, account } => write!(f, "{domain}\\{account}"),
        }
    }
}

/// The largest number of characters of a name. The attribute userPrincipalName may have 1024 characters, but real names are
/// shorter than this limit.
const MAX_LENGTH: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn leads(typed: &str) -> bool {
        let domains = ["contoso.test", "contoso-corp.example"];
        UserName::parse(typed).is_some_and(|name| name.leads_to("CONTOSO.TEST", domains.into_iter()))
    }

    #[test]
    fn suffix_or_netbios_name_of_a_domain_selects_the_tenant_of_the_domain() {
        for typed in ["alice@contoso.test", "bob@Contoso-Corp.Example", r"CONTOSO\alice", r"contoso\alice"] {
            assert!(leads(typed), "{typed}");
        }
        for typed in
            ["alice", "alice@fabrikam.test", r"FABRIKAM\alice", "alice@notcontoso.test", "a@contoso.test@x.test"]
        {
            assert!(!leads(typed), "{typed}");
        }
    }

    /// The limit counts characters and ignores the white space around the name.
    #[test]
    fn name_of_256_characters_is_read_and_name_of_257_characters_is_refused() {
        for letter in ["a", "é", "李"] {
            assert!(UserName::parse(&format!(" {} ", letter.repeat(MAX_LENGTH))).is_some(), "{letter}");
            assert_eq!(UserName::parse(&letter.repeat(MAX_LENGTH.saturating_add(1))), None, "{letter}");
        }
    }

    #[test]
    fn name_with_an_empty_part_or_a_control_character_is_refused() {
        for typed in ["", "  ", "@contoso.test", "alice@", r"\alice", r"CONTOSO\", "al\0ice", &"a".repeat(257)] {
            assert_eq!(UserName::parse(typed), None, "{typed:?}");
        }
    }
}
