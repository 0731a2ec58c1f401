//! HostAddresses (RFC 4120 section 5.2.5): the addresses from which a ticket may be used. A ticket has addresses only
//! if the client asked for them.

use crate::limits::MAX_ADDRESSES;
use crate::wire::der::{Fault, Field, Reader, field};
use core::net::IpAddr;

/// The addresses from which a ticket may be used.
///
/// ```asn1
/// HostAddresses ::= SEQUENCE OF HostAddress
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct HostAddresses<'a> {
    encoded: &'a [u8],
}

impl<'a> HostAddresses<'a> {
    pub(crate) fn read(contents: Reader<'a>, what: Field) -> Result<Self, Fault> {
        contents.elements(MAX_ADDRESSES, what, HostAddress::read)?;
        Ok(Self { encoded: contents.rest() })
    }

    pub(crate) const fn from_encoded(encoded: &'a [u8]) -> Self {
        Self { encoded }
    }

    pub(crate) const fn encoded(self) -> &'a [u8] {
        self.encoded
    }

    /// Returns whether the ticket names no address. A ticket without addresses may be used from every address.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.encoded.is_empty()
    }

    /// Returns the addresses in their order.
    pub fn iter(self) -> impl Iterator<Item = HostAddress<'a>> {
        let mut rest = Reader::new(self.encoded);
        core::iter::from_fn(move || HostAddress::read(&mut rest).ok())
    }

    /// Returns whether the ticket names `address`. In the ticket and in `address`, an IPv4-mapped address
    /// (`::ffff:a.b.c.d`, RFC 4291 section 2.5.5.2) equals the IPv4 address that it contains.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        // A dual-stack socket shows an IPv4 address as a mapped address, both on the server and on the client.
        let address = address.to_canonical();
        self.iter().any(|listed| listed.ip() == Some(address))
    }

    /// Returns whether the ticket names an IP address. Tickets of Windows clients contain only a NetBIOS name.
    pub(crate) fn name_an_ip_address(self) -> bool {
        self.iter().any(|listed| matches!(listed.address_type, AddressType::IPV4 | AddressType::IPV6))
    }
}

/// One address of a host.
///
/// ```asn1
/// HostAddress ::= SEQUENCE {
///     addr-type [0] Int32,
///     address   [1] OCTET STRING
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostAddress<'a> {
    /// The type of the address.
    pub address_type: AddressType,
    /// The octets of the address, in network order.
    pub address: &'a [u8],
}

impl<'a> HostAddress<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let mut fields = reader.sequence(field!("HostAddress"))?;
        let address = Self {
            address_type: AddressType(fields.int32_field(0, field!("HostAddress.addr-type"))?),
            address: fields.octets_field(1, field!("HostAddress.address"))?,
        };
        fields.end(field!("HostAddress"))?;
        Ok(address)
    }

    /// Returns the IP address. Returns `None` if the type is not IPv4 or IPv6, or the number of octets is wrong for the
    /// type. An IPv4-mapped address is returned as the IPv4 address.
    #[must_use]
    pub fn ip(self) -> Option<IpAddr> {
        match self.address_type {
            AddressType::IPV4 => self.address.try_into().ok().map(|octets: [u8; 4]| octets.into()),
            AddressType::IPV6 => {
                self.address.try_into().ok().map(|octets: [u8; 16]| IpAddr::from(octets).to_canonical())
            }
            _ => None,
        }
    }
}

/// A type of address (RFC 4120 section 7.5.3). A value may also be a type for which this crate has no constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressType(pub i32);

impl AddressType {
    /// IPv4: four octets.
    pub const IPV4: Self = Self(2);
    /// A NetBIOS name, which Windows writes.
    pub const NETBIOS: Self = Self(20);
    /// IPv6: sixteen octets.
    pub const IPV6: Self = Self(24);
}
