//! First stage: the bytes of a token to an AP-REQ that nobody has vouched for.

use super::negotiation::Halfway;
use super::read::{Enclosed, Located};
use crate::crypto::EncType;
use crate::error::{Error, EtypeCause, KeyRole};
use crate::keys::KeyQuery;
use crate::policy::{EncTypes, Policy};
use crate::wire::krb5::{ApOptions, ApRep, ApReq, PrincipalName, Ticket};
use crate::wire::mechanism::Mechanism;
use crate::wire::spnego::MechanismList;

/// An AP-REQ as it came: parsed, not believed. It borrows from the token.
///
/// What it says about the service, the realm and the key tells where to look for a key, and nothing else: anybody on the
/// way can rewrite it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'t> {
    pub(crate) ap_req: ApReq<'t>,
    /// The AP-REQ's own bytes.
    pub(crate) encoded: &'t [u8],
    pub(crate) message: Message,
    pub(crate) leg: Leg<'t>,
    pub(crate) turns: Turns,
}

/// Whether an AP-REQ is a message of the GSS mechanism, which rules its checksum and frames its answer, or stands alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// Under the identifier that it came under.
    Gss(Mechanism),
    Bare,
}

/// Whether the client may be asked for another token. If not, nothing is kept for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turns {
    Many,
    One,
}

/// Which token of a conversation an AP-REQ came in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Leg<'t> {
    /// Nothing was negotiated.
    Alone,
    /// In the first, with the offer.
    Opening(Negotiated<'t>),
    /// In the second: the client was asked for it.
    Following(Negotiated<'t>),
    /// In an earlier one. Now came the client's last word.
    Last(LastLeg<'t>),
}

/// The negotiation around an AP-REQ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Negotiated<'t> {
    /// The identifier of Kerberos that is agreed on.
    pub(crate) mechanism: Mechanism,
    pub(crate) mechanisms: MechanismList<'t>,
    /// The client's mechListMIC.
    pub(crate) mic: Option<&'t [u8]>,
}

/// What a client says to end a conversation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastLeg<'t> {
    pub(crate) halfway: &'t Halfway,
    /// `None` if nothing was negotiated.
    pub(crate) mechanisms: Option<MechanismList<'t>>,
    /// In DCE style: the client's proof that it has read ours.
    pub(crate) ap_rep: Option<ApRep<'t>>,
    /// The client's mechListMIC.
    pub(crate) mic: Option<&'t [u8]>,
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
    /// The request in a first token.
    #[inline(always)]
    pub(crate) fn first(token: &'t [u8], policy: &Policy) -> Result<Self, Error> {
        match Located::find(token, None, policy) {
            Ok(Located::ApReq(enclosed)) => Self::read(&enclosed, token, Turns::One, policy),
            Ok(Located::Offer(proposal)) => Err(proposal.refuse().explain(token)),
            Err(no_request) => Err(no_request.explain(token)),
        }
    }

    /// The request that came in `token`, if its shell passes.
    #[inline(always)]
    pub(crate) fn read(enclosed: &Enclosed<'t>, token: &'t [u8], turns: Turns, policy: &Policy) -> Result<Self, Error> {
        let Enclosed { ap_req, message, leg } = *enclosed;
        match ApReq::read(ap_req) {
            Ok(parsed) => {
                let request = Self { ap_req: parsed, encoded: ap_req.rest(), message, leg, turns };
                request.check_shell(policy)?;
                Ok(request)
            }
            Err(fault) => {
                let message = if let Leg::Last(_) = leg { ap_req.rest() } else { token };
                Err(fault.within(message).into())
            }
        }
    }

    /// What the ticket's shell says about the key that it needs.
    #[must_use]
    pub const fn key_query(&self) -> KeyQuery<'t> {
        key_query(&self.ap_req.ticket)
    }

    /// The service that the ticket's shell names.
    #[must_use]
    pub const fn service(&self) -> PrincipalName<'t> {
        self.ap_req.ticket.sname
    }

    /// What was around the AP-REQ.
    #[must_use]
    pub const fn framing(&self) -> Framing {
        match (self.leg, self.message) {
            (Leg::Opening(_) | Leg::Following(_) | Leg::Last(LastLeg { mechanisms: Some(_), .. }), _) => {
                Framing::Spnego
            }
            (_, Message::Gss(_)) => Framing::Krb5,
            (_, Message::Bare) => Framing::ApReq,
        }
    }

    /// The checks that need no key, so that what fails them costs no cryptography.
    pub(crate) fn check_shell(&self, policy: &Policy) -> Result<(), Error> {
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

/// What a ticket's shell says about the key that it needs.
pub(crate) const fn key_query<'t>(ticket: &Ticket<'t>) -> KeyQuery<'t> {
    KeyQuery { realm: ticket.realm, service: ticket.sname, etype: ticket.enc_part.etype, kvno: ticket.enc_part.kvno }
}

/// Whether a key of type `etype` may play `role`.
pub(crate) fn check_etype(etype: EncType, allowed: EncTypes, role: KeyRole) -> Result<(), Error> {
    if allowed.contains(etype) {
        return Ok(());
    }
    Err(match etype {
        EncType::RC4_HMAC => Error::Rc4Refused { role },
        _ if etype.is_supported() => Error::UnsupportedEtype { role, etype, cause: EtypeCause::Policy },
        _ => Error::UnsupportedEtype { role, etype, cause: EtypeCause::NotImplemented },
    })
}
