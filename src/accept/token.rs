//! The kind of a token. The first octets of a token show its kind.

use crate::error::{Error, KerberosOffer, NtlmMessage};
use crate::wire::der::{Fault, Kind, Reader, field};
use crate::wire::gss::{INITIAL_TAG, InitialToken, ap_req_message};
use crate::wire::krb5::{ApRep, ApReq};
use crate::wire::mechanism::Mechanism;
use crate::wire::ntlm;
use crate::wire::spnego::RESP_TAG;

/// A token of a known kind.
pub(crate) enum Token<'t> {
    /// A client's first SPNEGO token.
    NegTokenInit(Reader<'t>),
    /// A later SPNEGO token of a client.
    NegTokenResp(Reader<'t>),
    /// An AP-REQ in GSS framing, under the object identifier of this mechanism.
    Krb5(Mechanism, Reader<'t>),
    ApReq(Reader<'t>),
    ApRep(Reader<'t>),
    /// A token of another mechanism, with its octets.
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
                    Mechanism::Spnego if inner.peek() == Some(RESP_TAG) => Self::NegTokenResp(inner),
                    Mechanism::Spnego => Self::NegTokenInit(inner),
                    Mechanism::Krb5 | Mechanism::MsKrb5 => Self::Krb5(mechanism, ap_req_message(inner)?),
                    _ => Self::Foreign(mechanism, inner.rest()),
                })
            }
            _ if token.starts_with(ntlm::SIGNATURE) => Ok(Self::Foreign(Mechanism::Ntlm, token)),
            _ if token.starts_with(NEGOEX_SIGNATURE) => Ok(Self::Foreign(Mechanism::NegoEx, token)),
            Some(RESP_TAG) => Ok(Self::NegTokenResp(reader)),
            Some(_) => Err(reader.error(field!("token"), Kind::Unrecognised)),
            None => Err(reader.error(field!("token"), Kind::Empty)),
        }
    }
}

/// Returns the error for a token of another mechanism.
pub(crate) fn foreign(mechanism: Mechanism, message: &[u8], offer: KerberosOffer) -> Error {
    match mechanism {
        Mechanism::Ntlm => Error::Ntlm { message: NtlmMessage::of(message), offer },
        Mechanism::NegoEx => Error::NegoEx { offer },
        Mechanism::Iakerb => Error::Iakerb,
        Mechanism::UserToUser => Error::UserToUser,
        _ => Error::NoKerberos { mechanisms: 1 },
    }
}

const NEGOEX_SIGNATURE: &[u8] = b"NEGOEXTS";
