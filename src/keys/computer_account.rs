//! A computer account of Active Directory, whose keys are derived from its password.

use super::password::computer_name;
use super::{Account, Password, Salt, ServiceKey};
use crate::crypto::EncType;

/// A computer account of Active Directory, such as `AZUREADSSOACC$`. The rule for the salt of computer accounts is
/// known, so only the password is needed to derive the keys.
///
/// ```
/// use kerberos_sso::{ComputerAccount, KeySet, Password};
///
/// let account = ComputerAccount::new("AZUREADSSOACC$", "CONTOSO.TEST");
/// let account = account.with_password(&Password::from_text("Sso.Key.One.2026!"), None);
/// let keys = KeySet::from(account);
/// assert_eq!(keys.accounts().count(), 1);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ComputerAccount<'a> {
    name: &'a str,
    realm: &'a str,
}

impl<'a> ComputerAccount<'a> {
    /// The encryption types of the keys that Active Directory derives from a password. Without the feature `rc4`, this
    /// crate makes no RC4 key.
    pub const ETYPES: [EncType; 3] =
        [EncType::AES256_CTS_HMAC_SHA1_96, EncType::AES128_CTS_HMAC_SHA1_96, EncType::RC4_HMAC];

    /// Makes the computer account `name` of the domain `realm`. `name` may have every form that [`Salt::computer`]
    /// accepts, with or without the `$`, and in upper or lower case.
    #[must_use]
    pub fn new(name: &'a str, realm: &'a str) -> Self {
        Self { name: computer_name(name), realm }
    }

    /// Returns the account's salt.
    #[must_use]
    pub fn salt(self) -> Salt {
        Salt::computer(self.name, self.realm)
    }

    /// Makes the account with all keys that are derived from `password`. `kvno` is the key version of that password, if
    /// the version is known.
    #[must_use]
    pub fn with_password(self, password: &Password, kvno: Option<u32>) -> Account {
        let account = Account::new(&[self.name, "$"].concat(), &self.realm.to_uppercase()).of_active_directory();
        let salt = self.salt();
        Self::ETYPES
            .iter()
            .filter_map(|etype| password.key(*etype, &salt).ok())
            .fold(account, |account, key| account.with_key(ServiceKey::new(key, kvno)))
    }
}
