//! The user of a job, with the name as the user typed it.

use crate::encoding::Text;
use serde::{Deserialize, Serialize};

/// The name that a user typed, and its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name: `alice`, `alice@contoso.test` or `CONTOSO\alice`.
    pub name: UserName,
    /// The form of the name.
    pub kind: Kind,
}

/// A user name of at most 256 characters.
pub type UserName = Text<256>;

/// The name of a tenant, which is a DNS name as a rule.
pub type Tenant = Text<255>;

/// The form of a user name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A user principal name, like `alice@contoso.test`.
    Principal,
    /// An account name alone, like `alice`.
    Account,
    /// An account name after the NetBIOS name of its domain, like `CONTOSO\alice`.
    DownLevel,
}

impl Kind {
    /// Returns the name of the form, as messages have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Account => "account",
            Self::DownLevel => "down-level",
        }
    }
}

impl User {
    /// Reads a name as a user types it. Returns `None` for an empty name or part, a control character, or too many
    /// characters.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        let name = UserName::new(typed.trim())?;
        let (kind, parts) = match (name.as_str().split_once('\\'), name.as_str().rsplit_once('@')) {
            (Some(parts), _) => (Kind::DownLevel, Some(parts)),
            (None, Some(parts)) => (Kind::Principal, Some(parts)),
            (None, None) => (Kind::Account, None),
        };
        let is_whole = parts.is_none_or(|(first, last)| !first.is_empty() && !last.is_empty());
        is_whole.then_some(Self { name, kind })
    }

    /// Returns whether the name has the form in `kind`. A message may claim a wrong form.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        Self::parse(self.name.as_str()).as_ref() == Some(self)
    }

    /// Returns the account name without the domain.
    #[must_use]
    pub fn account(&self) -> &str {
        let name = self.name.as_str();
        match self.kind {
            Kind::Account => name,
            Kind::DownLevel => name.split_once('\\').map_or(name, |(_, account)| account),
            Kind::Principal => name.rsplit_once('@').map_or(name, |(account, _)| account),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn typed_name_is_read_in_one_of_three_forms_and_a_name_with_an_empty_part_is_refused() {
        for (typed, kind, account) in [
            ("alice", Kind::Account, "alice"),
            (" alice@contoso.test ", Kind::Principal, "alice"),
            ("a@b@contoso.test", Kind::Principal, "a@b"),
            (r"CONTOSO\alice", Kind::DownLevel, "alice"),
            (r"CONTOSO\a@b", Kind::DownLevel, "a@b"),
        ] {
            let user = User::parse(typed).unwrap();
            assert_eq!((user.kind, user.account()), (kind, account), "{typed}");
            assert!(user.is_consistent());
        }
        for typed in ["", " ", "@contoso.test", "alice@", r"\alice", r"CONTOSO\", "al\0ice", &"a".repeat(257)] {
            assert_eq!(User::parse(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn name_with_a_wrong_claimed_form_is_not_consistent() {
        let user = User { kind: Kind::Account, ..User::parse("alice@contoso.test").unwrap() };
        assert!(!user.is_consistent());
    }

    #[test]
    fn form_of_a_name_is_written_as_messages_write_it() {
        for kind in [Kind::Principal, Kind::Account, Kind::DownLevel] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
