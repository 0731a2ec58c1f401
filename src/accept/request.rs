//! The result of the first stage: an AP-REQ that was parsed, and that nobody has vouched for.

use super::message::Message;
use super::negotiation::PendingRequest;
use crate::crypto::EncType;
use crate::error::{Error, EtypeCause, KeyRole};
use crate::keys::KeyQuery;
use crate::unprinted::Unprinted;
use crate::wire::krb5::{ApRep, ApReq, PrincipalName};
use crate::wire::mechanism::Mechanism;
use crate::wire::spnego::MechanismList;

/// An AP-REQ as it came: parsed, not believed. It borrows from the token.
///
/// Its service, realm and key version only say which key to try. Nothing protects them: anyone on the way can rewrite them.
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

/// Whether the client may be asked for another token. If not, the stages keep nothing for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Continuation {
    Allowed,
    NotAllowed,
}

/// Which token of a negotiation carried an AP-REQ.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Carrier<'t> {
    /// The client did not negotiate.
    None,
    /// The client sent its AP-REQ with its offer.
    NegTokenInit(Negotiated<'t>),
    /// The client was asked for its AP-REQ.
    NegTokenResp(Negotiated<'t>),
    /// The AP-REQ came in an earlier token, and the client has now sent its final token.
    Earlier(FinalToken<'t>),
}

/// The negotiation around an AP-REQ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Negotiated<'t> {
    /// The object identifier of Kerberos on which both sides agree.
    pub(crate) mechanism: Mechanism,
    pub(crate) mechanisms: MechanismList<'t>,
    /// The client's mechListMIC.
    pub(crate) mic: Option<Unprinted<&'t [u8]>>,
}

/// The token with which a client ends a negotiation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FinalToken<'t> {
    pub(crate) pending: &'t PendingRequest,
    /// `None` if the client did not negotiate.
    pub(crate) mechanisms: Option<MechanismList<'t>>,
    /// In DCE style: the client's proof that it has read our AP-REP.
    pub(crate) ap_rep: Option<ApRep<'t>>,
    /// The client's mechListMIC.
    pub(crate) mic: Option<Unprinted<&'t [u8]>>,
}

/// What surrounds an AP-REQ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// SPNEGO (RFC 4178), with or without GSS framing inside.
    Spnego,
    /// The framing of the Kerberos mechanism (RFC 4121 section 4.1).
    Krb5,
    /// Nothing: the AP-REQ stands alone.
    ApReq,
}

impl<'t> Request<'t> {
    /// Returns what the ticket's unencrypted fields say about the key that it needs.
    #[must_use]
    pub const fn key_query(&self) -> KeyQuery<'t> {
        KeyQuery::of(&self.ap_req.ticket)
    }

    /// Returns the service that the ticket's unencrypted fields name.
    #[must_use]
    pub const fn service(&self) -> PrincipalName<'t> {
        self.ap_req.ticket.sname
    }

    /// Returns what surrounds the AP-REQ.
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

/// Explains why a key of type `etype` is refused in the role `role`.
pub(crate) fn refused_etype(etype: EncType, role: KeyRole) -> Error {
    match etype {
        EncType::RC4_HMAC => Error::Rc4Refused { role },
        _ if etype.is_supported() => Error::UnsupportedEtype { role, etype, cause: EtypeCause::Policy },
        _ => Error::UnsupportedEtype { role, etype, cause: EtypeCause::NotImplemented },
    }
}
