//! Why a negotiation did not end well.

use crate::context::MessageError;
use crate::time::UnixTime;
use thiserror::Error;

/// Why a negotiation did not end well. The ticket and the authenticator in it were good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NegotiationCause {
    /// The client's mechListMIC is not one over the list it sent: somebody may have changed what it offers.
    #[error("the client's MIC over the mechanisms that it offered does not hold: {0}")]
    Mic(MessageError),
    /// The client prefers another mechanism to Kerberos, and has not confirmed that it offered it so (RFC 4178 section 5).
    #[error("the client's MIC over the mechanisms that it offered is missing")]
    NoMic,
    /// The client's AP-REP, the third leg of DCE style, does not answer ours.
    #[error("the AP-REP of the client's third leg does not answer this server's")]
    ApRep,
    /// The last token is not what the conversation waits for: a third leg without DCE style, or none with it.
    #[error("the client's last token is not the one that ends this conversation")]
    LastToken,
    /// The client would go on, and what must be kept until it does is too large for the cookie that carries it.
    #[error("the client would go on, and what must be kept until then is too large for a cookie")]
    NotKept,
    /// The client took too long to answer.
    #[error("the client answered {} s after this server did, and {allowed_seconds} s are allowed", .now.seconds_since(*.began))]
    TooLate {
        /// When this server answered the request.
        began: UnixTime,
        /// The time the caller gave.
        now: UnixTime,
        /// The clock skew, in whole seconds.
        allowed_seconds: i64,
    },
}

/// Bytes that are no [`Negotiation`](crate::Negotiation) of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("these bytes are no negotiation state that this version of the program has kept")]
pub struct InvalidNegotiation;
