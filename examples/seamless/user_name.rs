//! What a user types as a name, or a link gives as `login_hint`, and where it leads.

use std::fmt;

/// `alice`, `alice@contoso.test` or `CONTOSO\alice`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UserName {
    /// An account name alone.
    Account(String),
    /// A user principal name (MS-ADTS section 5.1.1.1.1), and its suffix.
    Principal { name: String, suffix: String },
    /// An account name with the domain's NetBIOS name before it.
    DownLevel { domain: String, account: String },
}

impl UserName {
    /// `None` for what nobody is called: nothing, parts that are empty, control characters, and names too long for a
    /// directory.
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

    /// The name without its domain.
    pub(crate) fn into_account(self) -> String {
        match self {
            Self::Account(account) | Self::DownLevel { account, .. } => account,
            Self::Principal { name, .. } => name.split('@').next().map(Into::into).unwrap_or_default(),
        }
    }

    fn is_whole(&self) -> bool {
        match self {
            Self::Account(account) => !account.is_empty(),
            Self::Principal { name, suffix } => !suffix.is_empty() && !name.starts_with('@'),
            Self::DownLevel { domain, account } => !domain.is_empty() && !account.is_empty(),
        }
    }

    /// Whether a tenant with these domains and this realm is meant. The NetBIOS name of a domain is, as a rule, the first
    /// label of its DNS name; a directory may have it otherwise, and its tenant's name or domains can say so.
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

/// As it was typed, without the white space around it.
impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(name) | Self::Principal { name, .. } => f.write_str(name),
            Self::DownLevel { domain, account } => write!(f, "{domain}\\{account}"),
        }
    }
}

/// Longer than any userPrincipalName that people have; the attribute itself may have 1024.
const MAX_LENGTH: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn leads(typed: &str) -> bool {
        let domains = ["contoso.test", "contoso-corp.example"];
        UserName::parse(typed).is_some_and(|name| name.leads_to("CONTOSO.TEST", domains.into_iter()))
    }

    #[test]
    fn a_suffix_or_a_domain_leads_to_its_tenant() {
        for typed in ["alice@contoso.test", "bob@Contoso-Corp.Example", r"CONTOSO\alice", r"contoso\alice"] {
            assert!(leads(typed), "{typed}");
        }
        for typed in
            ["alice", "alice@fabrikam.test", r"FABRIKAM\alice", "alice@notcontoso.test", "a@contoso.test@x.test"]
        {
            assert!(!leads(typed), "{typed}");
        }
    }

    /// Counted in characters, without the white space around them.
    #[test]
    fn a_name_has_characters_up_to_the_limit() {
        for letter in ["a", "é", "李"] {
            assert!(UserName::parse(&format!(" {} ", letter.repeat(MAX_LENGTH))).is_some(), "{letter}");
            assert_eq!(UserName::parse(&letter.repeat(MAX_LENGTH.saturating_add(1))), None, "{letter}");
        }
    }

    #[test]
    fn what_nobody_is_called_is_no_name() {
        for typed in ["", "  ", "@contoso.test", "alice@", r"\alice", r"CONTOSO\", "al\0ice", &"a".repeat(257)] {
            assert_eq!(UserName::parse(typed), None, "{typed:?}");
        }
    }
}
