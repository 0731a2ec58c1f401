//! The answer to an accepted request: what goes back to the client, and the context that both then share.

use crate::accept::accepted::Accepted;
use crate::accept::negotiation::{Halfway, Negotiation};
use crate::accept::request::Message;
use crate::accept::verify::mic::{Closing, Envelope, Exchange, MicExchange, Spnego, send_mic, took_mic};
use crate::context::{Established, SecurityContext};
use crate::randomness::Randomness;
use crate::time::UnixTime;
use crate::wire::der::Writer;
use crate::wire::gss::{GssFlags, TokId, frame};
use crate::wire::header;
use crate::wire::spnego::{NegState, NegotiationReply};
use alloc::string::String;
use alloc::vec::Vec;

/// What an accepted client is told, and the context that it shares with this server from then on.
#[derive(Debug)]
pub struct Answer {
    token: Option<Vec<u8>>,
    established: Established,
}

impl Answer {
    /// The token for the client: a NegTokenResp for who negotiated, with an AP-REP inside if it wants this server to prove
    /// itself; a framed or bare AP-REP for who did not. `None` if the client waits for nothing.
    #[must_use]
    pub fn token(&self) -> Option<&[u8]> {
        self.token.as_deref()
    }

    /// The token as a `WWW-Authenticate` value (RFC 4559 section 4.1), for the response that lets the client in.
    #[must_use]
    pub fn header(&self) -> Option<String> {
        self.token().map(header::encode)
    }

    /// The context for messages under its keys, as SASL, LDAP and RPC send them. HTTP has none.
    #[must_use]
    pub fn into_context(self) -> SecurityContext {
        SecurityContext::new(self.established)
    }
}

/// A conversation that is not over: what to tell the client, and what to keep until it answers.
#[derive(Debug)]
pub struct Next {
    token: Vec<u8>,
    negotiation: Negotiation,
}

impl Next {
    pub(crate) const fn new(token: Vec<u8>, negotiation: Negotiation) -> Self {
        Self { token, negotiation }
    }

    /// The token for the client.
    #[must_use]
    pub fn token(&self) -> &[u8] {
        &self.token
    }

    /// The token as a `WWW-Authenticate` value, for a response of status 401.
    #[must_use]
    pub fn header(&self) -> String {
        header::encode(&self.token)
    }

    /// What to keep, for the client's next token.
    #[must_use]
    pub fn into_negotiation(self) -> Negotiation {
        self.negotiation
    }
}

/// Where a conversation stands after a token.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every turn is the last, and a box would be its allocation")]
pub enum Turn {
    /// The client is who it says, and has said its last word.
    Accepted(Accepted, Answer),
    /// The client must go on.
    Next(Next),
}

impl Accepted {
    /// The answer that ends the conversation, whether or not the client wants it to. It proves this server to a client that
    /// asked for that.
    ///
    /// A client that would go on (after another mechanism than its first choice was agreed on, and in DCE style) takes it
    /// for an error; [`turn`](Self::turn) goes on with it.
    #[must_use]
    pub fn answer(&self, randomness: &Randomness) -> Answer {
        match &self.verified.exchange {
            Exchange::Answer(envelope) => self.answer_in(envelope, End::Now, randomness),
            Exchange::Closing(closing) => {
                let Closing { established, reply, .. } = closing.as_ref();
                Answer { token: reply.clone(), established: established.clone() }
            }
        }
    }

    /// The next turn of the conversation: its end, or what the client must confirm. Until it does, who it is stays hidden
    /// here. `now` is when the request was accepted.
    #[must_use]
    pub fn turn(self, randomness: &Randomness, now: UnixTime) -> Turn {
        if let Exchange::Answer(envelope @ Envelope { ap_req: Some(ap_req), message, .. }) = &self.verified.exchange {
            let token = self.answer_in(envelope, End::Later, randomness).token.unwrap_or_default();
            let mech_types = envelope.spnego.as_ref().map(|spnego| spnego.mech_types.clone()).unwrap_or_default();
            let (ap_req, randomness) = (ap_req.clone(), randomness.clone());
            let halfway = Halfway { message: *message, ap_req, accepted: now, randomness };
            return Turn::Next(Next::new(token, Negotiation::new(mech_types, halfway)));
        }
        let answer = self.answer(randomness);
        Turn::Accepted(self, answer)
    }

    fn answer_in(&self, envelope: &Envelope, end: End, randomness: &Randomness) -> Answer {
        let (keys, authenticator) = (self.verified.keys(&self.opened), &self.verified.authenticator);
        let mut established = keys.after_reply(authenticator, randomness);
        let dce_style = authenticator.flags().contains(GssFlags::DCE_STYLE);
        let ap_rep = keys.ap_rep.map(|_| {
            let ap_rep = keys.write_ap_rep(authenticator, randomness);
            match envelope.message {
                // MS-KILE section 3.4.5.1: DCE style has no framing, also where a client framed its own.
                Message::Gss(mechanism) if !dce_style => frame(mechanism, TokId::ApRep, ap_rep),
                _ => bare(ap_rep),
            }
        });
        let Some(spnego) = &envelope.spnego else {
            return Answer { token: ap_rep, established };
        };
        if spnego.mic == MicExchange::Verified {
            took_mic(&mut established);
        }
        let mic = spnego.sends_mic(end, dce_style).then(|| send_mic(&mut established, &spnego.mech_types));
        let reply = NegotiationReply {
            state: spnego.state(end),
            supported_mech: spnego.supported_mech,
            response_token: ap_rep.as_deref(),
            mech_list_mic: mic.as_deref(),
        };
        Answer { token: Some(reply.to_bytes()), established }
    }
}

/// Whether an answer is the last of its conversation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Now,
    Later,
}

impl Spnego {
    fn state(&self, end: End) -> NegState {
        match end {
            End::Now => NegState::AcceptCompleted,
            // RFC 4178 section 4.2.2 has it in the first reply only.
            End::Later if self.mic == MicExchange::Due && self.supported_mech.is_some() => NegState::RequestMic,
            End::Later => NegState::AcceptIncomplete,
        }
    }

    /// RFC 4178 section 5: with the last token of the mechanism where the exchange is due, which in DCE style is the
    /// client's, and in answer to the client's MIC; else never, since old Windows does not expect one.
    fn sends_mic(&self, end: End, dce_style: bool) -> bool {
        match self.mic {
            MicExchange::Unneeded => false,
            MicExchange::Verified => end == End::Now,
            MicExchange::Due => end == End::Later && !dce_style,
        }
    }
}

fn bare(message: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::with_capacity(BARE_ROOM);
    message(&mut writer);
    writer.finish()
}

/// More than a bare AP-REP with a subkey has.
const BARE_ROOM: usize = 192;
