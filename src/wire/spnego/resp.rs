//! NegTokenResp (RFC 4178 section 4.2.2): the form of every message after the NegTokenInit, from the initiator or the
//! acceptor.

use crate::unprinted::Unprinted;
use crate::wire::der::{Fault, Field, Reader, Writer, context, field, tag};
use crate::wire::mechanism::Mechanism;
use alloc::vec::Vec;

/// A NegTokenResp of the client.
///
/// ```asn1
/// NegTokenResp ::= SEQUENCE {
///     negState      [0] ENUMERATED OPTIONAL,
///     supportedMech [1] MechType OPTIONAL,
///     responseToken [2] OCTET STRING OPTIONAL,
///     mechListMIC   [3] OCTET STRING OPTIONAL,
///     ...
/// }
/// ```
/// The client's negState and supportedMech are ignored, because the server knows the state and the mechanism itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NegTokenResp<'a> {
    pub(crate) response_token: Option<Reader<'a>>,
    pub(crate) mech_list_mic: Option<Unprinted<&'a [u8]>>,
}

impl<'a> NegTokenResp<'a> {
    /// Reads a NegotiationToken, which must be a NegTokenResp.
    pub(crate) fn read(token: Reader<'a>) -> Result<Self, Fault> {
        const WHAT: Field = field!("NegTokenResp");
        let mut fields = token.only_wrapped(RESP_TAG, tag::SEQUENCE, WHAT)?;
        fields.optional(context(0), field!("NegTokenResp.negState"))?;
        fields.optional(context(1), field!("NegTokenResp.supportedMech"))?;
        let response_token = fields.optional_octets(2, field!("NegTokenResp.responseToken"))?;
        let mech_list_mic =
            fields.optional_octets(3, field!("NegTokenResp.mechListMIC"))?.map(|mic| Unprinted(mic.rest()));
        fields.end_after_extensions(4, WHAT)?;
        Ok(Self { response_token, mech_list_mic })
    }
}

/// A NegTokenResp of this server.
#[derive(Clone, Copy)]
pub(crate) struct NegotiationReply<'a> {
    pub(crate) state: NegState,
    /// The mechanism that the server selects. Only the first reply has this field, and the client must have offered the
    /// mechanism.
    pub(crate) supported_mech: Option<Mechanism>,
    pub(crate) response_token: Option<&'a [u8]>,
    pub(crate) mech_list_mic: Option<&'a [u8]>,
}

impl NegotiationReply<'_> {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        // These sizes only determine the capacity of the writer. An absent field counts as empty, and the writer grows
        // if its capacity is too small.
        let token = self.response_token.unwrap_or_default();
        let mic = self.mech_list_mic.unwrap_or_default();
        let mut writer = Writer::with_capacity(HEADERS.saturating_add(token.len()).saturating_add(mic.len()));
        writer.element(RESP_TAG, |w| {
            w.sequence(|w| {
                if let Some(mic) = self.mech_list_mic {
                    w.field(3, |w| w.octets(mic));
                }
                if let Some(token) = self.response_token {
                    w.field(2, |w| w.octets(token));
                }
                if let Some(mechanism) = self.supported_mech {
                    w.field(1, |w| w.oid(mechanism.oid()));
                }
                w.field(0, |w| w.enumerated(self.state.number()));
            });
        });
        writer.finish()
    }
}

/// The state of a negotiation, as the sender of the message states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NegState {
    AcceptCompleted,
    AcceptIncomplete,
    Reject,
    RequestMic,
}

impl NegState {
    const fn number(self) -> u8 {
        match self {
            Self::AcceptCompleted => 0,
            Self::AcceptIncomplete => 1,
            Self::Reject => 2,
            Self::RequestMic => 3,
        }
    }
}

/// The NegTokenResp with the state `reject` and no other field, as MIT krb5 and Windows write it.
pub(crate) const REJECT: [u8; 9] = [RESP_TAG, 7, tag::SEQUENCE, 5, context(0), 3, tag::ENUMERATED, 1, 2];

/// The identifier octet of a NegTokenResp as a NegotiationToken.
pub(crate) const RESP_TAG: u8 = context(1);

/// A number of octets: more than the headers of all fields and an object identifier have.
const HEADERS: usize = 48;

#[cfg(test)]
mod tests;
