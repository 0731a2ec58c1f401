//! The answer to an accepted request: the token for the client, and the security context that both sides then share.

use crate::accept::Accepted;
use crate::accept::message::Message;
use crate::accept::verify::mic::{
    AnswerForm, AnswerPlan, Completed, MicExchange, SpnegoForm, advance_receive_sequence, send_mic,
};
use crate::context::{Established, SecurityContext};
use crate::randomness::Randomness;
use crate::unprinted::Unprinted;
use crate::wire::der::Writer;
use crate::wire::gss::{GssFlags, TokId, frame};
use crate::wire::header;
use crate::wire::spnego::{NegState, NegotiationReply};
use alloc::string::String;
use alloc::vec::Vec;

/// The token for an accepted client, and the security context that the client and this server share from then on.
#[derive(Debug)]
#[must_use]
pub struct Answer {
    token: Option<Unprinted<Vec<u8>>>,
    established: Established,
}

impl Answer {
    /// Returns the token for the client, or `None` if the client waits for no token. A client that uses SPNEGO gets a
    /// NegTokenResp, which holds an AP-REP if the client asks for mutual authentication. Any other client gets an AP-REP with
    /// or without framing.
    #[must_use]
    pub fn token(&self) -> Option<&[u8]> {
        self.token.as_ref().map(|token| token.as_slice())
    }

    /// Returns the token as a `WWW-Authenticate` value (RFC 4559 section 4.1), for the response that accepts the client.
    #[must_use]
    pub fn www_authenticate(&self) -> Option<String> {
        self.token().map(header::encode)
    }

    /// Returns the security context for the per-message tokens of SASL, LDAP and RPC. HTTP has no per-message tokens.
    #[must_use]
    pub fn into_context(self) -> SecurityContext {
        SecurityContext::new(self.established)
    }

    pub(super) fn into_token(self) -> Option<Unprinted<Vec<u8>>> {
        self.token
    }
}

impl Accepted {
    /// Makes the answer that ends the negotiation. The answer authenticates this server to a client that asks for mutual
    /// authentication.
    ///
    /// A client that prefers another mechanism or uses DCE style must confirm the answer, and treats this answer as an
    /// error. For such a client use [`step`](Self::step), which asks the client to continue.
    pub fn answer(&self, randomness: &Randomness) -> Answer {
        match &self.verified.answer {
            AnswerPlan::ToRequest(form) => self.answer_in(form, End::Now, randomness),
            AnswerPlan::ToFinalToken(completed) => {
                let Completed { established, reply } = completed.as_ref();
                Answer { token: reply.clone(), established: established.clone() }
            }
        }
    }

    pub(super) fn answer_in(&self, form: &AnswerForm, end: End, randomness: &Randomness) -> Answer {
        let (keys, authenticator) = (self.verified.keys(&self.opened, &self.buffer), &self.verified.authenticator);
        let mut established = keys.after_reply(authenticator, randomness);
        let dce_style = authenticator.flags().contains(GssFlags::DCE_STYLE);
        let ap_rep = keys.ap_rep.map(|_| {
            let ap_rep = keys.write_ap_rep(authenticator, randomness);
            match form.message {
                // MS-KILE section 3.4.5.1: DCE style has no framing, even if the client framed its own token.
                Message::Gss(mechanism) if !dce_style => frame(mechanism, TokId::ApRep, ap_rep),
                _ => bare(ap_rep),
            }
        });
        let Some(spnego) = &form.spnego else {
            return Answer { token: ap_rep.map(Unprinted), established };
        };
        if spnego.mic == MicExchange::Verified {
            advance_receive_sequence(&mut established);
        }
        let mic = spnego.sends_mic(end, dce_style).then(|| send_mic(&mut established, &spnego.mech_types));
        let reply = NegotiationReply {
            state: spnego.state(end),
            supported_mech: spnego.supported_mech,
            response_token: ap_rep.as_deref(),
            mech_list_mic: mic.as_deref(),
        };
        Answer { token: Some(Unprinted(reply.to_bytes())), established }
    }
}

/// Whether an answer is the last answer of its negotiation, or an earlier answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Now,
    Later,
}

impl SpnegoForm {
    fn state(&self, end: End) -> NegState {
        match end {
            End::Now => NegState::AcceptCompleted,
            // RFC 4178 section 4.2.2 allows request-mic in the first reply only.
            End::Later if self.mic == MicExchange::Due && self.supported_mech.is_some() => NegState::RequestMic,
            End::Later => NegState::AcceptIncomplete,
        }
    }

    /// Returns whether this answer carries a MIC (RFC 4178 section 5). If the MIC exchange is due, the MIC is sent with
    /// the mechanism's last token. In DCE style, the client sends the mechanism's last token. After the client's MIC,
    /// the last answer carries a MIC. Old versions of Windows expect no MIC in any other answer.
    fn sends_mic(&self, end: End, dce_style: bool) -> bool {
        match self.mic {
            MicExchange::Unneeded => false,
            MicExchange::Verified => end == End::Now,
            MicExchange::Due => end == End::Later && !dce_style,
        }
    }
}

fn bare(message: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::with_capacity(USUAL_AP_REP);
    message(&mut writer);
    writer.finish()
}

/// The capacity for an AP-REP. A bare AP-REP with a subkey has fewer octets.
const USUAL_AP_REP: usize = 192;
