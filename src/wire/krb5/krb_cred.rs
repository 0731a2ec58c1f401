//! KRB-CRED (RFC 4120 section 5.8.1): the tickets that a client delegates, and an encrypted part with the keys of these
//! tickets.

use super::{EncryptedData, Ticket};
use crate::limits::MAX_DELEGATED_TICKETS;
use crate::unprinted::Unprinted;
use crate::wire::der::{self, Fault, Field, Malformed, Reader, application, field, tag};

/// A message that delegates tickets.
///
/// ```asn1
/// KRB-CRED ::= [APPLICATION 22] SEQUENCE {
///     pvno     [0] INTEGER (5),
///     msg-type [1] INTEGER (22),
///     tickets  [2] SEQUENCE OF Ticket,
///     enc-part [3] EncryptedData -- EncKrbCredPart
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct KrbCred<'a> {
    pub(crate) tickets: Tickets<'a>,
    pub(crate) enc_part: EncryptedData<'a>,
}

impl<'a> KrbCred<'a> {
    /// Reads a KRB-CRED that fills `message` to its end.
    pub(crate) fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        der::read(message, Self::parse)
    }

    fn parse(message: Reader<'a>) -> Result<Self, Fault> {
        let mut fields = message.only_wrapped(application(22), tag::SEQUENCE, field!("KRB-CRED"))?;
        fields.constant_field(0, 5, field!("KRB-CRED.pvno"))?;
        fields.constant_field(1, 22, field!("KRB-CRED.msg-type"))?;
        let message = Self {
            tickets: fields.structure(2, field!("KRB-CRED.tickets"), Tickets::read)?,
            enc_part: fields.structure(3, field!("KRB-CRED.enc-part"), EncryptedData::read)?,
        };
        fields.end(field!("KRB-CRED"))?;
        Ok(message)
    }
}

/// The delegated tickets: SEQUENCE OF Ticket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tickets<'a> {
    /// The contents of the SEQUENCE OF. `read` has found no fault in the tickets.
    encoded: Unprinted<&'a [u8]>,
    count: usize,
}

impl<'a> Tickets<'a> {
    fn read(contents: Reader<'a>, what: Field) -> Result<Self, Fault> {
        let count = contents.elements(MAX_DELEGATED_TICKETS, what, |ticket| Ticket::read(ticket, what))?;
        Ok(Self { encoded: Unprinted(contents.rest()), count })
    }

    pub(crate) const fn count(self) -> usize {
        self.count
    }

    pub(crate) const fn encoded(self) -> &'a [u8] {
        self.encoded.0
    }

    /// Returns the encoding of each ticket in [`Self::encoded`].
    pub(crate) fn each(encoded: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = Reader::new(encoded);
        core::iter::from_fn(move || {
            let from_here = rest.rest();
            rest.element(application(1), field!("Ticket")).ok()?;
            // The unread octets are the end of `from_here`, so the subtraction gives the length of the ticket.
            from_here.get(..from_here.len().saturating_sub(rest.rest().len()))
        })
    }
}
