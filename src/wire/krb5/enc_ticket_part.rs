//! EncTicketPart (RFC 4120 section 5.3): the part of a ticket in which the KDC states facts about the client.

use super::{AuthorizationData, EncryptionKey, HostAddresses, PrincipalName, TicketFlags, TransitedEncoding};
use crate::time::UnixTime;
use crate::wire::der::{Fault, Reader, application, field, tag};

/// The encrypted part of a ticket.
///
/// ```asn1
/// EncTicketPart ::= [APPLICATION 3] SEQUENCE {
///     flags              [0] TicketFlags,
///     key                [1] EncryptionKey,
///     crealm             [2] Realm,
///     cname              [3] PrincipalName,
///     transited          [4] TransitedEncoding,
///     authtime           [5] KerberosTime,
///     starttime          [6] KerberosTime OPTIONAL,
///     endtime            [7] KerberosTime,
///     renew-till         [8] KerberosTime OPTIONAL,
///     caddr              [9] HostAddresses OPTIONAL,
///     authorization-data [10] AuthorizationData OPTIONAL
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct EncTicketPart<'a> {
    pub(crate) flags: TicketFlags,
    pub(crate) key: EncryptionKey<'a>,
    pub(crate) crealm: &'a [u8],
    pub(crate) cname: PrincipalName<'a>,
    pub(crate) transited: TransitedEncoding<'a>,
    pub(crate) authtime: UnixTime,
    pub(crate) starttime: Option<UnixTime>,
    pub(crate) endtime: UnixTime,
    pub(crate) renew_till: Option<UnixTime>,
    /// The addresses from which the ticket may be used. An empty list or an absent field means that the ticket may be
    /// used from every address.
    pub(crate) caddr: HostAddresses<'a>,
    /// The authorization data. The container is empty if the field is absent.
    pub(crate) authorization_data: AuthorizationData<'a>,
}

impl<'a> EncTicketPart<'a> {
    /// Reads the plaintext of a ticket. No octet may follow the EncTicketPart.
    pub(crate) fn read(plaintext: Reader<'a>) -> Result<Self, Fault> {
        let mut fields = plaintext.only_wrapped(application(3), tag::SEQUENCE, field!("EncTicketPart"))?;
        let part = Self {
            flags: TicketFlags::from_bits(fields.flags_field(0, field!("EncTicketPart.flags"))?),
            key: fields.structure(1, field!("EncTicketPart.key"), EncryptionKey::read)?,
            crealm: fields.realm_field(2, field!("EncTicketPart.crealm"))?,
            cname: fields.structure(3, field!("EncTicketPart.cname"), PrincipalName::read)?,
            transited: fields.structure(4, field!("EncTicketPart.transited"), TransitedEncoding::read)?,
            authtime: fields.time_field(5, field!("EncTicketPart.authtime"))?,
            starttime: fields.optional_time_field(6, field!("EncTicketPart.starttime"))?,
            endtime: fields.time_field(7, field!("EncTicketPart.endtime"))?,
            renew_till: fields.optional_time_field(8, field!("EncTicketPart.renew-till"))?,
            caddr: fields
                .optional_structure(9, field!("EncTicketPart.caddr"), HostAddresses::read)?
                .unwrap_or_default(),
            authorization_data: fields
                .optional_structure(10, field!("EncTicketPart.authorization-data"), AuthorizationData::read)?
                .unwrap_or_default(),
        };
        fields.end(field!("EncTicketPart"))?;
        Ok(part)
    }
}
