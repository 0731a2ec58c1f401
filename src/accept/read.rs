//! What a token says: a request, an offer to go on with, or neither.
//!
//! Recognises every shape in which an AP-REQ arrives, as first, second or last token of a conversation, and names what
//! arrives instead of one. No key is used; nothing is allocated.

use super::negotiation::{Halfway, Negotiation, Stage};
use super::request::{LastLeg, Leg, Message, Negotiated, Request, Turns};
use super::token::{Token, foreign};
use crate::error::{Error, KerberosOffer, NtlmMessage};
use crate::limits::MAX_KEPT_MECH_TYPES;
use crate::policy::Policy;
use crate::wire::der::{Fault, Kind, Reader, field};
use crate::wire::krb5::ApRep;
use crate::wire::mechanism::Mechanism;
use crate::wire::spnego::{MechanismList, NegTokenInit, NegTokenResp};

/// What was heard.
#[derive(Debug)]
pub enum Heard<'t> {
    /// A request.
    Request(Request<'t>),
    /// A negotiation that may lead to one.
    Offer(Offer<'t>),
}

/// A client that takes Kerberos, and has sent no ticket yet: its first token is empty, or for a mechanism that it would
/// rather use.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'t> {
    token: &'t [u8],
    proposal: Proposal<'t>,
}

/// The negotiation in an [`Offer`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proposal<'t> {
    mechanisms: MechanismList<'t>,
    /// What the client sent for the mechanism that it prefers.
    mech_token: Option<Reader<'t>>,
}

impl Offer<'_> {
    /// What to answer, and what to keep for the next token: the client is asked for Kerberos.
    #[must_use]
    pub fn accept(&self) -> crate::negotiate::Next {
        Negotiation::ask_for_kerberos(self.proposal.mechanisms)
    }

    /// What to say instead, where a conversation has no second leg.
    #[must_use]
    pub fn refuse(self) -> Error {
        self.proposal.refuse().explain(self.token)
    }
}

impl<'t> Proposal<'t> {
    pub(crate) fn refuse(self) -> NoRequest<'t> {
        self.mech_token.and_then(|token| ap_req_in(token).err()).unwrap_or(NoRequest::NoToken)
    }
}

/// Why there is no request in a token.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NoRequest<'t> {
    Malformed(Fault),
    TooLarge {
        limit: usize,
    },
    NoToken,
    /// The token of another mechanism.
    Foreign(Mechanism, &'t [u8], KerberosOffer),
    /// No token, and an offer without Kerberos.
    NotOffered(MechanismList<'t>),
}

impl From<Fault> for NoRequest<'_> {
    fn from(fault: Fault) -> Self {
        Self::Malformed(fault)
    }
}

impl NoRequest<'_> {
    #[cold]
    #[inline(never)]
    pub(crate) fn explain(self, token: &[u8]) -> Error {
        match self {
            Self::Malformed(fault) => fault.within(token).into(),
            Self::TooLarge { limit } => Error::TooLarge { size: token.len(), limit },
            Self::NoToken => Error::NoToken,
            Self::Foreign(mechanism, message, offer) => foreign(mechanism, message, offer),
            Self::NotOffered(mechanisms) => without_kerberos_or_token(mechanisms),
        }
    }
}

/// What a token holds, before the AP-REQ in it is read.
pub(crate) enum Located<'t> {
    ApReq(Enclosed<'t>),
    Offer(Proposal<'t>),
}

/// An AP-REQ, and what was around it.
pub(crate) struct Enclosed<'t> {
    pub(crate) ap_req: Reader<'t>,
    pub(crate) message: Message,
    pub(crate) leg: Leg<'t>,
}

impl<'t> Heard<'t> {
    pub(crate) fn hear(token: &'t [u8], negotiation: Option<&'t Negotiation>, policy: &Policy) -> Result<Self, Error> {
        match Located::find(token, negotiation, policy) {
            Ok(Located::ApReq(enclosed)) => Request::read(&enclosed, token, Turns::Many, policy).map(Self::Request),
            Ok(Located::Offer(proposal)) => Ok(Self::Offer(Offer { token, proposal })),
            Err(no_request) => Err(no_request.explain(token)),
        }
    }
}

impl<'t> Located<'t> {
    #[inline(always)]
    pub(crate) fn find(
        token: &'t [u8],
        negotiation: Option<&'t Negotiation>,
        policy: &Policy,
    ) -> Result<Self, NoRequest<'t>> {
        if token.len() > policy.max_token_size {
            return Err(NoRequest::TooLarge { limit: policy.max_token_size });
        }
        let enclosed = match (Token::recognise(Reader::new(token))?, negotiation) {
            (Token::Spnego(opening), _) => return find_in_opening(&NegTokenInit::read(opening)?),
            (Token::Krb5(mechanism, ap_req), _) => {
                Enclosed { ap_req, message: Message::Gss(mechanism), leg: Leg::Alone }
            }
            (Token::ApReq(ap_req), _) => Enclosed { ap_req, message: Message::Bare, leg: Leg::Alone },
            (Token::Continuation(next), Some(negotiation)) => find_in_next(next, negotiation)?,
            (Token::ApRep(last), Some(negotiation)) => find_before(last, negotiation)?,
            (Token::Continuation(next), None) => return Err(out_of_turn(next)),
            (Token::ApRep(reply), None) => return Err(reply.error(field!("token"), Kind::OutOfPlace).into()),
            (Token::Foreign(mechanism, message), _) => {
                return Err(NoRequest::Foreign(mechanism, message, KerberosOffer::NotOffered));
            }
        };
        Ok(Self::ApReq(enclosed))
    }
}

/// The AP-REQ in what a SPNEGO client sent with its offer.
///
/// The token says itself what it is. RFC 4178 wants it to be of the first mechanism offered; a Kerberos token behind
/// another first mechanism is taken as well, since no other mechanism could be chosen here anyway.
#[inline(always)]
fn find_in_opening<'t>(init: &NegTokenInit<'t>) -> Result<Located<'t>, NoRequest<'t>> {
    let mechanisms = init.mechanisms;
    let Some(mechanism) = mechanisms.kerberos() else {
        return without_kerberos(init);
    };
    let refusal = match init.mech_token.map(ap_req_in) {
        Some(Ok((message, ap_req))) => {
            let leg = Leg::Opening(Negotiated { mechanism, mechanisms, mic: init.mech_list_mic });
            return Ok(Located::ApReq(Enclosed { ap_req, message, leg }));
        }
        Some(Err(refusal)) => refusal,
        None => NoRequest::NoToken,
    };
    // Who would rather use Kerberos than anything else, and sends something else, has no ticket.
    let has_no_ticket = init.mech_token.is_some() && mechanisms.prefers_kerberos();
    if has_no_ticket || mechanisms.der().len() > MAX_KEPT_MECH_TYPES {
        return Err(refusal);
    }
    Ok(Located::Offer(Proposal { mechanisms, mech_token: init.mech_token }))
}

/// The AP-REQ that a mechanism's token is, or what the token is instead.
#[inline]
fn ap_req_in(token: Reader<'_>) -> Result<(Message, Reader<'_>), NoRequest<'_>> {
    match Token::recognise(token)? {
        Token::Krb5(mechanism, ap_req) => Ok((Message::Gss(mechanism), ap_req)),
        Token::ApReq(ap_req) => Ok((Message::Bare, ap_req)),
        Token::Foreign(mechanism, message) => Err(NoRequest::Foreign(mechanism, message, KerberosOffer::AlsoOffered)),
        _ => Err(token.error(field!("NegTokenInit.mechToken"), Kind::OutOfPlace).into()),
    }
}

/// Refuses an offer without Kerberos: by its token, or by the first mechanism in it that has a name of its own.
#[cold]
fn without_kerberos<'t>(init: &NegTokenInit<'t>) -> Result<Located<'t>, NoRequest<'t>> {
    let Some(token) = init.mech_token else {
        return Err(NoRequest::NotOffered(init.mechanisms));
    };
    match Token::recognise(token)? {
        Token::Foreign(mechanism, message) => Err(NoRequest::Foreign(mechanism, message, KerberosOffer::NotOffered)),
        // SPNEGO in SPNEGO, or Kerberos that was not offered.
        _ => Err(token.error(field!("NegTokenInit.mechToken"), Kind::OutOfPlace).into()),
    }
}

fn without_kerberos_or_token(mechanisms: MechanismList<'_>) -> Error {
    let named = |mechanism: &Mechanism| !matches!(mechanism, Mechanism::Other | Mechanism::Spnego);
    match mechanisms.iter().find(named) {
        Some(Mechanism::Ntlm) => Error::Ntlm { message: NtlmMessage::Offered, offer: KerberosOffer::NotOffered },
        Some(mechanism) => foreign(mechanism, &[], KerberosOffer::NotOffered),
        None => Error::NoKerberos { mechanisms: mechanisms.iter().count() },
    }
}

/// A NegTokenResp in its turn: with the AP-REQ that was asked for, or with the client's last word.
fn find_in_next<'t>(next: Reader<'t>, negotiation: &'t Negotiation) -> Result<Enclosed<'t>, NoRequest<'t>> {
    let mechanisms = negotiation.mechanisms().ok_or_else(|| next.error(field!("NegTokenResp"), Kind::OutOfPlace))?;
    let response = NegTokenResp::read(next)?;
    let mic = response.mech_list_mic;
    match &negotiation.stage {
        Stage::AwaitingRequest => {
            let mechanism = mechanisms.kerberos().unwrap_or(Mechanism::Krb5);
            let (message, ap_req) = ap_req_in(response.response_token.ok_or(NoRequest::NoToken)?)?;
            Ok(Enclosed { ap_req, message, leg: Leg::Following(Negotiated { mechanism, mechanisms, mic }) })
        }
        Stage::AwaitingEnd(halfway) => {
            let ap_rep = response.response_token.map(ApRep::read).transpose()?;
            Ok(with_last_word(halfway, LastLeg { halfway, mechanisms: Some(mechanisms), ap_rep, mic }))
        }
    }
}

/// The last leg in DCE style without SPNEGO.
fn find_before<'t>(reply: Reader<'t>, negotiation: &'t Negotiation) -> Result<Enclosed<'t>, NoRequest<'t>> {
    match &negotiation.stage {
        Stage::AwaitingEnd(halfway) if negotiation.mechanisms().is_none() => {
            let ap_rep = Some(ApRep::read(reply)?);
            Ok(with_last_word(halfway, LastLeg { halfway, mechanisms: None, ap_rep, mic: None }))
        }
        _ => Err(reply.error(field!("token"), Kind::OutOfPlace).into()),
    }
}

/// The request that began this is decided again, together with the client's last word.
fn with_last_word<'t>(halfway: &'t Halfway, last: LastLeg<'t>) -> Enclosed<'t> {
    Enclosed { ap_req: Reader::new(&halfway.ap_req), message: halfway.message, leg: Leg::Last(last) }
}

/// A NegTokenResp continues a conversation, and nothing can begin with it. It is how NTLM's last message arrives from a
/// client that somebody else, a proxy or a load balancer's other node, has challenged.
fn out_of_turn(negotiation: Reader<'_>) -> NoRequest<'_> {
    let response = match NegTokenResp::read(negotiation) {
        Ok(response) => response.response_token,
        Err(malformed) => return malformed.into(),
    };
    match response.map(Token::recognise) {
        Some(Ok(Token::Foreign(mechanism, message))) => {
            NoRequest::Foreign(mechanism, message, KerberosOffer::NotOffered)
        }
        _ => negotiation.error(field!("NegotiationToken"), Kind::OutOfPlace).into(),
    }
}
