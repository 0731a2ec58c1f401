//! What is left of the conversation when a request is verified: which answer it wants, in which framing, and whether the
//! client's word on what was negotiated holds (RFC 4178 section 5).

use crate::accept::context_keys::ContextKeys;
use crate::accept::facts::AuthenticatorFields;
use crate::accept::message::Message;
use crate::accept::request::{Carrier, Continuation, FinalToken, Negotiated, Request};
use crate::context::{Established, SecurityContext};
use crate::crypto::KeyUsage;
use crate::error::{Error, NegotiationCause};
use crate::wire::gss::GssFlags;
use crate::wire::krb5::{ApRep, EncApRepPart};
use crate::wire::mechanism::Mechanism;
use crate::wire::spnego::{MechanismList, NegState, NegotiationReply};
use alloc::boxed::Box;
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// What a verified request is answered with.
#[derive(Debug)]
pub(crate) enum Exchange {
    /// This came with the AP-REQ.
    Answer(Envelope),
    /// The last word has come: all is known.
    Closing(Box<Closing>),
}

/// In what an answer goes back.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) message: Message,
    pub(crate) spnego: Option<Spnego>,
    /// The AP-REQ, kept if the client must answer our answer.
    pub(crate) ap_req: Option<Vec<u8>>,
}

/// The negotiation, as far as it is still needed.
#[derive(Debug)]
pub(crate) struct Spnego {
    /// Named in the first reply, and only there.
    pub(crate) supported_mech: Option<Mechanism>,
    pub(crate) mic: MicExchange,
    /// The MechTypeList, kept if a MIC of ours or another leg is to come.
    pub(crate) mech_types: Vec<u8>,
}

/// Which mechListMICs are exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MicExchange {
    /// None: Kerberos is the first choice of both.
    Unneeded,
    /// The client's came and verified, and ours must follow.
    Verified,
    /// Ours must go, and the client's come back.
    Due,
}

/// The end of a conversation.
#[derive(Clone, Debug)]
pub(crate) struct Closing {
    pub(crate) established: Established,
    pub(crate) reply: Option<Vec<u8>>,
}

impl Exchange {
    pub(crate) fn settle(
        request: &Request<'_>,
        keys: ContextKeys<'_>,
        authenticator: &AuthenticatorFields,
    ) -> Result<Self, Error> {
        let flags = authenticator.flags();
        let (negotiated, supported_mech) = match request.carrier {
            Carrier::None => (None, None),
            Carrier::NegTokenInit(negotiated) => (Some(negotiated), Some(negotiated.mechanism)),
            Carrier::NegTokenResp(negotiated) => (Some(negotiated), None),
            Carrier::Earlier(token) => {
                return close(&token, keys, authenticator).map(|closing| Self::Closing(Box::new(closing)));
            }
        };
        let mic = negotiated.map_or(Ok(MicExchange::Unneeded), |it| check_mic(&it, keys, authenticator))?;
        if mic == MicExchange::Due && keys.ap_rep.is_none() && matches!(request.carrier, Carrier::NegTokenResp(_)) {
            // RFC 4178 section 5 c V: it was told that MICs are wanted, and this was the last token of the mechanism.
            return Err(Error::Negotiation(NegotiationCause::NoMic));
        }
        let wants_more = mic == MicExchange::Due || flags.contains(GssFlags::DCE_STYLE);
        let goes_on = wants_more && request.continuation == Continuation::Allowed;
        let keeps_list = goes_on || mic == MicExchange::Verified;
        let spnego = negotiated.map(|it| Spnego {
            supported_mech,
            mic,
            mech_types: if keeps_list { it.mechanisms.der().to_vec() } else { Vec::new() },
        });
        Ok(Self::Answer(Envelope {
            message: request.message,
            spnego,
            ap_req: goes_on.then(|| request.encoded.to_vec()),
        }))
    }
}

/// The mechListMIC that came with the AP-REQ.
///
/// Kerberos is all that is taken here, and so our first choice. If it is the client's too, the exchange is optional, and
/// it is for the client to begin it; else it must be. A client that did not ask for integrity makes no MICs.
fn check_mic(
    negotiated: &Negotiated<'_>,
    keys: ContextKeys<'_>,
    authenticator: &AuthenticatorFields,
) -> Result<MicExchange, Error> {
    let Some(mic) = negotiated.mic else {
        let required = !negotiated.mechanisms.prefers_kerberos() && asks_for_integrity(authenticator);
        return Ok(if required { MicExchange::Due } else { MicExchange::Unneeded });
    };
    receive_mic(&mut keys.before_reply(authenticator), negotiated.mechanisms.der(), mic)?;
    Ok(MicExchange::Verified)
}

fn asks_for_integrity(authenticator: &AuthenticatorFields) -> bool {
    authenticator.flags().contains(GssFlags::INTEGRITY)
}

/// The client's last word.
#[cold]
fn close(token: &FinalToken<'_>, keys: ContextKeys<'_>, authenticator: &AuthenticatorFields) -> Result<Closing, Error> {
    let established = keys.after_reply(authenticator, &token.pending.randomness);
    match (token.ap_rep, token.mechanisms) {
        (Some(ap_rep), _) if authenticator.flags().contains(GssFlags::DCE_STYLE) => {
            check_ap_rep(ap_rep, keys, established.send_sequence)?;
            close_dce_style(token, established, asks_for_integrity(authenticator))
        }
        (None, Some(mechanisms)) if !authenticator.flags().contains(GssFlags::DCE_STYLE) => {
            close_with_mic(token.mic, mechanisms, established)
        }
        _ => Err(Error::Negotiation(NegotiationCause::LastToken)),
    }
}

/// RFC 4178 section 5 b I: our MIC went with our AP-REP, and the client's comes alone. Nothing is left to say.
fn close_with_mic(
    mic: Option<&[u8]>,
    mechanisms: MechanismList<'_>,
    mut established: Established,
) -> Result<Closing, Error> {
    let mic = mic.ok_or(Error::Negotiation(NegotiationCause::NoMic))?;
    // Our numbers begin below 2^30: nothing wraps.
    established.send_sequence = established.send_sequence.wrapping_add(1);
    receive_mic(&mut established, mechanisms.der(), mic)?;
    Ok(Closing { established, reply: None })
}

/// RFC 4178 section 5 c: the client sent the last token of the mechanism, with its MIC, and ours answers it.
fn close_dce_style(token: &FinalToken<'_>, mut established: Established, integrity: bool) -> Result<Closing, Error> {
    let Some(mechanisms) = token.mechanisms else {
        return Ok(Closing { established, reply: None });
    };
    let our_mic = match token.mic {
        Some(mic) => {
            receive_mic(&mut established, mechanisms.der(), mic)?;
            Some(send_mic(&mut established, mechanisms.der()))
        }
        None if integrity && !mechanisms.prefers_kerberos() => return Err(Error::Negotiation(NegotiationCause::NoMic)),
        None => None,
    };
    let reply = NegotiationReply {
        state: NegState::AcceptCompleted,
        supported_mech: None,
        response_token: None,
        mech_list_mic: our_mic.as_deref(),
    };
    Ok(Closing { reply: Some(reply.to_bytes()), established })
}

fn receive_mic(established: &mut Established, mech_types: &[u8], mic: &[u8]) -> Result<(), Error> {
    let verified = SecurityContext::new(established.clone()).verify_mic(mech_types, mic);
    verified.map_err(|cause| Error::Negotiation(NegotiationCause::Mic(cause)))?;
    advance_receive_sequence(established);
    Ok(())
}

/// The client's MIC was the first message of its context.
pub(crate) fn advance_receive_sequence(established: &mut Established) {
    // The client may begin at the last number of 32 bits; the next one is then 0.
    established.receive_sequence = established.receive_sequence.wrapping_add(1);
}

/// The MIC of a context that has made none yet.
pub(crate) fn send_mic(established: &mut Established, mech_types: &[u8]) -> Vec<u8> {
    let mic = SecurityContext::new(established.clone()).get_mic(mech_types);
    // Our numbers begin below 2^30: nothing wraps.
    established.send_sequence = established.send_sequence.wrapping_add(1);
    mic
}

/// MS-KILE section 3.4.5.1: the client answers with an AP-REP of its own. It holds our sequence number and no subkey.
fn check_ap_rep(ap_rep: ApRep<'_>, keys: ContextKeys<'_>, sequence: u32) -> Result<(), Error> {
    let refused = Error::Negotiation(NegotiationCause::ApRep);
    let cipher = keys.session.cipher(KeyUsage::AP_REP_ENC_PART);
    if ap_rep.enc_part.etype != cipher.etype() {
        return Err(refused);
    }
    // Our own AP-REP, sent back, holds the key of the context.
    let mut buffer = Zeroizing::new(alloc::vec![0; ap_rep.enc_part.cipher.len()]);
    let Ok(plaintext) = cipher.decrypt(ap_rep.enc_part.cipher, &mut buffer) else {
        return Err(refused);
    };
    let plaintext = buffer.get(plaintext).ok_or_else(|| refused.clone())?;
    let part = EncApRepPart::read(plaintext)?;
    if part.seq_number == Some(sequence) && part.subkey.is_none() { Ok(()) } else { Err(refused) }
}
