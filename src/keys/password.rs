//! Keys from passwords: passwords as text or in UTF-16 units, and the salts of every kind of account.

use crate::crypto::{EncType, Key, StringToKeyError, string_to_key, string_to_key_utf16};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use zeroize::Zeroizing;

/// A password, which is overwritten when it is dropped.
pub struct Password(Form);

enum Form {
    Text(Zeroizing<String>),
    Utf16(Zeroizing<Vec<u16>>),
}

impl Password {
    /// Makes a password from text, as a person types it.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(Form::Text(Zeroizing::new(text.into())))
    }

    /// Makes a password from UTF-16 units, as Windows stores passwords. The password of a computer or of a managed
    /// service account has random units, which need not be valid text. For AES keys, the units are converted to UTF-8:
    /// U+0000 becomes U+0001, and a lone surrogate becomes U+FFFD. For RC4 keys, the units are hashed unchanged.
    #[must_use]
    pub fn from_utf16(units: &[u16]) -> Self {
        Self(Form::Utf16(Zeroizing::new(units.into())))
    }

    /// Returns the key of type `etype` that an account with this password and `salt` has.
    ///
    /// # Errors
    /// Returns [`StringToKeyError::Unsupported`] if this crate does not support `etype`.
    pub fn key(&self, etype: EncType, salt: &Salt) -> Result<Key, StringToKeyError> {
        match &self.0 {
            Form::Text(text) => string_to_key(etype, text, salt.as_bytes(), None),
            Form::Utf16(units) => string_to_key_utf16(etype, units, salt.as_bytes(), None),
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// The salt of an account. With different salts, two accounts with the same password have different AES keys (RFC 3962
/// section 4, MS-KILE section 3.1.1.2).
///
/// The salt depends on the account, and not on the service name that clients request. RC4 keys have no salt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salt(String);

impl Salt {
    /// Makes the salt of a computer account of Active Directory. The salt is the realm in upper case, `host`, the
    /// account's name in lower case without `$`, a `.`, and the realm in lower case.
    ///
    /// `name` may also have the forms `CONTOSO\SERVER01$`, `SERVER01$@CONTOSO.TEST` and `host/server01.contoso.test`.
    #[must_use]
    pub fn computer(name: &str, realm: &str) -> Self {
        let name = computer_name(name).to_lowercase();
        Self([realm.to_uppercase(), "host".into(), name, ".".into(), realm.to_lowercase()].concat())
    }

    /// Makes the salt of a user account of Active Directory. The salt is the realm in upper case and the account's
    /// name, whose letters have the same case as in the directory. If the account has a userPrincipalName, `name` must
    /// be that name, and the salt omits each `/` in it. `ktpass` sets the userPrincipalName to the name of the service.
    ///
    /// The salt omits the `@` in `name` and the text after it, and also the domain before a backslash
    /// (`CONTOSO\svc-web`).
    #[must_use]
    pub fn user(name: &str, realm: &str) -> Self {
        Self::principal(without_domain(name), &realm.to_uppercase())
    }

    /// Makes the salt of a principal of another KDC (RFC 4120 section 4). The salt is the unchanged realm, and the
    /// components of the name without the `/` between them. `name` may end in `@` and the realm, as `klist` prints
    /// names.
    #[must_use]
    pub fn principal(name: &str, realm: &str) -> Self {
        let name = name.strip_suffix(realm).and_then(|name| name.strip_suffix('@')).unwrap_or(name);
        Self(core::iter::once(realm).chain(name.split('/')).collect())
    }

    /// Makes a salt of any text. A renamed account keeps its old salt, and FreeIPA makes random salts.
    #[must_use]
    pub fn custom(salt: impl Into<String>) -> Self {
        Self(salt.into())
    }

    /// Returns the octets of the salt, as the key derivation uses them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Returns the name of a computer account without the `$` at its end. For a service name `host/…`, the computer's name
/// is the first label of the host.
pub(super) fn computer_name(name: &str) -> &str {
    let name = without_domain(name);
    match name.split_at_checked("host/".len()) {
        Some((service, host)) if service.eq_ignore_ascii_case("host/") => {
            host.split_once('.').map_or(host, |(name, _)| name)
        }
        _ => name.strip_suffix('$').unwrap_or(name),
    }
}

/// Returns an account's name without its domain: `alice` for `alice@contoso.test` and for `CONTOSO\alice`. In Active
/// Directory, an account's name contains neither `@` nor a backslash (MS-SAMR section 3.1.1.6).
fn without_domain(name: &str) -> &str {
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    name.split_once('\\').map_or(name, |(_, name)| name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
