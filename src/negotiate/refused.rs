//! What a refused client is told: that, and no more; or, on request, once it has proved itself, the code that RFC 4120 has
//! for the reason.

use crate::accept::negotiation::Negotiation;
use crate::accept::open::open;
use crate::accept::read::Heard;
use crate::accept::request::{Framing, Message, Request};
use crate::accept::token::Token;
use crate::accept::verify::authenticator;
use crate::error::Error;
use crate::keys::KeySet;
use crate::policy::{KrbErrorPolicy, Policy};
use crate::time::UnixTime;
use crate::wire::der::{Reader, Writer};
use crate::wire::gss::{TokId, frame};
use crate::wire::header;
use crate::wire::krb5::{Authenticator, KrbError};
use crate::wire::spnego::{NegState, NegotiationReply};
use alloc::string::String;
use alloc::vec::Vec;

/// What a refused client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection(Vec<u8>);

impl Rejection {
    /// The token for the client.
    #[must_use]
    pub fn token(&self) -> &[u8] {
        &self.0
    }

    /// The token as a `WWW-Authenticate` value.
    ///
    /// A browser that gets a second challenge may ask its user for a password; a server with a sign-in page of its own
    /// shows that instead, without this.
    #[must_use]
    pub fn header(&self) -> String {
        header::encode(&self.0)
    }

    /// For who negotiates, a plain `reject`, whatever the reason. For others nothing, unless a KRB-ERROR is due.
    pub(crate) fn new(
        token: &[u8],
        negotiation: Option<&Negotiation>,
        error: &Error,
        keys: &KeySet,
        policy: &Policy,
        now: UnixTime,
    ) -> Option<Self> {
        let heard = match Heard::hear(token, negotiation, policy) {
            Ok(Heard::Request(request)) => Some(request),
            _ => None,
        };
        let krb_error = heard.and_then(|request| krb_error(&request, error, keys, policy, now));
        let negotiates = heard.map_or_else(|| negotiates(token), |request| request.framing() == Framing::Spnego);
        if !negotiates {
            return krb_error.map(Self);
        }
        let reply = NegotiationReply {
            state: NegState::Reject,
            supported_mech: None,
            response_token: krb_error.as_deref(),
            mech_list_mic: None,
        };
        Some(Self(reply.to_bytes()))
    }
}

/// Whether a token that could not be read begins as one of SPNEGO's does.
fn negotiates(token: &[u8]) -> bool {
    match Token::recognise(Reader::new(token)) {
        Ok(token) => matches!(token, Token::Spnego(_) | Token::Continuation(_)),
        Err(_) => false,
    }
}

/// The KRB-ERROR for a request whose authenticator opens under the session key of a ticket that a key of ours opens. That
/// is done again here, so that no refusal carries keys about.
fn krb_error(request: &Request<'_>, error: &Error, keys: &KeySet, policy: &Policy, now: UnixTime) -> Option<Vec<u8>> {
    if policy.krb_errors == KrbErrorPolicy::Never {
        return None;
    }
    let (mut buffer, opened) = open(request, keys, policy, now).ok()?;
    let (plaintext, _) = authenticator::decrypt(request, &opened.session_key, &mut buffer)?;
    let proof = Authenticator::read(Reader::new(buffer.slice(plaintext))).ok()?;
    let shell = &request.ap_req.ticket;
    let message = KrbError {
        client_time: proof.time(),
        server_time: now,
        code: code(error),
        realm: shell.realm,
        service: shell.sname,
    };
    Some(match request.message {
        Message::Gss(mechanism) => frame(mechanism, TokId::KrbError, |w| message.write(w)),
        Message::Bare => {
            let mut writer = Writer::with_capacity(ROOM);
            message.write(&mut writer);
            writer.finish()
        }
    })
}

/// RFC 4120 section 7.5.9. What only this server's policy refuses is generic: the reason is not the client's business.
const fn code(error: &Error) -> u8 {
    match error {
        Error::Transited => KRB_AP_PATH_NOT_ACCEPTED,
        Error::TicketExpired { .. } => KRB_AP_ERR_TKT_EXPIRED,
        Error::TicketNotYetValid { .. } | Error::TicketInvalid => KRB_AP_ERR_TKT_NYV,
        Error::Replay(_) => KRB_AP_ERR_REPEAT,
        Error::ClientMismatch(_) => KRB_AP_ERR_BADMATCH,
        Error::ClockSkew { .. } => KRB_AP_ERR_SKEW,
        Error::AddressMismatch(_) => KRB_AP_ERR_BADADDR,
        Error::Checksum(_) => KRB_AP_ERR_INAPP_CKSUM,
        _ => KRB_ERR_GENERIC,
    }
}

const KRB_AP_PATH_NOT_ACCEPTED: u8 = 28;
const KRB_AP_ERR_TKT_EXPIRED: u8 = 32;
const KRB_AP_ERR_TKT_NYV: u8 = 33;
const KRB_AP_ERR_REPEAT: u8 = 34;
const KRB_AP_ERR_BADMATCH: u8 = 36;
const KRB_AP_ERR_SKEW: u8 = 37;
const KRB_AP_ERR_BADADDR: u8 = 38;
const KRB_AP_ERR_INAPP_CKSUM: u8 = 50;
const KRB_ERR_GENERIC: u8 = 60;

/// Octets of a KRB-ERROR with names of the usual length.
const ROOM: usize = 192;
