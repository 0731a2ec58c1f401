//! Keys from passwords: passwords as text or as Windows keeps them, and the salts of each kind of account.

use crate::crypto::{EncType, Key, StringToKeyError, string_to_key, string_to_key_utf16};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use zeroize::Zeroizing;

/// A password. It is overwritten when it is dropped.
pub struct Password(Form);

enum Form {
    Text(Zeroizing<String>),
    Utf16(Zeroizing<Vec<u16>>),
}

impl Password {
    /// Takes a password that a person typed.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(Form::Text(Zeroizing::new(text.into())))
    }

    /// Takes a password as Windows keeps it, in UTF-16 units. A computer or a managed service account has random units, which
    /// need not be text. For AES, U+0000 becomes U+0001 and a lone surrogate becomes U+FFFD before the units are written as
    /// UTF-8. For RC4 the units are hashed as they are.
    #[must_use]
    pub fn from_utf16(units: &[u16]) -> Self {
        Self(Form::Utf16(Zeroizing::new(units.into())))
    }

    /// Returns the key of type `etype` that an account with `salt` has under this password.
    ///
    /// # Errors
    /// [`StringToKeyError::Unsupported`] if this crate does not support `etype`.
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

/// The salt of an account. By it the AES keys of two accounts with one password differ (RFC 3962 section 4, MS-KILE section
/// 3.1.1.2).
///
/// The salt depends on the account, never on the service name that clients ask for. RC4 keys have no salt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salt(String);

impl Salt {
    /// Makes the salt of a computer account of Active Directory: the realm in upper case, `host`, the account's name in lower
    /// case without `$`, `.`, the realm in lower case.
    ///
    /// The account may be named in the other ways in which people write it: `CONTOSO\SERVER01$`, `SERVER01$@CONTOSO.TEST`,
    /// `host/server01.contoso.test`.
    #[must_use]
    pub fn computer(name: &str, realm: &str) -> Self {
        let name = computer_name(name).to_lowercase();
        Self([realm.to_uppercase(), "host".into(), name, ".".into(), realm.to_lowercase()].concat())
    }

    /// Makes the salt of a user account of Active Directory, which many service accounts are: the realm in upper case and the
    /// account's name, in the case of the directory. If the account has a userPrincipalName, `name` is that name, and each `/` in
    /// it is left out. `ktpass` sets the userPrincipalName to the service's name.
    ///
    /// What stands behind an `@` is left out, and so is the domain before a backslash (`CONTOSO\svc-web`).
    #[must_use]
    pub fn user(name: &str, realm: &str) -> Self {
        Self::principal(without_domain(name), &realm.to_uppercase())
    }

    /// Makes the salt of a principal of another KDC (RFC 4120 section 4): the realm as it is, and the components of the name
    /// without the `/` between them. `name` may end in `@` and the realm, as `klist` prints it.
    #[must_use]
    pub fn principal(name: &str, realm: &str) -> Self {
        let name = name.strip_suffix(realm).and_then(|name| name.strip_suffix('@')).unwrap_or(name);
        Self(core::iter::once(realm).chain(name.split('/')).collect())
    }

    /// Takes any other salt: a renamed account keeps its old salt, and FreeIPA makes random ones.
    #[must_use]
    pub fn custom(salt: impl Into<String>) -> Self {
        Self(salt.into())
    }

    /// Returns the octets that enter the key derivation.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Returns the name of a computer account without the `$` at its end, in whichever way the account is named. The service
/// `host/` has the computer's name as the first label of its host.
pub(super) fn computer_name(name: &str) -> &str {
    let name = without_domain(name);
    match name.split_at_checked("host/".len()) {
        Some((service, host)) if service.eq_ignore_ascii_case("host/") => {
            host.split_once('.').map_or(host, |(name, _)| name)
        }
        _ => name.strip_suffix('$').unwrap_or(name),
    }
}

/// Returns an account's name without its domain: `alice` for `alice@contoso.test` and for `CONTOSO\alice`. No account's name in
/// Active Directory has either character (MS-SAMR section 3.1.1.6).
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

    /// Samba's `utf16_munged` conversion does the same with the random passwords of computers.
    #[test]
    fn units_that_are_no_text_are_replaced_for_aes_and_kept_for_rc4() {
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
    fn salts_follow_the_account() {
        for (salt, expected) in [
            (Salt::computer("AzureADSSOAcc$", "contoso.test"), "CONTOSO.TESThostazureadssoacc.contoso.test"),
            (Salt::user("svc-Web", "contoso.test"), "CONTOSO.TESTsvc-Web"),
            (Salt::user("HTTP/www.contoso.test", "CONTOSO.TEST"), "CONTOSO.TESTHTTPwww.contoso.test"),
            (Salt::principal("HTTP/www.example.test", "Example.Test"), "Example.TestHTTPwww.example.test"),
            // As people write the same accounts.
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
