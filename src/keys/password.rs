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
    /// Makes a password from text, such as a person types.
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

    /// Makes the salt of a user account of Active Directory. Many service accounts are user accounts. The salt is the
    /// realm in upper case and the account's name, whose letters have the same case as in the directory. If the account
    /// has a userPrincipalName, `name` must be that name, and the salt omits each `/` in it. `ktpass` sets the
    /// userPrincipalName to the name of the service.
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

    /// Makes any other salt. A renamed account keeps its old salt, and FreeIPA makes random salts.
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
mod tests {
    use super::*;
    use crate::crypto::EncType;

    const AES: EncType = EncType::AES256_CTS_HMAC_SHA1_96;

    /// The `utf16_munged` conversion of Samba replaces the same units in the random passwords of computers.
    #[test]
    fn invalid_utf16_units_are_replaced_for_aes_and_kept_for_rc4() {
        let salt = Salt::computer("client$", "DOMAIN.COM");
        let key = |password: &Password, etype| password.key(etype, &salt).unwrap();
        for (units, text) in [
            (&[0x41, 0x0000, 0x42][..], "A\u{1}B"),
            (&[0x41, 0xD83D, 0x42], "A\u{FFFD}B"),
            (&[0xDE00], "\u{FFFD}"),
            (&[0xD83D, 0xDE00, 0xFFFF], "\u{1F600}\u{FFFF}"),
        ] {
            let (units, text) = (Password::from_utf16(units), Password::from_text(text));
            assert_eq!(key(&units, AES), key(&text, AES));
        }
        #[cfg(feature = "rc4")]
        {
            let (zero, one) = (Password::from_utf16(&[0]), Password::from_utf16(&[1]));
            assert_ne!(key(&zero, EncType::RC4_HMAC), key(&one, EncType::RC4_HMAC));
        }
    }

    #[test]
    fn salt_of_every_kind_of_account_has_its_form() {
        for (salt, expected) in [
            (Salt::computer("AzureADSSOAcc$", "contoso.test"), "CONTOSO.TESThostazureadssoacc.contoso.test"),
            (Salt::user("svc-Web", "contoso.test"), "CONTOSO.TESTsvc-Web"),
            (Salt::user("HTTP/www.contoso.test", "CONTOSO.TEST"), "CONTOSO.TESTHTTPwww.contoso.test"),
            (Salt::principal("HTTP/www.example.test", "Example.Test"), "Example.TestHTTPwww.example.test"),
            // Other common forms of the names of the same accounts.
            (
                Salt::computer("AZUREADSSOACC$@CONTOSO.TEST", "contoso.test"),
                "CONTOSO.TESThostazureadssoacc.contoso.test",
            ),
            (Salt::computer(r"CONTOSO\AzureADSSOAcc$", "contoso.test"), "CONTOSO.TESThostazureadssoacc.contoso.test"),
            (Salt::computer("host/WEB.contoso.test", "contoso.test"), "CONTOSO.TESThostweb.contoso.test"),
            (Salt::computer("HOST/WEB", "contoso.test"), "CONTOSO.TESThostweb.contoso.test"),
            (Salt::user("svc-Web@contoso.test", "contoso.test"), "CONTOSO.TESTsvc-Web"),
            (Salt::user(r"CONTOSO\svc-Web", "contoso.test"), "CONTOSO.TESTsvc-Web"),
            (Salt::principal("HTTP/www.example.test@Example.Test", "Example.Test"), "Example.TestHTTPwww.example.test"),
            (Salt::principal("alice@other.test", "Example.Test"), "Example.Testalice@other.test"),
        ] {
            assert_eq!(salt.as_bytes(), expected.as_bytes());
        }
    }
}
