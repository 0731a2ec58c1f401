//! EncKrbCredPart (RFC 4120 section 5.8.1): the keys of the tickets in a KRB-CRED, and information about these tickets.

use super::{EncryptionKey, HostAddress, HostAddresses, PrincipalName, TicketFlags};
use crate::limits::MAX_DELEGATED_TICKETS;
use crate::time::UnixTime;
use crate::unprinted::Unprinted;
use crate::wire::der::{self, Fault, Field, Malformed, Reader, application, context, field, tag};

/// The encrypted part of a KRB-CRED.
///
/// ```asn1
/// EncKrbCredPart ::= [APPLICATION 29] SEQUENCE {
///     ticket-info [0] SEQUENCE OF KrbCredInfo,
///     nonce       [1] UInt32 OPTIONAL,
///     timestamp   [2] KerberosTime OPTIONAL,
///     usec        [3] Microseconds OPTIONAL,
///     s-address   [4] HostAddress OPTIONAL,
///     r-address   [5] HostAddress OPTIONAL
/// }
/// ```
/// This library reads a KRB-CRED only in an AP-REQ. All fields except the first protect against replays of a KRB-CRED
/// that a client sends outside of an AP-REQ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EncKrbCredPart<'a> {
    /// The contents of `ticket-info`. `read` has found no fault in the elements.
    pub(crate) ticket_info: Unprinted<&'a [u8]>,
    pub(crate) ticket_info_count: usize,
}

impl<'a> EncKrbCredPart<'a> {
    /// Reads the plaintext of a KRB-CRED. No octet may follow the EncKrbCredPart.
    pub(crate) fn read(plaintext: &'a [u8]) -> Result<Self, Malformed> {
        der::read(plaintext, Self::parse)
    }

    fn parse(plaintext: Reader<'a>) -> Result<Self, Fault> {
        const TICKET_INFO: Field = field!("EncKrbCredPart.ticket-info");
        let mut fields = plaintext.only_wrapped(application(29), tag::SEQUENCE, field!("EncKrbCredPart"))?;
        let ticket_info = fields.wrapped(context(0), tag::SEQUENCE, TICKET_INFO)?;
        let ticket_info_count = ticket_info.elements(MAX_DELEGATED_TICKETS, TICKET_INFO, KrbCredInfo::read)?;
        fields.optional_uint32_field(1, field!("EncKrbCredPart.nonce"))?;
        fields.optional_time_field(2, field!("EncKrbCredPart.timestamp"))?;
        fields.optional_field(3, field!("EncKrbCredPart.usec"), Reader::microseconds)?;
        fields.optional_field(4, field!("EncKrbCredPart.s-address"), |r, _| HostAddress::read(r))?;
        fields.optional_field(5, field!("EncKrbCredPart.r-address"), |r, _| HostAddress::read(r))?;
        fields.end(field!("EncKrbCredPart"))?;
        Ok(Self { ticket_info: Unprinted(ticket_info.rest()), ticket_info_count })
    }
}

/// The key of one ticket, and information about the ticket.
///
/// ```asn1
/// KrbCredInfo ::= SEQUENCE {
///     key        [0] EncryptionKey,
///     prealm     [1] Realm OPTIONAL,
///     pname      [2] PrincipalName OPTIONAL,
///     flags      [3] TicketFlags OPTIONAL,
///     authtime   [4] KerberosTime OPTIONAL,
///     starttime  [5] KerberosTime OPTIONAL,
///     endtime    [6] KerberosTime OPTIONAL,
///     renew-till [7] KerberosTime OPTIONAL,
///     srealm     [8] Realm OPTIONAL,
///     sname      [9] PrincipalName OPTIONAL,
///     caddr      [10] HostAddresses OPTIONAL
/// }
/// ```
/// This reader requires the names and realms of the client and the service, although RFC 4120 makes them optional. A
/// service cannot use a delegated ticket without these names, and every client sends them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KrbCredInfo<'a> {
    pub(crate) key: EncryptionKey<'a>,
    pub(crate) prealm: &'a str,
    pub(crate) pname: PrincipalName<'a>,
    /// The flags of the ticket, as the client states them. The flags are empty if the field is absent. The ticket
    /// itself contains its flags, encrypted for its service.
    pub(crate) flags: TicketFlags,
    pub(crate) authtime: Option<UnixTime>,
    pub(crate) starttime: Option<UnixTime>,
    pub(crate) endtime: Option<UnixTime>,
    pub(crate) renew_till: Option<UnixTime>,
    pub(crate) srealm: &'a str,
    pub(crate) sname: PrincipalName<'a>,
    /// The addresses from which the ticket may be used. An empty list or an absent field means that the ticket may be
    /// used from every address.
    pub(crate) caddr: HostAddresses<'a>,
}

impl<'a> KrbCredInfo<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let mut fields = reader.sequence(field!("KrbCredInfo"))?;
        let info = Self {
            key: fields.structure(0, field!("KrbCredInfo.key"), EncryptionKey::read)?,
            prealm: fields.realm_text_field(1, field!("KrbCredInfo.prealm"))?,
            pname: fields.structure(2, field!("KrbCredInfo.pname"), PrincipalName::read)?,
            flags: TicketFlags::from_bits(
                fields.optional_field(3, field!("KrbCredInfo.flags"), Reader::flags)?.unwrap_or(0),
            ),
            authtime: fields.optional_time_field(4, field!("KrbCredInfo.authtime"))?,
            starttime: fields.optional_time_field(5, field!("KrbCredInfo.starttime"))?,
            endtime: fields.optional_time_field(6, field!("KrbCredInfo.endtime"))?,
            renew_till: fields.optional_time_field(7, field!("KrbCredInfo.renew-till"))?,
            srealm: fields.realm_text_field(8, field!("KrbCredInfo.srealm"))?,
            sname: fields.structure(9, field!("KrbCredInfo.sname"), PrincipalName::read)?,
            caddr: fields.optional_structure(10, field!("KrbCredInfo.caddr"), HostAddresses::read)?.unwrap_or_default(),
        };
        fields.end(field!("KrbCredInfo"))?;
        Ok(info)
    }

    /// Returns the elements of [`EncKrbCredPart::ticket_info`] in their order.
    pub(crate) fn each(ticket_info: &'a [u8]) -> impl Iterator<Item = Self> {
        let mut rest = Reader::new(ticket_info);
        core::iter::from_fn(move || Self::read(&mut rest).ok())
    }
}
