//! NegTokenResp (RFC 4178 section 4.2.2): what either side sends after the first message.

use crate::der::{Malformed, Reader, context, tag};

/// ```asn1
/// NegTokenResp ::= SEQUENCE {
///     negState      [0] ENUMERATED OPTIONAL,
///     supportedMech [1] MechType OPTIONAL,
///     responseToken [2] OCTET STRING OPTIONAL,
///     mechListMIC   [3] OCTET STRING OPTIONAL
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct NegTokenResp<'a> {
    pub(crate) response_token: Option<Reader<'a>>,
}

impl<'a> NegTokenResp<'a> {
    /// Identifier octet of a NegTokenResp as a NegotiationToken.
    pub(crate) const TAG: u8 = context(1);

    /// Reads a NegotiationToken that must be one of these.
    pub(crate) fn read(token: Reader<'a>) -> Result<Self, Malformed> {
        const WHAT: &str = "NegTokenResp";
        let mut fields = token.only(Self::TAG, WHAT)?.only(tag::SEQUENCE, WHAT)?;
        fields.optional(context(0), "NegTokenResp.negState")?;
        fields.optional(context(1), "NegTokenResp.supportedMech")?;
        let response_token = fields.optional_field(2, "NegTokenResp.responseToken", Reader::octet_reader)?;
        fields.optional_field(3, "NegTokenResp.mechListMIC", Reader::octets)?;
        fields.end(WHAT)?;
        Ok(Self { response_token })
    }
}
