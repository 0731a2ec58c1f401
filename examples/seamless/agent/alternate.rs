//! Alternate names: a user may sign in with the value of another attribute than `userPrincipalName`, such as `mail`.
//!
//! The agent looks such a name up before it asks the KDC. The name must be of exactly one user, by that attribute or by
//! `userPrincipalName`. So a user who can write an address into the own account cannot take the sign-ins of another user: the
//! name is then of two users, and is refused. A name of no user goes to the KDC as it is, which knows more names than the
//! attributes have, and which refuses an unknown user as every other.

use crate::Failure;
use crate::ldap::{Access, LdapError, first};
use ldap3::{SearchEntry, ldap_escape};
use seamless_pta::user::UserName;
use seamless_pta::{Kind, User};

/// The attribute with the alternate names, and the directory that has it.
pub(crate) struct AlternateNames {
    attribute: String,
    access: Access,
}

/// Whose name it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nobody,
    One(User),
    Several,
}

impl AlternateNames {
    /// Takes an attribute of users, which is the name of one: letters, digits and hyphens.
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

    /// Returns the user whom the KDC is asked about. `None` is for a name of several users.
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
        // Two objects are enough to refuse.
        let found = self.access.find(&filter, &["sAMAccountName"], 2).await?;
        Ok(choose(&found))
    }
}

/// Returns the filter of the users with a name. No character of the name has a meaning in the filter (RFC 4515 section 3).
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
