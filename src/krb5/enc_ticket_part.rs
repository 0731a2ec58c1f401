//! EncTicketPart (RFC 4120 section 5.3): what the KDC says about the client.

use super::{AuthorizationData, EncryptionKey, HostAddresses, PrincipalName, TicketFlags};
use crate::der::{Malformed, Reader, application, tag};
use crate::time::UnixTime;

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
    pub(crate) caddr: HostAddresses<'a>,
    pub(crate) authorization_data: AuthorizationData<'a>,
}

impl<'a> EncTicketPart<'a> {
    /// Reads the plaintext of a ticket, which it must fill to the end.
    #[inline]
    pub(crate) fn read(plaintext: &'a [u8]) -> Result<Self, Malformed> {
        let part = Reader::new(plaintext).only(application(3), "EncTicketPart")?;
        let mut fields = part.only(tag::SEQUENCE, "EncTicketPart")?;
        let part = Self {
            flags: TicketFlags::from_bits(fields.field(0, "EncTicketPart.flags", Reader::flags)?),
            key: fields.field(1, "EncTicketPart.key", EncryptionKey::read)?,
            crealm: fields.field(2, "EncTicketPart.crealm", Reader::realm_bytes)?,
            cname: fields.field(3, "EncTicketPart.cname", PrincipalName::read)?,
            transited: fields.field(4, "EncTicketPart.transited", TransitedEncoding::read)?,
            authtime: fields.time_field(5, "EncTicketPart.authtime")?,
            starttime: fields.optional_time_field(6, "EncTicketPart.starttime")?,
            endtime: fields.time_field(7, "EncTicketPart.endtime")?,
            renew_till: fields.optional_time_field(8, "EncTicketPart.renew-till")?,
            caddr: fields.optional_field(9, "EncTicketPart.caddr", HostAddresses::read)?.unwrap_or_default(),
            authorization_data: fields
                .optional_field(10, "EncTicketPart.authorization-data", AuthorizationData::read)?
                .unwrap_or_default(),
        };
        fields.end("EncTicketPart")?;
        Ok(part)
    }
}

/// ```asn1
/// TransitedEncoding ::= SEQUENCE {
///     tr-type  [0] Int32,
///     contents [1] OCTET STRING
/// }
/// ```
/// The realms between the client's and the service's. The contents are never expanded: DOMAIN-X500-COMPRESS (RFC 4120
/// section 3.3.3.2) can be written so that expanding it costs the square of its length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransitedEncoding<'a> {
    pub(crate) contents: &'a [u8],
}

impl<'a> TransitedEncoding<'a> {
    #[inline]
    fn read(reader: &mut Reader<'a>, what: &'static str) -> Result<Self, Malformed> {
        let mut fields = reader.sequence(what)?;
        fields.int32_field(0, "TransitedEncoding.tr-type")?;
        let contents = fields.field(1, "TransitedEncoding.contents", Reader::octets)?;
        fields.end(what)?;
        Ok(Self { contents })
    }
}
