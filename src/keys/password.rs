//! Keys from passwords: the password as text or as Windows keeps it, and the salts of the account kinds.

use crate::crypto::{EncType, InvalidKey, Key};
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
    /// [`InvalidKey`] if `etype` is none that this crate supports.
    pub fn key(&self, etype: EncType, salt: &Salt) -> Result<Key, InvalidKey> {
        if etype == EncType::RC4_HMAC {
            return Ok(Key::from_nt_hash(&Key::nt_hash(&self.utf16())));
        }
        Key::from_password(etype, self.utf8().as_bytes(), salt.as_bytes(), None)
    }

    fn utf8(&self) -> Zeroizing<String> {
        match &self.0 {
            Form::Text(text) => text.clone(),
            Form::Utf16(units) => {
                let characters = char::decode_utf16(units.iter().copied()).map(|decoded| match decoded {
                    Ok('\0') => '\u{1}',
                    Ok(character) => character,
                    Err(_) => char::REPLACEMENT_CHARACTER,
                });
                // Three bytes hold any unit: the string never grows, so no copy of it is left behind.
                let mut text = Zeroizing::new(String::with_capacity(units.len().saturating_mul(3)));
                text.extend(characters);
                text
            }
        }
    }

    fn utf16(&self) -> Zeroizing<Vec<u16>> {
        match &self.0 {
            Form::Utf16(units) => units.clone(),
            Form::Text(text) => {
                let mut units = Zeroizing::new(Vec::with_capacity(text.len()));
                units.extend(text.encode_utf16());
                units
            }
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

    /// Of a user account of Active Directory, as service accounts often are: upper-case realm and account name.
    #[must_use]
    pub fn user(name: &str, realm: &str) -> Self {
        Self([&realm.to_uppercase(), name].concat())
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
