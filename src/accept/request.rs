//! First stage: the bytes of a token to an AP-REQ that nobody has vouched for.
//!
//! Recognises every shape in which an AP-REQ arrives, and names what arrives instead of one. No key is used; nothing is
//! allocated.

use crate::crypto::EncType;
use crate::der::{Malformed, Problem, Reader};
use crate::error::{Error, EtypeCause, KerberosOffer, KeyRole, NtlmMessage};
use crate::gss::{InitialToken, ap_req_message};
use crate::keys::KeyQuery;
use crate::krb5::{ApOptions, ApReq, PrincipalName};
use crate::mechanism::Mechanism;
use crate::policy::{EncTypes, Policy};
use crate::spnego::{NegTokenInit, NegTokenResp};

/// An AP-REQ as it came: parsed, not believed. It borrows from the token.
///
/// What it says about the service, the realm and the key tells where to look for a key, and nothing else: anybody on the
/// way can rewrite it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'t> {
    pub(super) ap_req: ApReq<'t>,
    pub(super) message: Message,
    framing: Framing,
}

/// Whether an AP-REQ is a message of the GSS mechanism, which rules its checksum, or stands alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Gss,
    Bare,
}

/// What was around an AP-REQ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// SPNEGO (RFC 4178), with or without GSS framing inside.
    Spnego,
    /// The framing of the Kerberos mechanism (RFC 4121 section 4.1).
    Krb5,
    /// Nothing.
    ApReq,
}

impl<'t> Request<'t> {
    pub(crate) fn read(token: &'t [u8], policy: &Policy) -> Result<Self, Error> {
        if token.len() > policy.max_token_size {
            return Err(Error::TooLarge { size: token.len(), limit: policy.max_token_size });
        }
        let request = match Token::recognise(Reader::new(token))? {
            Token::Krb5(ap_req) => Self { ap_req: ApReq::read(ap_req)?, message: Message::Gss, framing: Framing::Krb5 },
            Token::ApReq(ap_req) => {
                Self { ap_req: ApReq::read(ap_req)?, message: Message::Bare, framing: Framing::ApReq }
            }
            Token::Spnego(negotiation) => {
                let (ap_req, message) = negotiated(&NegTokenInit::read(negotiation)?)?;
                Self { ap_req, message, framing: Framing::Spnego }
            }
            Token::Continuation(negotiation) => return Err(out_of_turn(negotiation)),
            Token::Foreign(mechanism, message) => return Err(foreign(mechanism, message, KerberosOffer::NotOffered)),
        };
        request.check_shell(policy)?;
        Ok(request)
    }

    /// What the ticket's shell says about the key that it needs.
    #[must_use]
    pub const fn key_query(&self) -> KeyQuery<'t> {
        let ticket = &self.ap_req.ticket;
        KeyQuery {
            realm: ticket.realm,
            service: ticket.sname,
            etype: ticket.enc_part.etype,
            kvno: ticket.enc_part.kvno,
        }
    }

    /// The service that the ticket's shell names.
    #[must_use]
    pub const fn service(&self) -> PrincipalName<'t> {
        self.ap_req.ticket.sname
    }

    /// What was around the AP-REQ.
    #[must_use]
    pub const fn framing(&self) -> Framing {
        self.framing
    }

    /// The checks that need no key, so that what fails them costs no cryptography.
    fn check_shell(&self, policy: &Policy) -> Result<(), Error> {
        if self.ap_req.options.contains(ApOptions::USE_SESSION_KEY) {
            return Err(Error::UserToUser);
        }
        check_etype(self.ap_req.ticket.enc_part.etype, policy.ticket_etypes, KeyRole::Ticket)?;
        let service = self.service();
        match &policy.services {
            Some(services) if !services.iter().any(|allowed| service.is_service(allowed)) => {
                Err(Error::ServiceRefused { service: service.excerpt() })
            }
            _ => Ok(()),
        }
    }
}

/// Whether a key of type `etype` may play `role`.
pub(super) fn check_etype(etype: EncType, allowed: EncTypes, role: KeyRole) -> Result<(), Error> {
    if allowed.contains(etype) {
        return Ok(());
    }
    Err(match etype {
        EncType::RC4_HMAC => Error::Rc4Refused { role },
        _ if etype.is_supported() => Error::UnsupportedEtype { role, etype, cause: EtypeCause::Policy },
        _ => Error::UnsupportedEtype { role, etype, cause: EtypeCause::NotImplemented },
    })
}

/// A token by its first bytes.
enum Token<'t> {
    Spnego(Reader<'t>),
    Continuation(Reader<'t>),
    Krb5(Reader<'t>),
    ApReq(Reader<'t>),
    Foreign(Mechanism, &'t [u8]),
}

impl<'t> Token<'t> {
    fn recognise(reader: Reader<'t>) -> Result<Self, Malformed> {
        let token = reader.rest();
        match reader.peek() {
            Some(ApReq::TAG) => Ok(Self::ApReq(reader)),
            Some(InitialToken::TAG) => {
                let InitialToken { mechanism, inner } = InitialToken::read(reader)?;
                Ok(match mechanism {
                    Mechanism::Spnego if inner.peek() == Some(NegTokenResp::TAG) => Self::Continuation(inner),
                    Mechanism::Spnego => Self::Spnego(inner),
                    Mechanism::Krb5 | Mechanism::MsKrb5 => Self::Krb5(ap_req_message(inner)?),
                    _ => Self::Foreign(mechanism, inner.rest()),
                })
            }
            _ if token.starts_with(NTLM_SIGNATURE) => Ok(Self::Foreign(Mechanism::Ntlm, token)),
            _ if token.starts_with(NEGOEX_SIGNATURE) => Ok(Self::Foreign(Mechanism::NegoEx, token)),
            Some(NegTokenResp::TAG) => Ok(Self::Continuation(reader)),
            Some(_) => Err(reader.error("token", Problem::Unrecognised)),
            None => Err(reader.error("token", Problem::Empty)),
        }
    }
}

/// The AP-REQ in what a SPNEGO client sent with its offer.
///
/// The token says itself what it is. RFC 4178 wants it to be of the first mechanism offered; a Kerberos token behind
/// another first mechanism is taken as well, since no other mechanism could be chosen here anyway.
fn negotiated<'t>(init: &NegTokenInit<'t>) -> Result<(ApReq<'t>, Message), Error> {
    let offers_kerberos = init.mechanisms.offers_kerberos();
    let Some(mech_token) = init.mech_token else {
        return Err(if offers_kerberos { Error::NoToken } else { best_offer(init) });
    };
    let offer = if offers_kerberos { KerberosOffer::AlsoOffered } else { KerberosOffer::NotOffered };
    match Token::recognise(mech_token)? {
        Token::Krb5(ap_req) if offers_kerberos => Ok((ApReq::read(ap_req)?, Message::Gss)),
        Token::ApReq(ap_req) if offers_kerberos => Ok((ApReq::read(ap_req)?, Message::Bare)),
        Token::Foreign(mechanism, message) => Err(foreign(mechanism, message, offer)),
        // SPNEGO in SPNEGO, or Kerberos that was not offered.
        _ => Err(mech_token.error("NegTokenInit.mechToken", Problem::OutOfPlace).into()),
    }
}

/// A NegTokenResp continues a conversation, and nothing can begin with it. It is how NTLM's last message arrives from a
/// client that somebody else, a proxy or a load balancer's other node, has challenged.
fn out_of_turn(negotiation: Reader<'_>) -> Error {
    let response = match NegTokenResp::read(negotiation) {
        Ok(response) => response.response_token,
        Err(malformed) => return malformed.into(),
    };
    match response.map(Token::recognise) {
        Some(Ok(Token::Foreign(mechanism, message))) => foreign(mechanism, message, KerberosOffer::NotOffered),
        _ => negotiation.error("NegotiationToken", Problem::OutOfPlace).into(),
    }
}

/// What to call an offer without Kerberos: the first mechanism in it that has a name of its own.
fn best_offer(init: &NegTokenInit<'_>) -> Error {
    let named = |mechanism: &Mechanism| !matches!(mechanism, Mechanism::Other | Mechanism::Spnego);
    match init.mechanisms.iter().find(named) {
        Some(Mechanism::Ntlm) => Error::Ntlm { message: NtlmMessage::Offered, offer: KerberosOffer::NotOffered },
        Some(mechanism) => foreign(mechanism, &[], KerberosOffer::NotOffered),
        None => Error::NoKerberos { mechanisms: init.mechanisms.iter().count() },
    }
}

fn foreign(mechanism: Mechanism, message: &[u8], offer: KerberosOffer) -> Error {
    match mechanism {
        Mechanism::Ntlm => Error::Ntlm { message: ntlm_message(message), offer },
        Mechanism::NegoEx => Error::NegoEx { offer },
        Mechanism::Iakerb => Error::Iakerb,
        Mechanism::UserToUser => Error::UserToUser,
        _ => Error::NoKerberos { mechanisms: 1 },
    }
}

/// MessageType of MS-NLMP section 2.2.1: 32 bits, little-endian, after the signature.
fn ntlm_message(message: &[u8]) -> NtlmMessage {
    match message.strip_prefix(NTLM_SIGNATURE) {
        Some([1, 0, 0, 0, ..]) => NtlmMessage::Negotiate,
        Some([2, 0, 0, 0, ..]) => NtlmMessage::Challenge,
        Some([3, 0, 0, 0, ..]) => NtlmMessage::Authenticate,
        _ => NtlmMessage::Unknown,
    }
}

const NTLM_SIGNATURE: &[u8] = b"NTLMSSP\0";

const NEGOEX_SIGNATURE: &[u8] = b"NEGOEXTS";
