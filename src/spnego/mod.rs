//! SPNEGO (RFC 4178, MS-SPNG): the negotiation around a mechanism's token.

mod init;

pub(crate) use init::NegTokenInit;

use crate::der::{Malformed, Problem, Reader, context};

/// Identifier octet of a NegTokenInit, the first message of a client.
const NEG_TOKEN_INIT: u8 = context(0);

/// Identifier octet of a NegTokenResp, every later message.
pub(crate) const NEG_TOKEN_RESP: u8 = context(1);

/// Reads the NegotiationToken that a client begins with.
pub(crate) fn read_first(token: Reader<'_>) -> Result<NegTokenInit<'_>, Malformed> {
    const WHAT: &str = "NegotiationToken";
    match token.peek() {
        Some(NEG_TOKEN_RESP) => Err(token.error(WHAT, Problem::OutOfPlace)),
        _ => NegTokenInit::read(token.only(NEG_TOKEN_INIT, WHAT)?),
    }
}
