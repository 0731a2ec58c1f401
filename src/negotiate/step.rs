//! The state of a negotiation after a token: the negotiation is over, or the client must continue.

use super::answer::{Answer, End};
use crate::accept::message::Message;
use crate::accept::negotiation::PendingRequest;
use crate::accept::verify::mic::{AnswerForm, AnswerPlan};
use crate::accept::{Accepted, Negotiation, Offer};
use crate::randomness::Randomness;
use crate::time::UnixTime;
use crate::unprinted::Unprinted;
use crate::wire::header;
use crate::wire::spnego::{NegState, NegotiationReply};
use alloc::string::String;
use alloc::vec::Vec;

/// The state of a negotiation after a token.
///
/// This enum is exhaustive, because a server must handle every variant. A new variant would be a breaking change.
#[derive(Debug)]
#[must_use]
#[expect(clippy::large_enum_variant, reason = "nearly every step is `Accepted`, and a box would need an allocation")]
pub enum Step {
    /// The client's identity is proved, and the client has sent its final token.
    Accepted(Accepted, Answer),
    /// The client must send another token.
    Continue(Continue),
}

/// A negotiation that is not over: the token for the client, and the state to keep until the client answers.
#[derive(Debug)]
#[must_use]
pub struct Continue {
    token: Unprinted<Vec<u8>>,
    negotiation: Negotiation,
}

/// The number of tokens that a client may send before it is accepted or refused.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum RoundTrips<'n> {
    /// The client may send one token, as browsers do. The server keeps no state.
    One,
    /// The client may send more tokens. The state comes from the step before ([`Continue::into_negotiation`]), and is
    /// `None` for a client's first token. A client may restart at any point.
    Many(Option<&'n Negotiation>),
}

impl Continue {
    /// Returns the token for the client.
    #[must_use]
    pub fn token(&self) -> &[u8] {
        &self.token
    }

    /// Returns the token as a `WWW-Authenticate` value (RFC 4559 section 4.1), for a response of status 401.
    #[must_use]
    pub fn www_authenticate(&self) -> String {
        header::encode(&self.token)
    }

    /// Returns the state that the client's next token needs.
    pub const fn negotiation(&self) -> &Negotiation {
        &self.negotiation
    }

    /// Returns the state that the client's next token needs, as a value that the caller can keep.
    pub fn into_negotiation(self) -> Negotiation {
        self.negotiation
    }
}

impl Offer<'_> {
    /// Asks the client for a Kerberos token.
    ///
    /// If the client prefers another mechanism, both sides must exchange MICs. MIT's library accepts only the state
    /// `request-mic` for that exchange.
    pub fn accept(&self) -> Continue {
        let mechanisms = self.proposal.mechanisms;
        let reply = NegotiationReply {
            state: if mechanisms.prefers_kerberos() { NegState::AcceptIncomplete } else { NegState::RequestMic },
            supported_mech: mechanisms.kerberos(),
            response_token: None,
            mech_list_mic: None,
        };
        Continue { token: Unprinted(reply.to_bytes()), negotiation: Negotiation::awaiting_request(mechanisms) }
    }
}

impl Accepted {
    /// Makes the next step of the negotiation: its end, or a token that the client must confirm. The client's identity
    /// stays hidden until the client has confirmed this token. `now` is the time at which the request was accepted.
    pub fn step(self, randomness: &Randomness, now: UnixTime) -> Step {
        if let AnswerPlan::ToRequest(form @ AnswerForm { ap_req: Some(ap_req), message, .. }) = &self.verified.answer {
            return Step::Continue(self.confirmation(form, ap_req, *message, randomness, now));
        }
        let answer = self.answer(randomness);
        Step::Accepted(self, answer)
    }

    #[expect(
        clippy::expect_used,
        reason = "a client confirms an answer of SPNEGO or of DCE style, and both have a token"
    )]
    fn confirmation(
        &self,
        form: &AnswerForm,
        ap_req: &[u8],
        message: Message,
        randomness: &Randomness,
        now: UnixTime,
    ) -> Continue {
        let token = self.answer_in(form, End::Later, randomness).into_token();
        let token = token.expect("a token for a client that must confirm it");
        let mech_types = form.spnego.as_ref().map_or_else(Vec::new, |spnego| spnego.mech_types.0.clone());
        let pending =
            PendingRequest { message, ap_req: ap_req.to_vec(), accepted: now, randomness: randomness.clone() };
        Continue { token, negotiation: Negotiation::awaiting_confirmation(mech_types, pending) }
    }
}
