//! First stage: a token to the AP-REQ in it, to an offer that can lead to one, or to the name of what came instead.
//!
//! An AP-REQ arrives in many shapes, and in any token of a negotiation; all of them are found here. No key is used, and
//! nothing is allocated.

use super::message::Message;
use super::negotiation::{Awaiting, Negotiation, PendingRequest};
use super::request::{Carrier, Continuation, FinalToken, Negotiated, Request, refused_etype};
use super::token::{Token, foreign};
use crate::crypto::EncType;
use crate::error::{Error, KerberosOffer, KeyRole, NtlmMessage, ServiceClaim};
use crate::limits::MAX_KEPT_MECH_TYPES;
use crate::policy::Policy;
use crate::unprinted::Unprinted;
use crate::wire::der::{Fault, Kind, Reader, field};
use crate::wire::krb5::{ApOptions, ApRep, ApReq, PrincipalName};
use crate::wire::mechanism::Mechanism;
use crate::wire::spnego::{MechanismList, NegTokenInit, NegTokenResp};

/// What one token of a negotiation holds.
///
/// A server matches all variants. So this enum is exhaustive, and a new variant would be a breaking change.
#[derive(Debug)]
#[must_use]
pub enum ReadStep<'t> {
    /// The token completes a request.
    Request(Request<'t>),
    /// The token offers Kerberos, and the request is still to come.
    Offer(Offer<'t>),
}

/// An offer of Kerberos without a ticket: the client sent no token with it, or a token of a mechanism that it prefers.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Offer<'t> {
    pub(crate) token: Unprinted<&'t [u8]>,
    pub(crate) proposal: Proposal<'t>,
}

/// The negotiation in an [`Offer`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proposal<'t> {
    pub(crate) mechanisms: MechanismList<'t>,
    /// The client's token for the mechanism that it prefers.
    mech_token: Option<Reader<'t>>,
}

impl<'t> Request<'t> {
    /// Reads the request in a first token.
    pub(crate) fn read(token: &'t [u8], policy: &Policy) -> Result<Self, ReadRefusal<'t>> {
        match Found::in_token(token, None, policy)? {
            Found::ApReq(found) => found.read(Continuation::NotAllowed, policy),
            Found::Offer(proposal) => Err(proposal.refuse()),
        }
    }
}

impl<'t> ReadStep<'t> {
    /// Reads a token of a negotiation; `negotiation` is the state that the step before left.
    pub(crate) fn read(
        token: &'t [u8],
        negotiation: Option<&'t Negotiation>,
        policy: &Policy,
    ) -> Result<Self, ReadRefusal<'t>> {
        match Found::in_token(token, negotiation, policy)? {
            Found::ApReq(found) => found.read(Continuation::Allowed, policy).map(Self::Request),
            Found::Offer(proposal) => Ok(Self::Offer(Offer { token: Unprinted(token), proposal })),
        }
    }
}

impl<'t> Offer<'t> {
    /// Returns the refusal of a server that cannot ask the client for another token.
    pub(crate) fn refusal(self) -> ReadRefusal<'t> {
        self.proposal.refuse()
    }
}

impl<'t> Proposal<'t> {
    fn refuse(self) -> ReadRefusal<'t> {
        self.mech_token.and_then(|token| ap_req_in(token).err()).unwrap_or(ReadRefusal::NoToken)
    }
}

/// The check of the first stage that a token does not pass. It is small, since most of what the internet sends ends here.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ReadRefusal<'t> {
    Malformed(Fault),
    /// An earlier token carried this AP-REQ.
    MalformedEarlier(Fault, Unprinted<&'t [u8]>),
    TooLarge {
        limit: usize,
    },
    NoToken,
    /// The token is another mechanism's.
    Foreign(Mechanism, Unprinted<&'t [u8]>, KerberosOffer),
    /// The client offers mechanisms without Kerberos, and sent no token.
    NotOffered(MechanismList<'t>),
    UserToUser,
    TicketEtype(EncType),
    Service(PrincipalName<'t>),
}

impl From<Fault> for ReadRefusal<'_> {
    fn from(fault: Fault) -> Self {
        Self::Malformed(fault)
    }
}

impl ReadRefusal<'_> {
    /// Makes the error to report.
    #[cold]
    pub(crate) fn explain(self, token: &[u8]) -> Error {
        match self {
            Self::Malformed(fault) => fault.within(token).into(),
            Self::TooLarge { limit } => Error::TooLarge { size: token.len(), limit },
            Self::NoToken => Error::NoToken,
            Self::Foreign(mechanism, message, offer) => foreign(mechanism, &message, offer),
            Self::NotOffered(mechanisms) => not_offered(mechanisms),
            Self::MalformedEarlier(fault, ap_req) => fault.within(&ap_req).into(),
            Self::UserToUser => Error::UserToUser,
            Self::TicketEtype(etype) => refused_etype(etype, KeyRole::Ticket),
            Self::Service(service) => Error::ServiceRefused { claim: ServiceClaim::Ticket, service: service.bounded() },
        }
    }
}

/// Names an offer without Kerberos by the first mechanism in it that has a name of its own.
fn not_offered(mechanisms: MechanismList<'_>) -> Error {
    let named = |mechanism: &Mechanism| !matches!(mechanism, Mechanism::Other | Mechanism::Spnego);
    match mechanisms.iter().find(named) {
        Some(Mechanism::Ntlm) => Error::Ntlm { message: NtlmMessage::Offered, offer: KerberosOffer::NotOffered },
        Some(mechanism) => foreign(mechanism, &[], KerberosOffer::NotOffered),
        None => Error::NoKerberos { mechanisms: mechanisms.iter().count() },
    }
}

/// What a token holds, before the AP-REQ in it is read.
enum Found<'t> {
    ApReq(FoundApReq<'t>),
    Offer(Proposal<'t>),
}

/// Where an AP-REQ was found.
struct FoundApReq<'t> {
    ap_req: Reader<'t>,
    message: Message,
    carrier: Carrier<'t>,
}

impl<'t> FoundApReq<'t> {
    /// Reads the AP-REQ, and checks its unencrypted fields.
    fn read(self, continuation: Continuation, policy: &Policy) -> Result<Request<'t>, ReadRefusal<'t>> {
        let Self { ap_req: encoded, message, carrier } = self;
        let ap_req = match (ApReq::read(encoded), carrier) {
            (Ok(ap_req), _) => ap_req,
            (Err(fault), Carrier::Earlier(_)) => {
                return Err(ReadRefusal::MalformedEarlier(fault, Unprinted(encoded.rest())));
            }
            (Err(fault), _) => return Err(fault.into()),
        };
        check_unencrypted(&ap_req, policy)?;
        let encoded = Unprinted(encoded.rest());
        Ok(Request { ap_req, encoded, message, carrier, continuation })
    }
}

/// Rejects a request by its unencrypted fields: what fails here costs no cryptography.
fn check_unencrypted<'t>(ap_req: &ApReq<'t>, policy: &Policy) -> Result<(), ReadRefusal<'t>> {
    if ap_req.options.contains(ApOptions::USE_SESSION_KEY) {
        return Err(ReadRefusal::UserToUser);
    }
    let etype = ap_req.ticket.enc_part.etype;
    if !policy.ticket_etypes.contains(etype) {
        return Err(ReadRefusal::TicketEtype(etype));
    }
    let service = ap_req.ticket.sname;
    match &policy.services {
        Some(services) if !services.iter().any(|allowed| service.is_service(allowed)) => {
            Err(ReadRefusal::Service(service))
        }
        _ => Ok(()),
    }
}

impl<'t> Found<'t> {
    fn in_token(
        token: &'t [u8],
        negotiation: Option<&'t Negotiation>,
        policy: &Policy,
    ) -> Result<Self, ReadRefusal<'t>> {
        if token.len() > policy.max_token_size {
            return Err(ReadRefusal::TooLarge { limit: policy.max_token_size });
        }
        let found = match (Token::recognise(Reader::new(token))?, negotiation) {
            (Token::NegTokenInit(init), _) => return Self::in_init(&NegTokenInit::read(init)?),
            (Token::Krb5(mechanism, ap_req), _) => {
                FoundApReq { ap_req, message: Message::Gss(mechanism), carrier: Carrier::None }
            }
            (Token::ApReq(ap_req), _) => FoundApReq { ap_req, message: Message::Bare, carrier: Carrier::None },
            (Token::NegTokenResp(response), Some(negotiation)) => in_response(response, negotiation)?,
            (Token::ApRep(reply), Some(negotiation)) => before_ap_rep(reply, negotiation)?,
            (Token::NegTokenResp(response), None) => return Err(out_of_turn(response)),
            (Token::ApRep(reply), None) => return Err(reply.error(field!("token"), Kind::OutOfPlace).into()),
            (Token::Foreign(mechanism, message), _) => {
                return Err(ReadRefusal::Foreign(mechanism, Unprinted(message), KerberosOffer::NotOffered));
            }
        };
        Ok(Self::ApReq(found))
    }

    /// Finds the AP-REQ that a client sent with its offer.
    ///
    /// The token says itself what it is. RFC 4178 wants a token of the first mechanism offered; a Kerberos token behind
    /// another first mechanism is accepted as well, since this acceptor could choose no other mechanism.
    fn in_init(init: &NegTokenInit<'t>) -> Result<Self, ReadRefusal<'t>> {
        let mechanisms = init.mechanisms;
        let Some(mechanism) = mechanisms.kerberos() else {
            return Err(without_kerberos(init));
        };
        let refusal = match init.mech_token.map(ap_req_in) {
            Some(Ok((message, ap_req))) => {
                let carrier = Carrier::NegTokenInit(Negotiated { mechanism, mechanisms, mic: init.mech_list_mic });
                return Ok(Self::ApReq(FoundApReq { ap_req, message, carrier }));
            }
            Some(Err(refusal)) => refusal,
            None => ReadRefusal::NoToken,
        };
        // A client that prefers Kerberos to everything else, and sends something else, has no ticket.
        let has_no_ticket = init.mech_token.is_some() && mechanisms.prefers_kerberos();
        if has_no_ticket || mechanisms.der().len() > MAX_KEPT_MECH_TYPES {
            return Err(refusal);
        }
        Ok(Self::Offer(Proposal { mechanisms, mech_token: init.mech_token }))
    }
}

/// Returns the AP-REQ that a mechanism's token holds, or what the token is instead.
fn ap_req_in(token: Reader<'_>) -> Result<(Message, Reader<'_>), ReadRefusal<'_>> {
    match Token::recognise(token)? {
        Token::Krb5(mechanism, ap_req) => Ok((Message::Gss(mechanism), ap_req)),
        Token::ApReq(ap_req) => Ok((Message::Bare, ap_req)),
        Token::Foreign(mechanism, message) => {
            Err(ReadRefusal::Foreign(mechanism, Unprinted(message), KerberosOffer::AlsoOffered))
        }
        _ => Err(token.error(field!("NegTokenInit.mechToken"), Kind::OutOfPlace).into()),
    }
}

/// Names an offer without Kerberos by the token that came with it, or leaves it to [`not_offered`].
#[cold]
fn without_kerberos<'t>(init: &NegTokenInit<'t>) -> ReadRefusal<'t> {
    let Some(token) = init.mech_token else {
        return ReadRefusal::NotOffered(init.mechanisms);
    };
    match Token::recognise(token) {
        Ok(Token::Foreign(mechanism, message)) => {
            ReadRefusal::Foreign(mechanism, Unprinted(message), KerberosOffer::NotOffered)
        }
        // The token is SPNEGO in SPNEGO, or Kerberos that was not offered.
        Ok(_) => token.error(field!("NegTokenInit.mechToken"), Kind::OutOfPlace).into(),
        Err(fault) => fault.into(),
    }
}

/// Finds the AP-REQ of a NegTokenResp that was waited for: it holds the AP-REQ that the client was asked for, or it is
/// the client's final token.
fn in_response<'t>(response: Reader<'t>, negotiation: &'t Negotiation) -> Result<FoundApReq<'t>, ReadRefusal<'t>> {
    let mechanisms =
        negotiation.mechanisms().ok_or_else(|| response.error(field!("NegTokenResp"), Kind::OutOfPlace))?;
    let NegTokenResp { response_token, mech_list_mic: mic } = NegTokenResp::read(response)?;
    match &negotiation.awaiting {
        Awaiting::Request => {
            let not_offered = || response.error(field!("NegTokenResp"), Kind::OutOfPlace);
            let mechanism = mechanisms.kerberos().ok_or_else(not_offered)?;
            let (message, ap_req) = ap_req_in(response_token.ok_or(ReadRefusal::NoToken)?)?;
            let carrier = Carrier::NegTokenResp(Negotiated { mechanism, mechanisms, mic });
            Ok(FoundApReq { ap_req, message, carrier })
        }
        Awaiting::Confirmation(pending) => {
            let ap_rep = response_token.map(ApRep::read).transpose()?;
            Ok(confirmed(FinalToken { pending, mechanisms: Some(mechanisms), ap_rep, mic }))
        }
    }
}

/// Finds the AP-REQ that a client's bare AP-REP confirms: the final token of DCE style without SPNEGO.
fn before_ap_rep<'t>(reply: Reader<'t>, negotiation: &'t Negotiation) -> Result<FoundApReq<'t>, ReadRefusal<'t>> {
    match &negotiation.awaiting {
        Awaiting::Confirmation(pending) if negotiation.mechanisms().is_none() => {
            let ap_rep = Some(ApRep::read(reply)?);
            Ok(confirmed(FinalToken { pending, mechanisms: None, ap_rep, mic: None }))
        }
        _ => Err(reply.error(field!("token"), Kind::OutOfPlace).into()),
    }
}

/// Returns the AP-REQ of an earlier token. It is validated again, together with the client's final token.
fn confirmed(token: FinalToken<'_>) -> FoundApReq<'_> {
    let PendingRequest { ap_req, message, .. } = token.pending;
    FoundApReq { ap_req: Reader::new(ap_req), message: *message, carrier: Carrier::Earlier(token) }
}

/// Names a NegTokenResp that nothing waited for. NTLM's final message arrives so, from a client that something else has
/// challenged: a proxy, or another node of a load balancer.
fn out_of_turn(response: Reader<'_>) -> ReadRefusal<'_> {
    let token = match NegTokenResp::read(response) {
        Ok(response) => response.response_token,
        Err(fault) => return fault.into(),
    };
    match token.map(Token::recognise) {
        Some(Ok(Token::Foreign(mechanism, message))) => {
            ReadRefusal::Foreign(mechanism, Unprinted(message), KerberosOffer::NotOffered)
        }
        _ => response.error(field!("NegotiationToken"), Kind::OutOfPlace).into(),
    }
}
