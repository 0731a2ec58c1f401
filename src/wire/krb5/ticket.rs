//! Ticket (RFC 4120 section 5.3): two fields that are not encrypted and not protected, and the part that the KDC
//! encrypted.

use super::{EncryptedData, PrincipalName};
use crate::bounded_text::BoundedText;
use crate::wire::der::{Fault, Field, Reader, application, field, tag};
use core::fmt;

/// An encrypted ticket.
///
/// ```asn1
/// Ticket ::= [APPLICATION 1] SEQUENCE {
///     tkt-vno  [0] INTEGER (5),
///     realm    [1] Realm,
///     sname    [2] PrincipalName,
///     enc-part [3] EncryptedData -- EncTicketPart
/// }
/// ```
/// An attacker on the network can change `realm` and `sname`. These fields determine which keys the server tries, but
/// never prove which service the ticket is for.
#[derive(Clone, Copy)]
pub(crate) struct Ticket<'a> {
    /// The realm of the service. The octets are valid text, because `Reader::realm_field` has checked them.
    pub(crate) realm: &'a [u8],
    pub(crate) sname: PrincipalName<'a>,
    pub(crate) enc_part: EncryptedData<'a>,
}

impl<'a> Ticket<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>, _: Field) -> Result<Self, Fault> {
        let mut fields = reader.wrapped(application(1), tag::SEQUENCE, field!("Ticket"))?;
        fields.constant_field(0, 5, field!("Ticket.tkt-vno"))?;
        let ticket = Self {
            realm: fields.realm_field(1, field!("Ticket.realm"))?,
            sname: PrincipalName::read(fields.sequence_field(2, SNAME)?, SNAME)?,
            enc_part: EncryptedData::read(fields.sequence_field(3, ENC_PART)?, ENC_PART)?,
        };
        fields.end(field!("Ticket"))?;
        Ok(ticket)
    }
}

impl fmt::Debug for Ticket<'_> {
    #[expect(clippy::expect_used, reason = "`Reader::realm_field` accepts only realms that are text")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let realm = BoundedText::new(core::str::from_utf8(self.realm).expect("a realm that was read as text"));
        write!(f, "Ticket({} in {realm}, {:?})", self.sname, self.enc_part)
    }
}

const SNAME: Field = field!("Ticket.sname");
const ENC_PART: Field = field!("Ticket.enc-part");
