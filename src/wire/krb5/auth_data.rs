//! AuthorizationData (RFC 4120 section 5.2.6): containers of typed elements. An element may be another container.
//!
//! This module reads one level of containers at a time. The ticket's container is from the KDC, and the authenticator's
//! container is from the client. The stages that verify a request look for a PAC in the ticket's container only.

use crate::limits::MAX_AUTH_DATA_ELEMENTS;
use crate::wire::der::{self, Fault, Field, Malformed, Reader, field, tag};
use core::fmt;

/// A container of typed elements. The KDC or the client wrote the container.
///
/// ```asn1
/// AuthorizationData ::= SEQUENCE OF SEQUENCE {
///     ad-type [0] Int32,
///     ad-data [1] OCTET STRING
/// }
/// ```
#[derive(Clone, Copy, Default)]
pub struct AuthorizationData<'a> {
    /// The contents of the SEQUENCE OF. `read` has found no fault in the elements.
    encoded: &'a [u8],
}

impl<'a> AuthorizationData<'a> {
    pub(crate) fn read(contents: Reader<'a>, what: Field) -> Result<Self, Fault> {
        contents.elements(MAX_AUTH_DATA_ELEMENTS, what, AuthorizationElement::read)?;
        Ok(Self { encoded: contents.rest() })
    }

    /// Reads an element's data as a container.
    pub(crate) fn nested(data: &'a [u8]) -> Result<Self, Malformed> {
        der::read(data, |mut reader| {
            let contents = reader.sequence(field!("AuthorizationData"))?;
            let nested = Self::read(contents, field!("AuthorizationData"))?;
            reader.end(field!("AuthorizationData"))?;
            Ok(nested)
        })
    }

    pub(crate) const fn from_encoded(encoded: &'a [u8]) -> Self {
        Self { encoded }
    }

    pub(crate) const fn encoded(self) -> &'a [u8] {
        self.encoded
    }

    /// Returns the elements in their order.
    pub fn iter(self) -> impl Iterator<Item = AuthorizationElement<'a>> {
        let mut rest = Reader::new(self.encoded);
        core::iter::from_fn(move || if rest.is_empty() { None } else { AuthorizationElement::read(&mut rest).ok() })
    }
}

/// Shows the elements without their data.
impl fmt::Debug for AuthorizationData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// One element of a container.
#[derive(Clone, Copy)]
pub struct AuthorizationElement<'a> {
    /// The type of the element, which determines the meaning of `data`.
    pub ad_type: AdType,
    /// The octets of the element.
    pub data: &'a [u8],
}

impl<'a> AuthorizationElement<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let mut fields = reader.element(tag::SEQUENCE, field!("AuthorizationData"))?;
        let element = Self {
            ad_type: AdType(fields.int32_field(0, field!("AuthorizationData.ad-type"))?),
            data: fields.octets_field(1, field!("AuthorizationData.ad-data"))?,
        };
        fields.end(field!("AuthorizationData"))?;
        Ok(element)
    }
}

impl<'a> AuthorizationElement<'a> {
    /// Returns the elements of an AD-IF-RELEVANT. Returns `None` if this element is not an AD-IF-RELEVANT, or cannot be
    /// read.
    #[must_use]
    pub fn contained(self) -> Option<AuthorizationData<'a>> {
        let is_container = self.ad_type == AdType::IF_RELEVANT;
        is_container.then(|| AuthorizationData::nested(self.data).ok()).flatten()
    }
}

/// Shows the type and the length, not the octets, because they may list the groups of a user.
impl fmt::Debug for AuthorizationElement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthorizationElement(ad-type {}, {} octets)", self.ad_type.0, self.data.len())
    }
}

/// A type of authorization data (RFC 4120 section 7.5.4, MS-KILE section 2.2). A value may also be a type for which
/// this crate has no constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AdType(pub i32);

impl AdType {
    /// AD-IF-RELEVANT: a container. A service may ignore elements of unknown type in this container.
    pub const IF_RELEVANT: Self = Self(1);
    /// AD-MANDATORY-FOR-KDC: a container that only KDCs interpret.
    pub const MANDATORY_FOR_KDC: Self = Self(8);
    /// AD-INITIAL-VERIFIED-CAS: the authorities that vouched for the client's certificate (RFC 4556 section 3.2.4).
    pub const INITIAL_VERIFIED_CAS: Self = Self(9);
    /// AD-WIN2K-PAC: the PAC of Windows (MS-PAC).
    pub const WIN2K_PAC: Self = Self(128);
    /// AD-ETYPE-NEGOTIATION: the encryption types that the client accepts for a subkey (RFC 4537).
    pub const ETYPE_NEGOTIATION: Self = Self(129);
    /// KERB_AUTH_DATA_TOKEN_RESTRICTIONS (MS-KILE section 2.2.6).
    pub const TOKEN_RESTRICTIONS: Self = Self(141);
    /// KERB-LOCAL (MS-KILE section 2.2.4).
    pub const KERB_LOCAL: Self = Self(142);
    /// KERB_AP_OPTIONS (MS-KILE section 2.2.7). With flag 0x4000, the client announces channel bindings.
    pub const AP_OPTIONS: Self = Self(143);
    /// KERB_AUTH_DATA_CLIENT_TARGET: the service for which the client made its request
    /// ([`ClientTarget`](super::ClientTarget), MS-KILE section 3.2.5.8).
    pub const CLIENT_TARGET: Self = Self(144);
}
