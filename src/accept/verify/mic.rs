//! The negotiation around a verified request: the client's mechListMIC (RFC 4178 section 5), the client's final token, and the
//! form of the server's answer.

use crate::accept::context_keys::ContextKeys;
use crate::accept::facts::AuthenticatorFields;
use crate::accept::message::Message;
use crate::accept::request::{Carrier, Continuation, FinalToken, Negotiated, Request};
use crate::context::{Established, SecurityContext};
use crate::crypto::KeyUsage;
use crate::error::{Error, NegotiationCause};
use crate::unprinted::Unprinted;
use crate::wire::gss::GssFlags;
use crate::wire::krb5::{ApRep, EncApRepPart};
use crate::wire::mechanism::Mechanism;
use crate::wire::spnego::{MechanismList, NegState, NegotiationReply};
use alloc::boxed::Box;
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// The answer to a verified request, or the facts from which the answer is made later.
#[derive(Debug)]
pub(crate) enum AnswerPlan {
    /// The facts for the answer to an AP-REQ that has just arrived.
    ToRequest(AnswerForm),
    /// The complete context and answer, for the client's final token.
    ToFinalToken(Box<Completed>),
}

/// The facts of a request that the answer depends on.
#[derive(Debug)]
pub(crate) struct AnswerForm {
    pub(crate) message: Message,
    pub(crate) spnego: Option<SpnegoForm>,
    /// The AP-REQ, or `None` if the server does not wait for the client's confirmation.
    pub(crate) ap_req: Option<Unprinted<Zeroizing<Vec<u8>>>>,
}

/// The facts of the negotiation that an answer needs.
#[derive(Debug)]
pub(crate) struct SpnegoForm {
    /// The mechanism that the server's first reply names. Later replies name no mechanism.
    pub(crate) supported_mech: Option<Mechanism>,
    pub(crate) mic: MicExchange,
    /// The MechTypeList, if the acceptor must make a MIC or wait for the client's confirmation. Otherwise this list is
    /// empty.
    pub(crate) mech_types: Unprinted<Vec<u8>>,
}

/// The mechListMICs that client and server exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MicExchange {
    /// No MIC: Kerberos is the first choice of both sides, or the client did not ask for integrity.
    Unneeded,
    /// The client's MIC is verified, and the acceptor must send its MIC.
    Verified,
    /// The acceptor must send its MIC, and the client must answer with its own MIC.
    Due,
}

/// A completed negotiation: the context, and the token for the client.
#[derive(Clone, Debug)]
pub(crate) struct Completed {
    pub(crate) established: Established,
    pub(crate) reply: Option<Unprinted<Vec<u8>>>,
}

impl AnswerPlan {
    /// Checks the client's MIC or final token, and plans the answer. `keys` is called only if the check needs keys.
    pub(crate) fn check<'k>(
        request: &Request<'_>,
        keys: impl Fn() -> ContextKeys<'k>,
        authenticator: &AuthenticatorFields,
    ) -> Result<Self, Error> {
        let flags = authenticator.flags();
        let (negotiated, supported_mech) = match request.carrier {
            Carrier::None => (None, None),
            Carrier::NegTokenInit(negotiated) => (Some(negotiated), Some(negotiated.mechanism)),
            Carrier::NegTokenResp(negotiated) => (Some(negotiated), None),
            Carrier::Earlier(token) => {
                return complete(&token, keys(), authenticator)
                    .map(|completed| Self::ToFinalToken(Box::new(completed)));
            }
        };
        let mic = match &negotiated {
            Some(negotiated) => check_mic(negotiated, &keys, authenticator)?,
            None => MicExchange::Unneeded,
        };
        if mic == MicExchange::Due && keys().ap_rep.is_none() && matches!(request.carrier, Carrier::NegTokenResp(_)) {
            // RFC 4178 section 5 c V: the acceptor asked for MICs, and this token is the last token of the mechanism. So
            // the client's MIC must be in this token.
            return Err(Error::Negotiation(NegotiationCause::NoMic));
        }
        let must_confirm = mic == MicExchange::Due || flags.contains(GssFlags::DCE_STYLE);
        let continues = must_confirm && request.continuation == Continuation::Allowed;
        let keeps_list = continues || mic == MicExchange::Verified;
        let spnego = negotiated.map(|negotiated| SpnegoForm {
            supported_mech,
            mic,
            mech_types: Unprinted(if keeps_list { negotiated.mechanisms.der().to_vec() } else { Vec::new() }),
        });
        Ok(Self::ToRequest(AnswerForm {
            message: request.message,
            spnego,
            ap_req: continues.then(|| Unprinted(Zeroizing::new(request.encoded.to_vec()))),
        }))
    }
}

/// Checks the mechListMIC that came with the AP-REQ, and returns which MICs must still be exchanged.
///
/// Kerberos is the only mechanism of this acceptor, and so its first choice. If Kerberos is also the client's first choice,
/// the exchange of MICs is optional, and the client may begin it. Otherwise the exchange is required, except for a client that
/// did not ask for integrity: such a client makes no MICs.
fn check_mic<'k>(
    negotiated: &Negotiated<'_>,
    keys: impl FnOnce() -> ContextKeys<'k>,
    authenticator: &AuthenticatorFields,
) -> Result<MicExchange, Error> {
    let Some(mic) = negotiated.mic else {
        let required = !negotiated.mechanisms.prefers_kerberos() && asks_for_integrity(authenticator);
        return Ok(if required { MicExchange::Due } else { MicExchange::Unneeded });
    };
    receive_mic(&mut keys().before_reply(authenticator), negotiated.mechanisms.der(), &mic)?;
    Ok(MicExchange::Verified)
}

fn asks_for_integrity(authenticator: &AuthenticatorFields) -> bool {
    authenticator.flags().contains(GssFlags::INTEGRITY)
}

/// Checks the client's final token, and completes the negotiation.
#[cold]
fn complete(
    token: &FinalToken<'_>,
    keys: ContextKeys<'_>,
    authenticator: &AuthenticatorFields,
) -> Result<Completed, Error> {
    let established = keys.after_reply(authenticator, &token.pending.randomness);
    match (token.ap_rep, token.mechanisms) {
        (Some(ap_rep), _) if authenticator.flags().contains(GssFlags::DCE_STYLE) => {
            check_ap_rep(ap_rep, keys, established.send_sequence)?;
            complete_dce_style(token, established, asks_for_integrity(authenticator))
        }
        (None, Some(mechanisms)) if !authenticator.flags().contains(GssFlags::DCE_STYLE) => {
            complete_with_mic(token.mic.as_deref().copied(), mechanisms, established)
        }
        _ => Err(Error::Negotiation(NegotiationCause::LastToken)),
    }
}

/// Completes a negotiation whose final token has only the client's MIC. The acceptor has sent its own MIC with the AP-REP (RFC
/// 4178 section 5 b I), so no token of the acceptor follows.
fn complete_with_mic(
    mic: Option<&[u8]>,
    mechanisms: MechanismList<'_>,
    mut established: Established,
) -> Result<Completed, Error> {
    let mic = mic.ok_or(Error::Negotiation(NegotiationCause::NoMic))?;
    advance_send_sequence(&mut established);
    receive_mic(&mut established, mechanisms.der(), mic)?;
    Ok(Completed { established, reply: None })
}

/// Completes a negotiation in DCE style. The client sent the mechanism's last token with its MIC, and the acceptor answers
/// with its own MIC (RFC 4178 section 5 c).
fn complete_dce_style(
    token: &FinalToken<'_>,
    mut established: Established,
    integrity: bool,
) -> Result<Completed, Error> {
    let Some(mechanisms) = token.mechanisms else {
        return Ok(Completed { established, reply: None });
    };
    let our_mic = match token.mic {
        Some(mic) => {
            receive_mic(&mut established, mechanisms.der(), &mic)?;
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
    Ok(Completed { reply: Some(Unprinted(reply.to_bytes())), established })
}

/// Verifies the client's MIC over the MechTypeList of the client.
fn receive_mic(established: &mut Established, mech_types: &[u8], mic: &[u8]) -> Result<(), Error> {
    let verified = SecurityContext::new(established.clone()).verify_mic(mech_types, mic);
    verified.map_err(|cause| Error::Negotiation(NegotiationCause::Mic(cause)))?;
    advance_receive_sequence(established);
    Ok(())
}

/// Counts the client's MIC, which is the first per-message token of the client. Sequence numbers have 32 bits: 0 follows the
/// highest number.
pub(crate) fn advance_receive_sequence(established: &mut Established) {
    established.receive_sequence = established.receive_sequence.wrapping_add(1);
}

/// Counts the acceptor's MIC, which is the first per-message token of the acceptor. Sequence numbers have 32 bits: 0 follows
/// the highest number.
fn advance_send_sequence(established: &mut Established) {
    established.send_sequence = established.send_sequence.wrapping_add(1);
}

/// Makes the acceptor's MIC over the MechTypeList of the client. This MIC is the acceptor's first per-message token.
pub(crate) fn send_mic(established: &mut Established, mech_types: &[u8]) -> Vec<u8> {
    let mic = SecurityContext::new(established.clone()).get_mic(mech_types);
    advance_send_sequence(established);
    mic
}

/// Verifies the AP-REP with which the client confirms the acceptor's AP-REP. The client's AP-REP must have the acceptor's
/// sequence number and no subkey (MS-KILE section 3.4.5.1).
fn check_ap_rep(ap_rep: ApRep<'_>, keys: ContextKeys<'_>, sequence: u32) -> Result<(), Error> {
    let refused = Error::Negotiation(NegotiationCause::ApRep);
    let cipher = keys.session.cipher(KeyUsage::AP_REP_ENC_PART);
    if ap_rep.enc_part.etype != cipher.etype() {
        return Err(refused);
    }
    // An attacker may send the acceptor's own AP-REP back. The plaintext then holds the key of the context, so the
    // buffer is zeroized.
    let mut buffer = Zeroizing::new(alloc::vec![0; ap_rep.enc_part.cipher.len()]);
    let Ok(plaintext) = cipher.decrypt(ap_rep.enc_part.cipher, &mut buffer) else {
        return Err(refused);
    };
    let plaintext = buffer.get(plaintext).ok_or_else(|| refused.clone())?;
    let part = EncApRepPart::read(plaintext)?;
    if part.seq_number == Some(sequence) && part.subkey.is_none() { Ok(()) } else { Err(refused) }
}
