//! Keys from passwords: the password as text or as Windows keeps it, and the salts of the account kinds.

use crate::crypto::{EncType, Key, StringToKeyError, string_to_key, string_to_key_utf16};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use zeroize::Zeroizing;

/// A password, overwritten when dropped.
pub struct Password(Form);

enum Form {
    Text(Zeroizing<String>),
    Utf16(Zeroizing<Vec<u16>>),
}

impl Password {
    /// A password that a person typed.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(Form::Text(Zeroizing::new(text.into())))
    }

    /// A password as Windows keeps it. That of a computer or a managed service account is random 16-bit units, which
    /// need not be text: for AES, U+0000 becomes U+0001 and a lone surrogate U+FFFD before they are written as UTF-8; for
    /// RC4 the units are hashed as they are.
    #[must_use]
    pub fn from_utf16(units: &[u16]) -> Self {
        Self(Form::Utf16(Zeroizing::new(units.into())))
    }

    /// The key of type `etype` that an account with `salt` has under this password.
    ///
    /// # Errors
    /// [`StringToKeyError`] if `etype` is none that this crate supports.
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

/// What makes the AES keys of two accounts with one password differ (RFC 3962 section 4, MS-KILE section 3.1.1.2).
///
/// It follows the account, never the service name that clients ask for. RC4 keys have none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salt(String);

impl Salt {
    /// Of a computer account of Active Directory: upper-case realm, `host`, lower-case account name without `$`, `.`,
    /// lower-case realm.
    #[must_use]
    pub fn computer(name: &str, realm: &str) -> Self {
        let name = name.strip_suffix('$').unwrap_or(name).to_lowercase();
        Self([realm.to_uppercase(), "host".into(), name, ".".into(), realm.to_lowercase()].concat())
    }

    /// Of a user account of Active Directory, as service accounts often are: upper-case realm and account name. Where the
    /// account has a userPrincipalName (`ktpass` sets it to the service's name), `name` is that up to the `@`, in which the
    /// `/` do not count.
    #[must_use]
    pub fn user(name: &str, realm: &str) -> Self {
        Self::principal(name, &realm.to_uppercase())
    }

    /// Of a principal of another KDC (RFC 4120 section 4): realm as it is, and the components of its name in one.
    #[must_use]
    pub fn principal(name: &str, realm: &str) -> Self {
        Self(core::iter::once(realm).chain(name.split('/')).collect())
    }

    /// Any other: a renamed account keeps its old one, and FreeIPA makes them at random.
    #[must_use]
    pub fn custom(salt: impl Into<String>) -> Self {
        Self(salt.into())
    }

    /// The bytes that enter the key derivation.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::crypto::EncType;

    const AES: EncType = EncType::AES256_CTS_HMAC_SHA1_96;

    /// What Samba's `utf16_munged` conversion does with the random passwords of computers.
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
        ] {
            assert_eq!(salt.as_bytes(), expected.as_bytes());
        }
    }
}
