//! The reasons why a negotiation was not completed.

use crate::context::MessageError;
use crate::time::UnixTime;
use thiserror::Error;

/// The reason why a negotiation was not completed. The ticket and the authenticator of that negotiation were valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NegotiationCause {
    /// The client's mechListMIC does not verify over the MechTypeList that the client sent. An attacker may have changed
    /// the list.
    #[error("the client's MIC over the mechanisms that it offered does not verify: {0}")]
    Mic(MessageError),
    /// The client prefers another mechanism to Kerberos, but sent no mechListMIC to confirm its MechTypeList (RFC 4178
    /// section 5).
    #[error("the client's MIC over the mechanisms that it offered is missing")]
    NoMic,
    /// The client's AP-REP, its second token in DCE style, does not answer the AP-REP of this server.
    #[error("the client's AP-REP does not answer the AP-REP of this server")]
    ApRep,
    /// The client's final token has the wrong kind: the client sent an AP-REP without DCE style, or no AP-REP in DCE
    /// style.
    #[error("the client's final token does not complete this negotiation")]
    LastToken,
    /// The client wants to continue, but the negotiation state is too large for the cookie that would carry it.
    #[error("the client wants to continue, but the negotiation state is too large for a cookie")]
    NotKept,
    /// The client took too long to answer.
    #[error("the client answered {} s after this server's answer, and {allowed_seconds} s are allowed", .now.seconds_since(*.began))]
    TooLate {
        /// The time at which this server answered the request.
        began: UnixTime,
        /// The arrival time that the caller gave.
        now: UnixTime,
        /// The allowed clock skew in whole seconds.
        allowed_seconds: i64,
    },
}

/// The error for octets that are no [`Negotiation`](crate::negotiate::Negotiation) of this version of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("these octets are no negotiation state of this version of the program")]
pub struct InvalidNegotiation;
