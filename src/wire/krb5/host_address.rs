//! HostAddresses (RFC 4120 section 5.2.5): the addresses from which a ticket may be used, if the client asked for such
//! a ticket.

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

    /// Returns whether the ticket names no address. Such a ticket may be used from anywhere.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.encoded.is_empty()
    }

    /// Returns the addresses in their order.
    pub fn iter(self) -> impl Iterator<Item = HostAddress<'a>> {
        let mut rest = Reader::new(self.encoded);
        core::iter::from_fn(move || HostAddress::read(&mut rest).ok())
    }

    /// Returns whether the ticket names `address`. An IPv4-mapped address (`::ffff:a.b.c.d`, RFC 4291 section 2.5.5.2) is the
    /// same as that IPv4 address, in the ticket and in `address`.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        // A dual-stack socket shows an IPv4 client as a mapped address, and a client behind one lists it as such.
        let address = address.to_canonical();
        self.iter().any(|listed| listed.ip() == Some(address))
    }

    /// Returns whether the ticket names an IP address. Windows clients list a NetBIOS name only.
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
    /// This is the kind of address.
    pub address_type: AddressType,
    /// These are its octets, in network order.
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

    /// Returns the IP address; `None` for another type, or for another number of octets than the type has. An IPv4-mapped
    /// address is returned as the IPv4 address.
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

/// A type of address (RFC 4120 section 7.5.3). Types without a name are kept, too.
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
