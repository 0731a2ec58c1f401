//! The operations of a directory that the commands use: what they read, and the few changes that they make.
//! [`Ldap`](crate::ldap::Ldap) implements them for a real directory.

use crate::address::Address;
use crate::ldap_error::DirectoryError;
use crate::security_descriptor::SecurityDescriptor;
use kerberos_sso::{Sid, UnixTime};
use zeroize::Zeroizing;

/// The operations of a directory that the commands use. Every function asks one domain controller.
pub trait Directory {
    /// Reads the domain and its forest.
    ///
    /// # Errors
    /// Returns the [`DirectoryError`] of the domain controller.
    fn domain(&mut self) -> Result<Domain, DirectoryError>;

    /// Reads every object whose account name is `name`, with or without `$` at its end.
    ///
    /// # Errors
    /// Returns the [`DirectoryError`] of the domain controller.
    fn named(&mut self, name: &str) -> Result<Vec<Object>, DirectoryError>;

    /// Finds the objects that have the service principal name `service`. Searches the whole forest if the global
    /// catalogue answers, and otherwise the domain.
    ///
    /// # Errors
    /// Returns the [`DirectoryError`] of the domain controller.
    fn holders(&mut self, service: &str) -> Result<Holders, DirectoryError>;

    /// Finds the objects that may delegate users to `service` (`msDS-AllowedToDelegateTo`).
    ///
    /// # Errors
    /// Returns the [`DirectoryError`] of the domain controller.
    fn delegating(&mut self, service: &str) -> Result<Holders, DirectoryError>;

    /// Finds the objects of the domain that have the attribute `msDS-AllowedToActOnBehalfOfOtherIdentity`. Returns
    /// their distinguished names and the octets of this attribute.
    ///
    /// # Errors
    /// Returns the [`DirectoryError`] of the domain controller.
    fn acting(&mut self) -> Result<Vec<(String, Vec<u8>)>, DirectoryError>;

    /// Returns the distinguished name of the object with this SID, or `None` if the domain has no such object.
    ///
    /// # Errors
    /// Returns the [`DirectoryError`] of the domain controller.
    fn name_of(&mut self, sid: Sid) -> Result<Option<String>, DirectoryError>;

    /// Reads a container, and the administrator's rights on it.
    ///
    /// # Errors
    /// Returns the [`DirectoryError`] of the domain controller, for example if the container does not exist.
    fn container(&mut self, dn: &str) -> Result<Container, DirectoryError>;

    /// Creates the account with all its attributes and its password in one operation.
    ///
    /// # Errors
    /// Returns the [`DirectoryError`] of the domain controller.
    fn create(&mut self, account: &NewAccount<'_>) -> Result<(), DirectoryError>;

    /// Sets the password, the encryption types, or both in one change.
    ///
    /// # Errors
    /// Returns the [`DirectoryError`] of the domain controller.
    fn set_password(&mut self, dn: &str, password: Option<&str>, etypes: Option<u32>) -> Result<(), DirectoryError>;

    /// Writes the DACL of an object.
    ///
    /// # Errors
    /// Returns the [`DirectoryError`] of the domain controller.
    fn write_dacl(&mut self, dn: &str, descriptor: &SecurityDescriptor) -> Result<(), DirectoryError>;

    /// Disables an account. `control` is its `userAccountControl`.
    ///
    /// # Errors
    /// Returns the [`DirectoryError`] of the domain controller.
    fn disable(&mut self, dn: &str, control: u32) -> Result<(), DirectoryError>;

    /// Deletes an object.
    ///
    /// # Errors
    /// Returns the [`DirectoryError`] of the domain controller.
    fn delete(&mut self, dn: &str) -> Result<(), DirectoryError>;
}

/// The domain of the account, and its forest.
#[derive(Clone, Debug)]
pub struct Domain {
    /// The distinguished name of the domain.
    pub dn: String,
    /// The DNS name of the domain.
    pub name: String,
    /// The SID of the domain.
    pub sid: Sid,
    /// The time of the domain controller's clock.
    pub time: UnixTime,
    /// The DNS name of the domain controller that answers.
    pub controller: String,
    /// The DNS names of all domain controllers of the domain.
    pub controllers: Vec<String>,
    /// The DNS name of the domain controller with the role of PDC emulator, or `None` if the directory names none.
    pub pdc: Option<String>,
    /// The name of the administrator, if the administrator is of another domain.
    pub foreign_administrator: Option<String>,
    /// The container of new computers.
    pub computers: String,
    /// The other domains of the forest: their DNS names, and the SIDs that the directory knows.
    pub others: Vec<(String, Option<Sid>)>,
    /// The alternate suffixes of user principal names.
    pub suffixes: Vec<String>,
    /// The SIDs of the administrator and of the administrator's groups.
    pub own_sids: Vec<Sid>,
}

impl Domain {
    /// Returns the Kerberos realm of the domain.
    #[must_use]
    pub fn realm(&self) -> String {
        self.name.to_uppercase()
    }
}

/// An object of the directory.
#[derive(Clone, Debug, Default)]
pub struct Object {
    /// The distinguished name.
    pub dn: String,
    /// The account name.
    pub name: String,
    /// The SID.
    pub sid: Option<Sid>,
    /// Whether the object is a computer.
    pub is_computer: bool,
    /// `userAccountControl`.
    pub control: u32,
    /// `msDS-KeyVersionNumber`.
    pub kvno: Option<u32>,
    /// `msDS-SupportedEncryptionTypes`, or `None` if the object has none.
    pub etypes: Option<u32>,
    /// `servicePrincipalName`.
    pub services: Vec<String>,
    /// The time of the last change of the password, or `None` if the user must change the password.
    pub password_set: Option<UnixTime>,
    /// `msDS-AllowedToDelegateTo` of this object.
    pub may_delegate_to: Vec<String>,
    /// `msDS-AllowedToActOnBehalfOfOtherIdentity` of this object, as octets.
    pub may_act_for: Option<Vec<u8>>,
    /// The SIDs of the groups of which the object is a member, directly or through other groups (`tokenGroups`).
    pub groups: Vec<Sid>,
    /// `nTSecurityDescriptor` without its audit entries, as octets.
    pub descriptor: Vec<u8>,
    /// The attributes that the administrator may write (`allowedAttributesEffective`), in lower case.
    pub writable: Vec<String>,
}

/// A container of accounts, such as an organizational unit.
#[derive(Clone, Debug, Default)]
pub struct Container {
    /// The distinguished name, as the directory writes it.
    pub dn: String,
    /// Whether the administrator may create computers in it (`allowedChildClassesEffective`).
    pub may_create_computers: bool,
    /// Whether the administrator may write its DACL (`sDRightsEffective`).
    pub may_write_dacl: bool,
    /// `nTSecurityDescriptor`, as octets. If the administrator may not read it, there are no octets.
    pub descriptor: Vec<u8>,
}

impl Object {
    /// Returns whether the directory may encrypt tickets for this account by RC4.
    #[must_use]
    pub fn may_have_rc4(&self) -> bool {
        self.etypes.is_none_or(|etypes| etypes == 0 || etypes & crate::well_known::RC4 != 0)
    }

    /// Returns whether the object has this service principal name.
    #[must_use]
    pub fn has_service(&self, service: &str) -> bool {
        self.services.iter().any(|own| own.eq_ignore_ascii_case(service))
    }
}

/// Returns the distinguished name of the container of an object: the text after the first comma that no `\` escapes
/// (RFC 4514 section 2.4).
#[must_use]
pub fn parent(dn: &str) -> Option<&str> {
    let mut is_escaped = false;
    for (at, character) in dn.char_indices() {
        match character {
            ',' if !is_escaped => return dn.get(at..)?.strip_prefix(','),
            _ => is_escaped = character == '\\' && !is_escaped,
        }
    }
    None
}

/// The objects that a search found, and the part of the directory that it covered.
#[derive(Clone, Debug, Default)]
pub struct Holders {
    /// The distinguished names.
    pub dns: Vec<String>,
    /// Whether the search covered the whole forest, or only the domain.
    pub is_forest_wide: bool,
}

impl Holders {
    /// Returns the part of the directory that was searched.
    #[must_use]
    pub const fn scope(&self) -> &'static str {
        if self.is_forest_wide { "the forest" } else { "the domain only: no global catalogue answers" }
    }
}

/// The account that `enable` creates.
#[derive(Debug)]
pub struct NewAccount<'a> {
    /// The distinguished name.
    pub dn: &'a str,
    /// The account name with `$`.
    pub name: &'a str,
    /// The service principal names.
    pub services: &'a [&'a str],
    /// `msDS-SupportedEncryptionTypes`.
    pub etypes: u32,
    /// The password. `Debug` does not show it.
    pub password: Secret<'a>,
}

/// A password that `Debug` does not show.
#[derive(Clone, Copy)]
pub struct Secret<'a>(pub &'a str);

impl std::fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Returns the value of `unicodePwd`: the password in quotes, in UTF-16LE (MS-ADTS section 3.1.1.3.1.5.1).
#[must_use]
pub fn unicode_pwd(password: &str) -> Zeroizing<Vec<u8>> {
    let mut octets = Zeroizing::new(Vec::with_capacity(password.len().saturating_mul(2).saturating_add(4)));
    let quoted = ['"'].into_iter().chain(password.chars()).chain(['"']);
    for character in quoted {
        for unit in character.encode_utf16(&mut [0; 2]) {
            octets.extend(unit.to_le_bytes());
        }
    }
    octets
}

/// Returns the addresses of the domain's KDCs. `given` are the KDCs that the command line names. The first of them is
/// the KDC of `domain.controller`. If the command line names only this KDC, the result also has port 88 of each other
/// domain controller.
#[must_use]
pub fn kdcs(domain: &Domain, given: &[Address]) -> Vec<Address> {
    let Some(first) = given.first() else { return Vec::new() };
    if given.len() > 1 {
        return given.to_vec();
    }
    let others = domain.controllers.iter().filter(|name| !name.eq_ignore_ascii_case(&domain.controller));
    [first.clone()].into_iter().chain(others.map(|name| Address::new(name, 88))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_is_written_in_quotes_and_utf16() {
        assert_eq!(**unicode_pwd("aü"), *b"\"\0a\0\xFC\0\"\0");
    }

    #[test]
    fn parent_follows_the_first_comma_that_is_not_escaped() {
        assert_eq!(parent("CN=A,OU=Services,DC=contoso"), Some("OU=Services,DC=contoso"));
        assert_eq!(parent(r"CN=A\,B,DC=contoso"), Some("DC=contoso"));
        assert_eq!(parent(r"CN=A\\,DC=contoso"), Some("DC=contoso"));
        assert_eq!(parent("DC=test"), None);
    }
}
