//! Tokens by their first bytes: what a client sent, before any of it is read.

use crate::error::{Error, KerberosOffer, NtlmMessage};
use crate::wire::der::{Fault, Kind, Reader, field};
use crate::wire::gss::{INITIAL_TAG, InitialToken, ap_req_message};
use crate::wire::krb5::{ApRep, ApReq};
use crate::wire::mechanism::Mechanism;
use crate::wire::spnego::RESP_TAG;

/// A token, by what it says it is.
pub(crate) enum Token<'t> {
    /// NegTokenInit.
    Spnego(Reader<'t>),
    /// NegTokenResp.
    Continuation(Reader<'t>),
    /// An AP-REQ in the framing of a mechanism.
    Krb5(Mechanism, Reader<'t>),
    ApReq(Reader<'t>),
    ApRep(Reader<'t>),
    /// Another mechanism's, and its bytes.
    Foreign(Mechanism, &'t [u8]),
}

impl<'t> Token<'t> {
    pub(crate) fn recognise(reader: Reader<'t>) -> Result<Self, Fault> {
        let token = reader.rest();
        match reader.peek() {
            Some(ApReq::TAG) => Ok(Self::ApReq(reader)),
            Some(ApRep::TAG) => Ok(Self::ApRep(reader)),
            Some(INITIAL_TAG) => {
                let InitialToken { mechanism, inner } = InitialToken::read(reader)?;
                Ok(match mechanism {
                    Mechanism::Spnego if inner.peek() == Some(RESP_TAG) => Self::Continuation(inner),
                    Mechanism::Spnego => Self::Spnego(inner),
                    Mechanism::Krb5 | Mechanism::MsKrb5 => Self::Krb5(mechanism, ap_req_message(inner)?),
                    _ => Self::Foreign(mechanism, inner.rest()),
                })
            }
            _ if token.starts_with(NTLM_SIGNATURE) => Ok(Self::Foreign(Mechanism::Ntlm, token)),
            _ if token.starts_with(NEGOEX_SIGNATURE) => Ok(Self::Foreign(Mechanism::NegoEx, token)),
            Some(RESP_TAG) => Ok(Self::Continuation(reader)),
            Some(_) => Err(reader.error(field!("token"), Kind::Unrecognised)),
            None => Err(reader.error(field!("token"), Kind::Empty)),
        }
    }
}

/// What a token of another mechanism is called.
pub(crate) fn foreign(mechanism: Mechanism, message: &[u8], offer: KerberosOffer) -> Error {
    match mechanism {
        Mechanism::Ntlm => Error::Ntlm { message: ntlm_message(message), offer },
        Mechanism::NegoEx => Error::NegoEx { offer },
        Mechanism::Iakerb => Error::Iakerb,
        Mechanism::UserToUser => Error::UserToUser,
        _ => Error::NoKerberos { mechanisms: 1 },
    }
}

/// MessageType of MS-NLMP section 2.2.1: 32 bits, little-endian, after the signature.
fn ntlm_message(message: &[u8]) -> NtlmMessage {
    match message.strip_prefix(NTLM_SIGNATURE) {
        Some([1, 0, 0, 0, ..]) => NtlmMessage::Negotiate,
        Some([2, 0, 0, 0, ..]) => NtlmMessage::Challenge,
        Some([3, 0, 0, 0, ..]) => NtlmMessage::Authenticate,
        _ => NtlmMessage::Unknown,
    }
}

const NTLM_SIGNATURE: &[u8] = b"NTLMSSP\0";

const NEGOEX_SIGNATURE: &[u8] = b"NEGOEXTS";
