//! Constants that Microsoft defined: flags of accounts, SIDs, and the GUIDs of attributes and rights.

use crate::security_descriptor::Guid;
use kerberos_sso::Sid;

/// The encryption types AES128 and AES256 of `msDS-SupportedEncryptionTypes` (MS-KILE section 2.2.7).
pub const AES: u32 = 0x18;
/// The encryption type RC4 of `msDS-SupportedEncryptionTypes`.
pub const RC4: u32 = 0x04;
/// The two encryption types DES of `msDS-SupportedEncryptionTypes`.
pub const DES: u32 = 0x03;

/// Returns the name of a SID whose holders are administrators, or `None` for another SID. The function knows a domain's
/// groups by the last part of the SID, which is the same in each domain.
#[must_use]
pub fn administrators(sid: Sid) -> Option<&'static str> {
    match (sid.to_string().as_str(), sid.is_of_domain().then(|| sid.rid()).flatten()) {
        ("S-1-5-18", _) => Some("SYSTEM"),
        ("S-1-5-10", _) => Some("SELF"),
        ("S-1-5-9", _) => Some("Enterprise Domain Controllers"),
        ("S-1-5-32-544", _) => Some("Administrators"),
        (_, Some(512)) => Some("Domain Admins"),
        (_, Some(519)) => Some("Enterprise Admins"),
        _ => None,
    }
}

/// Returns the name of a privileged group (MS-ADTS section 3.1.1.6.1.2), or `None` for another SID.
#[must_use]
pub fn privileged_group(sid: Sid) -> Option<&'static str> {
    match (sid.to_string().as_str(), sid.is_of_domain().then(|| sid.rid()).flatten()) {
        ("S-1-5-32-544", _) => Some("Administrators"),
        ("S-1-5-32-548", _) => Some("Account Operators"),
        ("S-1-5-32-549", _) => Some("Server Operators"),
        ("S-1-5-32-550", _) => Some("Print Operators"),
        ("S-1-5-32-551", _) => Some("Backup Operators"),
        (_, Some(512)) => Some("Domain Admins"),
        (_, Some(516)) => Some("Domain Controllers"),
        (_, Some(518)) => Some("Schema Admins"),
        (_, Some(519)) => Some("Enterprise Admins"),
        (_, Some(520)) => Some("Group Policy Creator Owners"),
        (_, Some(526)) => Some("Key Admins"),
        (_, Some(527)) => Some("Enterprise Key Admins"),
        _ => None,
    }
}

/// The extended right to set a password without knowing the old one (User-Force-Change-Password).
pub const RESET_PASSWORD: Guid =
    Guid::new(0x0029_9570, 0x246D, 0x11D0, [0xA7, 0x68, 0x00, 0xAA, 0x00, 0x6E, 0x05, 0x29]);
/// The attribute `servicePrincipalName`, and the validated write to it, which has the same GUID.
pub const SERVICE_PRINCIPAL_NAME: Guid =
    Guid::new(0xF3A6_4788, 0x5306, 0x11D1, [0xA9, 0xC5, 0x00, 0x00, 0xF8, 0x03, 0x67, 0xC1]);
/// The attribute `msDS-KeyCredentialLink`.
pub const KEY_CREDENTIAL_LINK: Guid =
    Guid::new(0x5B47_D60F, 0x6090, 0x40B2, [0x9F, 0x37, 0x2A, 0x4D, 0xE8, 0x8F, 0x30, 0x63]);
/// The attribute `msDS-SupportedEncryptionTypes`.
pub const SUPPORTED_ENCRYPTION_TYPES: Guid =
    Guid::new(0x2011_9867, 0x1D04, 0x4AB7, [0x93, 0x71, 0xCF, 0xC3, 0xD5, 0xDF, 0x0A, 0xFD]);
/// The property set of account restrictions, with `userAccountControl` and `msDS-AllowedToActOnBehalfOfOtherIdentity`.
const ACCOUNT_RESTRICTIONS: Guid =
    Guid::new(0x4C16_4200, 0x20C0, 0x11D0, [0xA7, 0x68, 0x00, 0xAA, 0x00, 0x6E, 0x05, 0x29]);
const USER_ACCOUNT_CONTROL: Guid =
    Guid::new(0xBF96_7A68, 0x0DE6, 0x11D0, [0xA2, 0x85, 0x00, 0xAA, 0x00, 0x30, 0x49, 0xE2]);
const ALLOWED_TO_ACT: Guid = Guid::new(0x3F78_C3E5, 0xF79A, 0x46BD, [0xA0, 0xB8, 0x9D, 0x18, 0x11, 0x6D, 0xDC, 0x79]);
const ALLOWED_TO_DELEGATE: Guid =
    Guid::new(0x800D_94D7, 0xB7A1, 0x42A1, [0xB1, 0x4D, 0x7C, 0xAE, 0x14, 0x23, 0xD0, 0x7F]);

/// Returns the name of an attribute or property set whose writer can take over the account, or `None` for another GUID.
#[must_use]
pub fn dangerous_attribute(guid: Guid) -> Option<&'static str> {
    match guid {
        SERVICE_PRINCIPAL_NAME => Some("servicePrincipalName"),
        KEY_CREDENTIAL_LINK => Some("msDS-KeyCredentialLink"),
        SUPPORTED_ENCRYPTION_TYPES => Some("msDS-SupportedEncryptionTypes"),
        ACCOUNT_RESTRICTIONS => Some("the account restrictions"),
        USER_ACCOUNT_CONTROL => Some("userAccountControl"),
        ALLOWED_TO_ACT => Some("msDS-AllowedToActOnBehalfOfOtherIdentity"),
        ALLOWED_TO_DELEGATE => Some("msDS-AllowedToDelegateTo"),
        _ => None,
    }
}

/// The flags of `userAccountControl` (MS-ADTS section 2.2.16).
pub mod account_control {
    /// The account is disabled.
    pub const DISABLED: u32 = 0x2;
    /// The account belongs to a computer.
    pub const WORKSTATION: u32 = 0x1000;
    /// The account may use unconstrained delegation.
    pub const TRUSTED_FOR_DELEGATION: u32 = 0x8_0000;
    /// The account has DES keys only.
    pub const DES_ONLY: u32 = 0x20_0000;
    /// The KDC asks for no pre-authentication.
    pub const NO_PREAUTHENTICATION: u32 = 0x40_0000;
    /// The account may use protocol transition.
    pub const TRUSTED_TO_AUTHENTICATE: u32 = 0x100_0000;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn group_name_of_any_domain_is_found_by_the_relative_identifier_of_the_sid() {
        let name = |text: &str| administrators(text.parse().unwrap());
        assert_eq!(name("S-1-5-21-1-2-3-512"), Some("Domain Admins"));
        assert_eq!(name("S-1-5-21-9-9-9-519"), Some("Enterprise Admins"));
        assert_eq!(name("S-1-5-32-512"), None);
        assert_eq!(name("S-1-5-21-1-2-3-1104"), None);
    }

    #[test]
    fn guid_has_the_octet_order_of_the_directory() {
        assert_eq!(RESET_PASSWORD.0[..8], [0x70, 0x95, 0x29, 0x00, 0x6D, 0x24, 0xD0, 0x11]);
    }
}
