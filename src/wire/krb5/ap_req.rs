//! AP-REQ (RFC 4120 section 5.5.1): an encrypted ticket and an encrypted authenticator.

use super::{ApOptions, EncryptedData, Ticket};
use crate::wire::der::{Fault, Field, Reader, application, field, tag};

/// A message that authenticates a client.
///
/// ```asn1
/// AP-REQ ::= [APPLICATION 14] SEQUENCE {
///     pvno          [0] INTEGER (5),
///     msg-type      [1] INTEGER (14),
///     ap-options    [2] APOptions,
///     ticket        [3] Ticket,
///     authenticator [4] EncryptedData -- Authenticator
/// }
/// ```
/// Encryption protects the two ciphertexts. The other fields are not protected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ApReq<'a> {
    pub(crate) options: ApOptions,
    pub(crate) ticket: Ticket<'a>,
    pub(crate) authenticator: EncryptedData<'a>,
}

impl<'a> ApReq<'a> {
    /// The identifier octet of an AP-REQ.
    pub(crate) const TAG: u8 = application(14);

    /// Reads an AP-REQ that fills `message` to its end.
    pub(crate) fn read(message: Reader<'a>) -> Result<Self, Fault> {
        let mut fields = message.only_wrapped(Self::TAG, tag::SEQUENCE, field!("AP-REQ"))?;
        fields.constant_field(0, 5, field!("AP-REQ.pvno"))?;
        fields.constant_field(1, 14, field!("AP-REQ.msg-type"))?;
        let request = Self {
            options: ApOptions::from_bits(fields.flags_field(2, field!("AP-REQ.ap-options"))?),
            ticket: fields.field(3, field!("AP-REQ.ticket"), Ticket::read)?,
            authenticator: EncryptedData::read(fields.sequence_field(4, AUTHENTICATOR)?, AUTHENTICATOR)?,
        };
        fields.end(field!("AP-REQ"))?;
        Ok(request)
    }
}

const AUTHENTICATOR: Field = field!("AP-REQ.authenticator");
