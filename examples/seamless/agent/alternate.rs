//! Alternate names: a user may sign in with the value of another attribute than `userPrincipalName`, such as `mail`.
//!
//! The agent looks such a name up before it asks the KDC. The agent refuses the name if several users have it in that
//! attribute or in `userPrincipalName`. Therefore, a user who writes another user's address into their own account
//! cannot sign in as that other user. If no user has the name, the agent sends the name to the KDC unchanged. The KDC
//! may know names that are in neither attribute, and refuses an unknown user as usual.

use crate::Failure;
use crate::ldap::{Access, LdapError, first};
use ldap3::{SearchEntry, ldap_escape};
use seamless_pta::user::UserName;
use seamless_pta::{Kind, User};

/// The attribute with the alternate names, and the access to the directory.
pub(crate) struct AlternateNames {
    attribute: String,
    access: Access,
}

/// The result of a lookup: how many users have the name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nobody,
    One(User),
    Several,
}

impl AlternateNames {
    /// Makes the lookup of alternate names. `attribute` is the name of an attribute of users: letters, digits and
    /// hyphens.
    pub(crate) fn new(attribute: &str, access: Access) -> Result<Self, Failure> {
        let is_letter = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
        if !attribute.starts_with(|first: char| first.is_ascii_alphabetic()) || !attribute.bytes().all(is_letter) {
            return Err("--alternate-id: the name of an attribute, like mail".into());
        }
        Ok(Self { attribute: attribute.into(), access })
    }

    pub(crate) const fn access(&self) -> &Access {
        &self.access
    }

    /// Returns the user whom the agent asks the KDC about, or `None` if several users have the name.
    pub(crate) async fn user(&self, typed: &User) -> Result<Option<User>, LdapError> {
        if typed.kind != Kind::Principal {
            return Ok(Some(typed.clone()));
        }
        Ok(match self.find(typed).await? {
            Found::Nobody => Some(typed.clone()),
            Found::One(user) => Some(user),
            Found::Several => None,
        })
    }

    pub(crate) async fn find(&self, typed: &User) -> Result<Found, LdapError> {
        let filter = filter(&self.attribute, typed.name.as_str());
        // Two objects are enough to see that several users have the name.
        let found = self.access.find(&filter, &["sAMAccountName"], 2).await?;
        Ok(choose(&found))
    }
}

/// Returns the search filter for the users with a name. The characters of the name are escaped (RFC 4515 section 3).
fn filter(attribute: &str, name: &str) -> String {
    let name = ldap_escape(name);
    format!("(&(objectClass=user)(|(userPrincipalName={name})({attribute}={name})))")
}

fn choose(found: &[SearchEntry]) -> Found {
    match found {
        [] => Found::Nobody,
        [one] => {
            let account = first(one, "sAMAccountName").and_then(UserName::new);
            account.map_or(Found::Several, |name| Found::One(User { name, kind: Kind::Account }))
        }
        _ => Found::Several,
    }
}

#[cfg(test)]
mod tests;
