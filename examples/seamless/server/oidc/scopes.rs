//! The scopes of a request and of a grant (RFC 6749 section 3.3).

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// A set of scopes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Scopes(BTreeSet<String>);

impl Scopes {
    /// Reads a list of scopes, separated by spaces. Returns `None` if a scope has a character that RFC 6749 does not
    /// allow.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let scopes: BTreeSet<String> = text.split(' ').filter(|scope| !scope.is_empty()).map(Into::into).collect();
        scopes.iter().all(|scope| is_scope(scope)).then_some(Self(scopes))
    }

    pub(crate) fn contains(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Returns a scope of this set that is not in `allowed`, or `None` if all are allowed.
    pub(crate) fn beyond(&self, allowed: &Self) -> Option<&str> {
        self.0.iter().find(|scope| !allowed.contains(scope)).map(String::as_str)
    }
}

/// Returns whether a text can be a scope: `NQCHAR` of RFC 6749 appendix A.
pub(crate) fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'!' | b'#'..=b'[' | b']'..=b'~'))
}

/// Returns whether OpenID Connect or this server defines a scope. All other scopes belong to APIs.
pub(crate) fn is_of_openid(scope: &str) -> bool {
    [OPENID, PROFILE, EMAIL, GROUPS, OFFLINE_ACCESS].contains(&scope)
}

impl FromIterator<String> for Scopes {
    fn from_iter<I: IntoIterator<Item = String>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, scope) in self.0.iter().enumerate() {
            f.write_str(if place == 0 { "" } else { " " })?;
            f.write_str(scope)?;
        }
        Ok(())
    }
}

pub(crate) const OPENID: &str = "openid";
pub(crate) const PROFILE: &str = "profile";
pub(crate) const EMAIL: &str = "email";
pub(crate) const GROUPS: &str = "groups";
pub(crate) const OFFLINE_ACCESS: &str = "offline_access";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_a_set_and_a_quote_or_a_backslash_is_no_scope() {
        let scopes = Scopes::parse("profile openid  openid").unwrap();
        assert_eq!(scopes.to_string(), "openid profile");
        let allowed = Scopes::parse("openid").unwrap();
        assert_eq!((scopes.beyond(&allowed), allowed.beyond(&scopes)), (Some("profile"), None));
        for text in ["a\"b", "a\\b", "é", "a\tb"] {
            assert_eq!(Scopes::parse(text), None, "{text:?}");
        }
    }
}
