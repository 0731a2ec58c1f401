//! The information that a token gives without a key: its kind, its service, and the key that it needs.
//!
//! The information also helps to explain refused tokens. The information is not verified, and the crate makes no
//! [`Request`](crate::stages::Request) from it.

use crate::accept::token::Token;
use crate::crypto::EncType;
use crate::keys::KeyQuery;
use crate::limits::MAX_TOKEN_SIZE;
use crate::wire::der::Reader;
use crate::wire::krb5::{ApOptions, ApReq};
use crate::wire::mechanism::Mechanism;
use crate::wire::oid::Dotted;
use crate::wire::spnego::{MechanismList, NegTokenInit, NegTokenResp};
use core::fmt;

/// The information that a token gives about itself. Any party may have written the token: use this information to explain
/// a refusal, never to make a decision.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct TokenInfo<'t> {
    shape: TokenShape,
    mechanisms: Option<MechanismList<'t>>,
    inner: Option<TokenShape>,
    ap_req: Option<ApReq<'t>>,
}

/// The kind of a token, as its first octets show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenShape {
    /// The token is SPNEGO's first message, NegTokenInit (RFC 4178 section 4.2.1).
    NegTokenInit,
    /// The token is a later message of SPNEGO, NegTokenResp (RFC 4178 section 4.2.2).
    NegTokenResp,
    /// The token is a message of the Kerberos mechanism in its framing (RFC 4121 section 4.1).
    Krb5,
    /// The token is a message of the Kerberos mechanism under the object identifier of Windows 2000.
    MsKrb5,
    /// The token is an AP-REQ without framing.
    ApReq,
    /// The token is an AP-REP without framing.
    ApRep,
    /// The token is a message of NTLM.
    Ntlm,
    /// The token is a message of NegoEx.
    NegoEx,
    /// The token holds Kerberos messages for a KDC (IAKERB).
    Iakerb,
    /// The token is for Kerberos user-to-user authentication.
    UserToUser,
    /// The token belongs to another mechanism.
    Other,
    /// The token has no known form, or is too long.
    Unknown,
}

impl<'t> TokenInfo<'t> {
    /// Reads a token as far as possible. If the token has more than [`MAX_TOKEN_SIZE`] octets, this function reads
    /// nothing.
    pub fn of(token: &'t [u8]) -> Self {
        let token = if token.len() > MAX_TOKEN_SIZE { &[] } else { token };
        let recognised = Token::recognise(Reader::new(token)).ok();
        let info = Self { shape: TokenShape::of(recognised.as_ref()), mechanisms: None, inner: None, ap_req: None };
        match recognised {
            Some(Token::NegTokenInit(opening)) => match NegTokenInit::read(opening) {
                Ok(init) => Self { mechanisms: Some(init.mechanisms), ..info.around(init.mech_token) },
                Err(_) => info,
            },
            Some(Token::NegTokenResp(next)) => match NegTokenResp::read(next) {
                Ok(response) => info.around(response.response_token),
                Err(_) => info,
            },
            other => Self { ap_req: ap_req(other.as_ref()), ..info },
        }
    }

    fn around(self, token: Option<Reader<'t>>) -> Self {
        let Some(token) = token else { return self };
        let recognised = Token::recognise(token).ok();
        Self { inner: Some(TokenShape::of(recognised.as_ref())), ap_req: ap_req(recognised.as_ref()), ..self }
    }

    /// Returns the kind of the whole token.
    #[must_use]
    pub const fn shape(&self) -> TokenShape {
        self.shape
    }

    /// Returns the kind of the token inside SPNEGO, or `None` if SPNEGO holds no token.
    #[must_use]
    pub const fn inner(&self) -> Option<TokenShape> {
        self.inner
    }

    /// Returns the mechanisms that a NegTokenInit offers, in the client's order of preference.
    pub fn mechanisms(&self) -> impl Iterator<Item = OfferedMechanism<'t>> + use<'t> {
        self.mechanisms.into_iter().flat_map(MechanismList::oids).map(OfferedMechanism)
    }

    /// Returns the key that the ticket needs, according to the unencrypted fields of the ticket. Returns `None` if the
    /// token holds no readable AP-REQ.
    #[must_use]
    pub fn key_query(&self) -> Option<KeyQuery<'t>> {
        self.ap_req.as_ref().map(|ap_req| KeyQuery::of(&ap_req.ticket))
    }

    /// Returns the options of the AP-REQ. These options have no protection against changes.
    #[must_use]
    pub fn ap_options(&self) -> Option<ApOptions> {
        self.ap_req.map(|ap_req| ap_req.options)
    }

    /// Returns the encryption type of the AP-REQ's authenticator.
    #[must_use]
    pub fn authenticator_etype(&self) -> Option<EncType> {
        self.ap_req.map(|ap_req| ap_req.authenticator.etype)
    }
}

impl TokenShape {
    const fn of(recognised: Option<&Token<'_>>) -> Self {
        match recognised {
            None => Self::Unknown,
            Some(Token::NegTokenInit(_)) => Self::NegTokenInit,
            Some(Token::NegTokenResp(_)) => Self::NegTokenResp,
            Some(Token::Krb5(Mechanism::MsKrb5, _)) => Self::MsKrb5,
            Some(Token::Krb5(..)) => Self::Krb5,
            Some(Token::ApReq(_)) => Self::ApReq,
            Some(Token::ApRep(_)) => Self::ApRep,
            Some(Token::Foreign(Mechanism::Ntlm, _)) => Self::Ntlm,
            Some(Token::Foreign(Mechanism::NegoEx, _)) => Self::NegoEx,
            Some(Token::Foreign(Mechanism::Iakerb, _)) => Self::Iakerb,
            Some(Token::Foreign(Mechanism::UserToUser, _)) => Self::UserToUser,
            Some(Token::Foreign(..)) => Self::Other,
        }
    }
}

fn ap_req<'t>(token: Option<&Token<'t>>) -> Option<ApReq<'t>> {
    match token {
        Some(Token::Krb5(_, ap_req) | Token::ApReq(ap_req)) => ApReq::read(*ap_req).ok(),
        _ => None,
    }
}

impl fmt::Display for TokenShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NegTokenInit => "SPNEGO, NegTokenInit",
            Self::NegTokenResp => "SPNEGO, NegTokenResp",
            Self::Krb5 => "Kerberos in GSS framing",
            Self::MsKrb5 => "Kerberos in GSS framing (identifier of Windows 2000)",
            Self::ApReq => "AP-REQ without framing",
            Self::ApRep => "AP-REP without framing",
            Self::Ntlm => "NTLM",
            Self::NegoEx => "NegoEx",
            Self::Iakerb => "IAKERB",
            Self::UserToUser => "Kerberos user-to-user",
            Self::Other => "another mechanism",
            Self::Unknown => "unknown",
        })
    }
}

/// A mechanism that a client offers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OfferedMechanism<'t>(&'t [u8]);

impl<'t> OfferedMechanism<'t> {
    /// Returns the mechanism's object identifier, as the contents of its DER encoding.
    #[must_use]
    pub const fn oid(self) -> &'t [u8] {
        self.0
    }

    /// Returns whether the mechanism's tokens carry an AP-REQ with a ticket under a long-term key of the server.
    #[must_use]
    pub fn is_kerberos(self) -> bool {
        Mechanism::from_oid(self.0).is_kerberos()
    }
}

/// Displays the mechanism's name and number, as in `Kerberos (1.2.840.113554.1.2.2)`. If this crate knows no name,
/// displays only the number.
impl fmt::Display for OfferedMechanism<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Mechanism::from_oid(self.0).name() {
            Some(name) => write!(f, "{name} ({})", Dotted(self.0)),
            None => write!(f, "{}", Dotted(self.0)),
        }
    }
}

/// Shows the mechanism's name and number, as `Display` does. The octets are a part of the token and are not shown.
impl fmt::Debug for OfferedMechanism<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OfferedMechanism({self})")
    }
}

#[cfg(test)]
mod tests;
