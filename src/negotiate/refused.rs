//! A refusal, and the answer to the refused client. By default, the answer gives no reason. The answer has the RFC 4120
//! code of the reason if the policy asks for the code and the client has proved its identity.

use crate::accept::message::Message;
use crate::accept::open::Opened;
use crate::accept::request::{Framing, Request};
use crate::accept::token::Token;
use crate::accept::verify::{Verified, authenticator};
use crate::accept::{Buffer, Offer};
use crate::error::{Blame, Error, Remedy};
use crate::policy::KrbErrorPolicy;
use crate::time::UnixTime;
use crate::unprinted::Unprinted;
use crate::wire::der::{Reader, Writer};
use crate::wire::gss::{TokId, frame};
use crate::wire::header;
use crate::wire::krb5::{Authenticator, KrbError};
use crate::wire::spnego::{NegState, NegotiationReply, REJECT};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A refused request: the error for the log, and the token for the client.
///
/// `Display` prints the [`Error`]. By default, the token is the same for every reason. With
/// [`Policy::with_krb_errors`](crate::Policy::with_krb_errors), the token can hold an error code.
///
/// ```
/// use kerberos_sso::{KeySet, Policy, UnixTime, Validator, replay::NoReplayCache};
///
/// let validator = Validator::new(KeySet::new(), Policy::default(), NoReplayCache);
/// let refused = validator.validate_header("Negotiate YII=", UnixTime::from_seconds(0)).unwrap_err();
/// assert_eq!(refused.code(), "malformed");
/// println!("{refused}"); // for the log
/// assert_eq!(refused.token(), None); // for the client
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Refused {
    error: Error,
    reply: Reply,
}

/// The token for a refused client.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reply {
    /// No token: the protocol has no token for a refusal. The client sees the status, or the end of the connection.
    None,
    /// A NegTokenResp with the state `reject`.
    Reject,
    /// A KRB-ERROR in the client's framing.
    KrbError(Unprinted<Vec<u8>>),
}

impl Refused {
    /// Returns the reason of the refusal. The reason is for the log, not for the client.
    #[must_use]
    pub const fn error(&self) -> &Error {
        &self.error
    }

    /// Returns the reason of the refusal as a value that the caller can keep.
    #[must_use]
    pub fn into_error(self) -> Error {
        self.error
    }

    /// Returns the stable name of the error ([`Error::code`]).
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.error.code()
    }

    /// Returns the place to look for the cause ([`Error::blame`]).
    #[must_use]
    pub const fn blame(&self) -> Blame {
        self.error.blame()
    }

    /// Returns the action that an administrator can take ([`Error::remedy`]).
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy<'_>> {
        self.error.remedy()
    }

    /// Returns the token for the client, or `None` if the client's protocol has no answer to a refused token.
    #[must_use]
    pub fn token(&self) -> Option<&[u8]> {
        match &self.reply {
            Reply::None => None,
            Reply::Reject => Some(&REJECT),
            Reply::KrbError(token) => Some(token),
        }
    }

    /// Returns the token as a `WWW-Authenticate` value (RFC 4559 section 4.1).
    ///
    /// A browser that gets a second challenge may ask its user for a password. A server with its own sign-in page
    /// should show that page, without this header.
    #[must_use]
    pub fn www_authenticate(&self) -> Option<String> {
        self.token().map(header::encode)
    }

    /// Makes the refusal of a request in which no token was found. Such a request gets no token as an answer.
    pub(crate) const fn before_token(error: Error) -> Self {
        Self { error, reply: Reply::None }
    }

    /// Makes the refusal of a token that holds no request. A client whose token begins like a SPNEGO token gets a
    /// NegTokenResp.
    pub(crate) fn of_token(error: Error, token: &[u8]) -> Self {
        let negotiates = match Token::recognise(Reader::new(token)) {
            Ok(token) => matches!(token, Token::NegTokenInit(_) | Token::NegTokenResp(_)),
            Err(_) => false,
        };
        Self { error, reply: if negotiates { Reply::Reject } else { Reply::None } }
    }

    /// Makes the refusal of a request whose client has not proved its identity.
    #[cold]
    pub(crate) fn of_request(error: Error, framing: Framing) -> Self {
        let reply = if framing == Framing::Spnego { Reply::Reject } else { Reply::None };
        Self { error, reply }
    }

    /// Makes the refusal of a request whose ticket was opened. The client has proved its identity if its authenticator
    /// verifies.
    #[cold]
    pub(crate) fn of_opened(
        error: Error,
        request: &Request<'_>,
        opened: &Opened,
        buffer: &mut Buffer,
        krb_errors: KrbErrorPolicy,
        now: UnixTime,
    ) -> Self {
        if krb_errors == KrbErrorPolicy::Never {
            return Self::of_request(error, opened.framing);
        }
        match proven_time(request, opened, buffer) {
            Some(client_time) => Self::with_krb_error(error, opened, buffer, client_time, now),
            None => Self::of_request(error, opened.framing),
        }
    }

    /// Makes the refusal of a request whose client has proved its identity.
    #[cold]
    pub(crate) fn of_verified(
        error: Error,
        opened: &Opened,
        verified: &Verified,
        buffer: &Buffer,
        krb_errors: KrbErrorPolicy,
        now: UnixTime,
    ) -> Self {
        match krb_errors {
            KrbErrorPolicy::Never => Self::of_request(error, opened.framing),
            KrbErrorPolicy::AfterProof => Self::with_krb_error(error, opened, buffer, verified.authenticator.time, now),
        }
    }

    fn with_krb_error(error: Error, opened: &Opened, buffer: &Buffer, client_time: UnixTime, now: UnixTime) -> Self {
        let message = KrbError {
            client_time,
            server_time: now,
            code: code(&error),
            realm: opened.service.realm(buffer).as_bytes(),
            service: opened.service.name(buffer),
        };
        let token = match opened.message {
            Message::Gss(mechanism) => frame(mechanism, TokId::KrbError, |w| message.write(w)),
            Message::Bare => {
                let mut writer = Writer::with_capacity(USUAL_KRB_ERROR);
                message.write(&mut writer);
                writer.finish()
            }
        };
        let token = if opened.framing == Framing::Spnego { in_reject(&token) } else { token };
        Self { error, reply: Reply::KrbError(Unprinted(token)) }
    }
}

impl Offer<'_> {
    /// Refuses the client. A server calls this function if it cannot ask the client for another token.
    pub fn refuse(self) -> Refused {
        Refused::of_token(self.refusal().explain(&self.token), &self.token)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl core::error::Error for Refused {}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        refused.error
    }
}

/// Returns the client's time if the authenticator verifies under the session key of the opened ticket.
fn proven_time(request: &Request<'_>, opened: &Opened, buffer: &mut Buffer) -> Option<UnixTime> {
    let (plaintext, _) = authenticator::decrypt(request, opened.session_key, buffer)?;
    let authenticator = Authenticator::read(Reader::new(buffer.slice(plaintext))).ok()?;
    Some(authenticator.time())
}

fn in_reject(krb_error: &[u8]) -> Vec<u8> {
    let reply = NegotiationReply {
        state: NegState::Reject,
        supported_mech: None,
        response_token: Some(krb_error),
        mech_list_mic: None,
    };
    reply.to_bytes()
}

/// Returns the code of RFC 4120 section 7.5.9. The code is generic if the reason is only a policy of this server, so that
/// the client does not learn the policy.
const fn code(error: &Error) -> u8 {
    match error {
        Error::Transited(_) => KRB_AP_PATH_NOT_ACCEPTED,
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

/// The capacity for a KRB-ERROR whose names have usual lengths.
const USUAL_KRB_ERROR: usize = 192;
