//! SPNEGO (RFC 4178, MS-SPNG): the negotiation around a mechanism's tokens.

mod init;
mod resp;

pub(crate) use init::{MechanismList, NegTokenInit};
pub(crate) use resp::{NegState, NegTokenResp, NegotiationReply, REJECT, RESP_TAG};
