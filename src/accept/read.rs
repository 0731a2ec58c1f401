//! First stage: this stage finds the AP-REQ of a token, recognises an offer of Kerberos, or refuses the token.
//!
//! An AP-REQ can arrive in several framings, and in any token of a negotiation. This file finds the AP-REQ in all framings
//! and tokens. This stage uses no key and allocates no memory.

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

/// The content of one token of a negotiation: a request or an offer.
///
/// A server must handle all variants. So this enum is exhaustive, and a new variant would be a breaking change.
#[derive(Debug)]
#[must_use]
pub enum ReadStep<'t> {
    /// A request: the token contains the AP-REQ, or confirms the answer to an earlier AP-REQ.
    Request(Request<'t>),
    /// An offer of Kerberos: the AP-REQ must follow in a later token.
    Offer(Offer<'t>),
}

/// An offer of Kerberos without a ticket. With the offer, the client sent no mechToken, or a mechToken of a mechanism that it
/// prefers to Kerberos.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Offer<'t> {
    pub(crate) token: Unprinted<&'t [u8]>,
    pub(crate) proposal: Proposal<'t>,
}

/// The mechanisms and the mechToken of an [`Offer`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proposal<'t> {
    pub(crate) mechanisms: MechanismList<'t>,
    /// The client's token for the mechanism that it prefers.
    mech_token: Option<Reader<'t>>,
}

impl<'t> Request<'t> {
    /// Reads the request in the first token of a client.
    pub(crate) fn read(token: &'t [u8], policy: &Policy) -> Result<Self, ReadRefusal<'t>> {
        match Found::in_token(token, None, policy)? {
            Found::ApReq(found) => found.read(Continuation::NotAllowed, policy),
            Found::Offer(proposal) => Err(proposal.refuse()),
        }
    }
}

impl<'t> ReadStep<'t> {
    /// Reads a token of a negotiation. `negotiation` is the state after the previous token; `None` if this is the first token.
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
    /// Returns the refusal of this offer, for a server that cannot ask the client for another token.
    pub(crate) fn refusal(self) -> ReadRefusal<'t> {
        self.proposal.refuse()
    }
}

impl<'t> Proposal<'t> {
    fn refuse(self) -> ReadRefusal<'t> {
        self.mech_token.and_then(|token| ap_req_in(token).err()).unwrap_or(ReadRefusal::NoToken)
    }
}

/// The check of the first stage that a token failed. The type is small, since most requests from the internet are
/// refused in this stage.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ReadRefusal<'t> {
    Malformed(Fault),
    /// The AP-REQ of an earlier token is malformed. The octets are those of the AP-REQ.
    MalformedEarlier(Fault, Unprinted<&'t [u8]>),
    TooLarge {
        limit: usize,
    },
    NoToken,
    /// The token belongs to another mechanism.
    Foreign(Mechanism, Unprinted<&'t [u8]>, KerberosOffer),
    /// The client offers mechanisms, but not Kerberos, and sent no mechToken.
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
    /// Returns the error that explains this refusal of `token`.
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

/// Returns the error for an offer without Kerberos. The error names the first offered mechanism that this crate knows.
fn not_offered(mechanisms: MechanismList<'_>) -> Error {
    let named = |mechanism: &Mechanism| !matches!(mechanism, Mechanism::Other | Mechanism::Spnego);
    match mechanisms.iter().find(named) {
        Some(Mechanism::Ntlm) => Error::Ntlm { message: NtlmMessage::Offered, offer: KerberosOffer::NotOffered },
        Some(mechanism) => foreign(mechanism, &[], KerberosOffer::NotOffered),
        None => Error::NoKerberos { mechanisms: mechanisms.iter().count() },
    }
}

/// The content of a token, before its AP-REQ is read.
enum Found<'t> {
    ApReq(FoundApReq<'t>),
    Offer(Proposal<'t>),
}

/// An AP-REQ that is not read yet, with the message and the token in which it was found.
struct FoundApReq<'t> {
    ap_req: Reader<'t>,
    message: Message,
    carrier: Carrier<'t>,
}

impl<'t> FoundApReq<'t> {
    /// Reads the AP-REQ and checks its unencrypted fields.
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

/// Rejects a request by its unencrypted fields, before any cryptography.
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
    /// The first octets of the mechToken show its mechanism. RFC 4178 says that the mechToken belongs to the first mechanism
    /// in the MechTypeList. This function also accepts a Kerberos token if another mechanism is first, since this acceptor
    /// chooses only Kerberos.
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
        // A client that prefers Kerberos, but sends a token of another mechanism, has no ticket.
        let has_no_ticket = init.mech_token.is_some() && mechanisms.prefers_kerberos();
        if has_no_ticket || mechanisms.der().len() > MAX_KEPT_MECH_TYPES {
            return Err(refusal);
        }
        Ok(Self::Offer(Proposal { mechanisms, mech_token: init.mech_token }))
    }
}

/// Returns the AP-REQ in a mechanism's token, or the refusal of a token without AP-REQ.
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

/// Returns the refusal of an offer without Kerberos. If a mechToken came with the offer, the refusal names the mechanism of
/// the mechToken. Otherwise [`not_offered`] chooses the mechanism that the error names.
#[cold]
fn without_kerberos<'t>(init: &NegTokenInit<'t>) -> ReadRefusal<'t> {
    let Some(token) = init.mech_token else {
        return ReadRefusal::NotOffered(init.mechanisms);
    };
    match Token::recognise(token) {
        Ok(Token::Foreign(mechanism, message)) => {
            ReadRefusal::Foreign(mechanism, Unprinted(message), KerberosOffer::NotOffered)
        }
        // The mechToken is an SPNEGO token, or a Kerberos token although the client did not offer Kerberos.
        Ok(_) => token.error(field!("NegTokenInit.mechToken"), Kind::OutOfPlace).into(),
        Err(fault) => fault.into(),
    }
}

/// Finds the AP-REQ that belongs to a NegTokenResp. If the negotiation waits for an AP-REQ, the NegTokenResp contains it.
/// Otherwise the NegTokenResp is the client's final token, and the AP-REQ came in an earlier token.
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

/// Finds the AP-REQ that belongs to a client's bare AP-REP, which is the final token of DCE style without SPNEGO.
fn before_ap_rep<'t>(reply: Reader<'t>, negotiation: &'t Negotiation) -> Result<FoundApReq<'t>, ReadRefusal<'t>> {
    match &negotiation.awaiting {
        Awaiting::Confirmation(pending) if negotiation.mechanisms().is_none() => {
            let ap_rep = Some(ApRep::read(reply)?);
            Ok(confirmed(FinalToken { pending, mechanisms: None, ap_rep, mic: None }))
        }
        _ => Err(reply.error(field!("token"), Kind::OutOfPlace).into()),
    }
}

/// Returns the AP-REQ of an earlier token. The stages validate this AP-REQ again, together with the client's final token.
fn confirmed(token: FinalToken<'_>) -> FoundApReq<'_> {
    let PendingRequest { ap_req, message, .. } = token.pending;
    FoundApReq { ap_req: Reader::new(ap_req), message: *message, carrier: Carrier::Earlier(token) }
}

/// Returns the refusal of a NegTokenResp that does not belong to a negotiation of this server. An example is NTLM's final
/// message. A client sends this message if a proxy, or another node behind a load balancer, has sent an NTLM challenge.
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
