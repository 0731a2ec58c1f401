//! Who the user is. It comes out of an accepted request, and of nothing else.

use crate::krb5::PrincipalName;
use alloc::string::{String, ToString};
use core::fmt;

/// A user's identity, borrowed from an accepted request.
#[derive(Clone, Copy, Debug)]
pub struct IdentityRef<'a> {
    name: PrincipalName<'a>,
    realm: &'a str,
}

impl<'a> IdentityRef<'a> {
    pub(crate) const fn of(name: PrincipalName<'a>, realm: &'a str) -> Self {
        Self { name, realm }
    }

    /// The client's name, by the KDC's word. Names are given to other people in time.
    #[must_use]
    pub const fn name(self) -> PrincipalName<'a> {
        self.name
    }

    /// The client's realm, one that the account's keys may vouch for.
    #[must_use]
    pub const fn realm(self) -> &'a str {
        self.realm
    }

    /// A copy that outlives the request.
    #[must_use]
    pub fn to_owned(self) -> Identity {
        Identity { name: self.name.to_string(), realm: self.realm.into() }
    }
}

/// `name@REALM`, with whatever does not print as itself escaped.
impl fmt::Display for IdentityRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, crate::error::Escaped(self.realm))
    }
}

/// A user's identity, to be kept in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    name: String,
    realm: String,
}

impl Identity {
    /// The client's name, components joined with `/`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The client's realm.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }
}
