//! The result of the first stage: an AP-REQ that was parsed, but not verified.

use super::message::Message;
use super::negotiation::PendingRequest;
use crate::crypto::EncType;
use crate::error::{Error, EtypeCause, KeyRole};
use crate::keys::KeyQuery;
use crate::unprinted::Unprinted;
use crate::wire::krb5::{ApRep, ApReq, PrincipalName};
use crate::wire::mechanism::Mechanism;
use crate::wire::spnego::MechanismList;

/// An AP-REQ that was parsed, but not verified. The request borrows from the token.
///
/// The service, the realm and the key version only select the keys to try. These fields are not protected: an attacker on the
/// network can change them.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Request<'t> {
    pub(crate) ap_req: ApReq<'t>,
    /// The octets of the AP-REQ.
    pub(crate) encoded: Unprinted<&'t [u8]>,
    pub(crate) message: Message,
    pub(crate) carrier: Carrier<'t>,
    pub(crate) continuation: Continuation,
}

/// Whether the server may ask the client for another token. If not, the stages keep no state for another token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Continuation {
    Allowed,
    NotAllowed,
}

/// The token that carried the AP-REQ in a negotiation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Carrier<'t> {
    /// The client did not negotiate.
    None,
    /// The client sent its AP-REQ with its offer.
    NegTokenInit(Negotiated<'t>),
    /// The client sent its AP-REQ in a later token, after the server asked for it.
    NegTokenResp(Negotiated<'t>),
    /// The AP-REQ came in an earlier token, and the client has now sent its final token.
    Earlier(FinalToken<'t>),
}

/// The negotiation around an AP-REQ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Negotiated<'t> {
    /// The Kerberos mechanism on which client and server agree.
    pub(crate) mechanism: Mechanism,
    pub(crate) mechanisms: MechanismList<'t>,
    /// The client's mechListMIC.
    pub(crate) mic: Option<Unprinted<&'t [u8]>>,
}

/// The token with which a client ends a negotiation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FinalToken<'t> {
    pub(crate) pending: &'t PendingRequest,
    /// The offered mechanisms; `None` if the client did not negotiate.
    pub(crate) mechanisms: Option<MechanismList<'t>>,
    /// The client's AP-REP in DCE style. This AP-REP proves that the client has read the acceptor's AP-REP.
    pub(crate) ap_rep: Option<ApRep<'t>>,
    /// The client's mechListMIC.
    pub(crate) mic: Option<Unprinted<&'t [u8]>>,
}

/// The framing of an AP-REQ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// SPNEGO (RFC 4178), with or without GSS framing inside.
    Spnego,
    /// The framing of the Kerberos mechanism (RFC 4121 section 4.1).
    Krb5,
    /// No framing: the token is a bare AP-REQ.
    ApReq,
}

impl<'t> Request<'t> {
    /// Returns the key query: the ticket's unencrypted fields that select a key.
    #[must_use]
    pub const fn key_query(&self) -> KeyQuery<'t> {
        KeyQuery::of(&self.ap_req.ticket)
    }

    /// Returns the service that the ticket's unencrypted fields name.
    #[must_use]
    pub const fn service(&self) -> PrincipalName<'t> {
        self.ap_req.ticket.sname
    }

    /// Returns the framing of the AP-REQ.
    #[must_use]
    pub const fn framing(&self) -> Framing {
        match (self.carrier, self.message) {
            (
                Carrier::NegTokenInit(_)
                | Carrier::NegTokenResp(_)
                | Carrier::Earlier(FinalToken { mechanisms: Some(_), .. }),
                _,
            ) => Framing::Spnego,
            (_, Message::Gss(_)) => Framing::Krb5,
            (_, Message::Bare) => Framing::ApReq,
        }
    }
}

/// Returns the error of a key whose type `etype` is refused in the role `role`.
pub(crate) fn refused_etype(etype: EncType, role: KeyRole) -> Error {
    match etype {
        EncType::RC4_HMAC => Error::Rc4Refused { role },
        _ if etype.is_supported() => Error::UnsupportedEtype { role, etype, cause: EtypeCause::Policy },
        _ => Error::UnsupportedEtype { role, etype, cause: EtypeCause::NotImplemented },
    }
}
