//! Principal names of arbitrary octets.

use super::asn1;
use crate::wire::krb5::NameType;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// A PrincipalName (RFC 4120 section 5.2.2). The components need not be text.
///
/// ```
/// use kerberos_sso::testing::NameParts;
///
/// let service = NameParts::from("HTTP/www.contoso.test");
/// assert_eq!(service.name_type, 2); // NT-SRV-INST
/// assert_eq!(service.components, [b"HTTP".to_vec(), b"www.contoso.test".to_vec()]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameParts {
    /// `name-type` is the type of the name.
    pub name_type: i32,
    /// `name-string` is the components of the name.
    pub components: Vec<Vec<u8>>,
}

impl NameParts {
    /// Makes a name of one component with arbitrary characters, such as `alice@contoso.test` as an enterprise name.
    #[must_use]
    pub fn single(name_type: NameType, component: impl Into<Vec<u8>>) -> Self {
        Self { name_type: name_type.0, components: vec![component.into()] }
    }

    /// Returns the components with `/` between them. Octets that are not UTF-8 are replaced.
    pub(super) fn joined(&self) -> String {
        String::from_utf8_lossy(&self.components.join(&b'/')).into_owned()
    }

    pub(super) fn decode(name: &asn1::PrincipalName) -> Self {
        let components = name.name_string.iter().map(|component| component.0.to_vec()).collect();
        Self { name_type: name.name_type, components }
    }

    pub(super) fn encode(&self) -> asn1::PrincipalName {
        let name_string = self.components.iter().map(|component| asn1::text(component)).collect();
        asn1::PrincipalName { name_type: self.name_type, name_string }
    }
}

/// Splits a name at its slashes. The type is NT-PRINCIPAL for one component, and NT-SRV-INST for several components.
impl From<&str> for NameParts {
    fn from(name: &str) -> Self {
        let components: Vec<_> = name.split('/').map(Vec::from).collect();
        let name_type = if components.len() == 1 { NameType::PRINCIPAL } else { NameType::SRV_INST };
        Self { name_type: name_type.0, components }
    }
}
