//! What a server's operator sees: one event for every decision, a span for every stage, and a census of encryption types.
//!
//! # Events
//! With the feature `tracing`, every decision is an event of the target [`TARGET`], for any subscriber of that crate:
//!
//! | field | of | what |
//! |---|---|---|
//! | `code` | both | `accepted`, or [`Error::code`](crate::Error::code) |
//! | `service_realm`, `ticket_kvno` | both | what the unencrypted fields of the ticket name; where the request was refused, nothing vouches for it |
//! | `ticket_etype` | both | the number of the ticket's encryption type, and so of the key that opened it |
//! | `skew_seconds` | both | how far the client's clock is ahead of this server's; refused: with `clock-skew` |
//! | `blame` | refused | [`Error::blame`](crate::Error::blame) |
//! | `message` | refused | the error's sentence |
//! | `user`, `realm`, `sid` | accepted | who signed in: the name and realm of the ticket, and the SID of its PAC |
//! | `service` | accepted | the service that the client named |
//! | `account`, `key_kvno` | accepted | the account whose key opened the ticket, and the version of that key |
//! | `session_etype` | accepted | the number of the session key's encryption type |
//! | `channel_bindings` | accepted | whether the request is bound to its channel |
//!
//! Accepted requests are at level INFO. **They name users**: an operator who may not keep that filters the field. Refusals
//! are at WARN if the administrator can remove the cause (keys, replay cache, the program), and at INFO if any client can
//! cause them at will. A negotiation that continues is at DEBUG.
//!
//! What a message says is bounded and escaped, so that no name forges a line; no key, no plaintext and no token is in any
//! event.
//!
//! # Spans
//! `read`, `open`, `verify`, `authorize` and `admit`, at level DEBUG, are entered while that stage runs: a subscriber with a
//! clock has the time of each. This crate has none.
//!
//! Without the feature, none of this is compiled. With it and without a subscriber, it is a comparison for each event and span:
//! some 500 instructions of an accepted request.
//!
//! # Moving away from RC4
//! [`EtypeCensus`] counts what clients come with, and names those accounts that still bring RC4.

#[cfg(feature = "std")]
mod census;
#[cfg(feature = "tracing")]
mod events;
#[cfg(not(feature = "tracing"))]
mod silence;

#[cfg(feature = "std")]
pub use census::{EtypeCensus, Rc4Use};
#[cfg(feature = "tracing")]
pub(crate) use events::{accepted, goes_on, in_stage, refused};
#[cfg(not(feature = "tracing"))]
pub(crate) use silence::{accepted, goes_on, in_stage, refused};

use crate::accept::Accepted;
use crate::keys::KeyQuery;
use crate::negotiate::{Refused, Step};
use crate::time::UnixTime;

/// The target of all events and spans.
pub const TARGET: &str = "kerberos_sso";

/// The stages, as their spans are called.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    Read,
    Open,
    Verify,
    Authorize,
    Admit,
}

/// Reports the end of the last stage.
pub(crate) fn verdict(verdict: &Result<Accepted, Refused>, query: Option<&KeyQuery<'_>>, now: Option<UnixTime>) {
    match verdict {
        Ok(request) => accepted(request, now),
        Err(refusal) => refused(refusal.error(), query),
    }
}

/// Reports the end of a step of a negotiation.
pub(crate) fn step(step: &Result<Step, Refused>, query: &KeyQuery<'_>, now: UnixTime) {
    match step {
        Ok(Step::Accepted(request, _)) => accepted(request, Some(now)),
        Ok(Step::Continue(_)) => goes_on(),
        Err(refusal) => refused(refusal.error(), Some(query)),
    }
}
