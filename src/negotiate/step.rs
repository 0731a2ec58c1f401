//! Where a negotiation stands after a token: it is over, or the client must continue.

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

/// Where a negotiation stands after a token.
///
/// A server matches all variants. So this enum is exhaustive, and a new variant would be a breaking change.
#[derive(Debug)]
#[must_use]
#[expect(clippy::large_enum_variant, reason = "nearly every step is the last, and a box would be its allocation")]
pub enum Step {
    /// The client is who it says, and has sent its final token.
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

/// How many tokens a client may send before it is accepted or refused.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum RoundTrips<'n> {
    /// One token, as browsers send it. The server keeps nothing.
    One,
    /// As many as the client needs. The state is what the step before left ([`Continue::into_negotiation`]); `None` for a
    /// client's first token. A client may restart at any point.
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

    /// Returns the state that the client's next token needs, to keep it.
    pub fn into_negotiation(self) -> Negotiation {
        self.negotiation
    }
}

impl Offer<'_> {
    /// Asks the client for a Kerberos token.
    ///
    /// If the client prefers another mechanism, both sides must exchange MICs, and MIT's library accepts no other state than
    /// `request-mic` for that.
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
    /// Makes the next step of the negotiation: its end, or what the client must confirm. Until it does, its identity stays
    /// hidden here. `now` is the time at which the request was accepted.
    pub fn step(self, randomness: &Randomness, now: UnixTime) -> Step {
        if let AnswerPlan::ToRequest(form @ AnswerForm { ap_req: Some(ap_req), message, .. }) = &self.verified.answer {
            return Step::Continue(self.confirmation(form, ap_req, *message, randomness, now));
        }
        let answer = self.answer(randomness);
        Step::Accepted(self, answer)
    }

    #[expect(
        clippy::expect_used,
        reason = "only MICs, which are SPNEGO's, and DCE style, which has an AP-REP, are confirmed"
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
