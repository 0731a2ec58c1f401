//! Information for a server's operator: an event for every decision, a span for every stage, and a census of encryption
//! types.
//!
//! # Events
//! With the feature `tracing`, every decision is an event of the target [`TARGET`], for any subscriber of the crate
//! `tracing`:
//!
//! | field | decision | meaning |
//! |---|---|---|
//! | `code` | any | `accepted`, or [`Error::code`](crate::Error::code) |
//! | `service_realm`, `ticket_kvno` | any | the unencrypted fields of the ticket; in a refused request, an attacker can have written these fields |
//! | `ticket_etype` | any | the number of the encryption type of the ticket and of its key |
//! | `skew_seconds` | any | the number of seconds by which the client's clock is ahead of this server's clock; the only refusal with this field is `clock-skew` |
//! | `blame` | refused | [`Error::blame`](crate::Error::blame) |
//! | `message` | refused | the text of the error, which is a sentence |
//! | `remedy` | refused | [`Error::remedy`](crate::Error::remedy), if there is one |
//! | `user`, `realm`, `sid` | accepted | the user who signed in: the name and realm of the ticket, and the SID of its PAC |
//! | `service` | accepted | the service that the client named |
//! | `account`, `key_kvno` | accepted | the account whose key opened the ticket, and the version of that key |
//! | `session_etype` | accepted | the number of the session key's encryption type |
//! | `channel_bindings` | accepted | whether the request is bound to its channel |
//!
//! The event of an accepted request has the level INFO. **These events name users**: an operator who may not keep names
//! must filter out the fields with names. The event of a refusal has the level WARN if the administrator can remove the
//! cause (keys, replay cache, the program). The event has the level INFO if any client can cause the refusal. The event
//! of a negotiation that continues has the level DEBUG.
//!
//! A validator reports the event `unbounded-accounts` at INFO if some of its accounts accept tickets without a PAC or
//! users of any domain. The validator checks this when it is made and when it gets other keys. `without_pac` is the
//! number of accounts that accept tickets without a PAC. `any_domain` is the number of accounts that accept users of
//! any domain. `account` and `realm` name the first of these accounts.
//!
//! The layers of the feature `tower` have their own events. Each event has a `message` and a `remedy`, and has the
//! request's `host` if the request names a host:
//!
//! | `code` | level | other fields | meaning |
//! |---|---|---|---|
//! | `challenged` | DEBUG or INFO | | the server asked a client for a ticket; the level is INFO if the request is not the usual first request of a browser |
//! | `no-ticket` | INFO | `answer` | the client sent another mechanism, for example NTLM, because it has no ticket for `host`; `answer` is the code of the refusal, which has its own event |
//! | `cross-site` | INFO | `method`, `origin` | a page of another site made the request |
//! | `not-member` | INFO | `user`, `realm`, `sid`, `group` | the user is not in the group; this event has no `host` |
//! | `layer-missing` | WARN | `path` | a route demands an identity, but no layer signs users in |
//!
//! Every text has a limited length and is escaped, so that no name can forge a line of a log. No event holds a key, a
//! plaintext or a token.
//!
//! # Spans
//! Each of the spans `read`, `open`, `verify`, `authorize` and `admit` covers the stage with the same name. The spans
//! have the level DEBUG. A subscriber with a clock can measure each stage.
//!
//! Without the feature `tracing`, no event and no span is compiled. If the feature is enabled and the program has no
//! subscriber, each event and each span costs one comparison. All events and spans of an accepted request together cost
//! about 500 instructions.
//!
//! # Moving away from RC4
//! [`EtypeCensus`] counts the encryption types that clients use, and lists the accounts that still use RC4.

#[cfg(feature = "std")]
mod census;
#[cfg(feature = "tracing")]
mod events;
#[cfg(all(feature = "tower", feature = "tracing"))]
mod layer_events;
#[cfg(not(feature = "tracing"))]
mod silence;

#[cfg(feature = "std")]
pub use census::{EtypeCensus, Rc4Use};
#[cfg(feature = "tracing")]
pub(crate) use events::{StageSpan, accepted, goes_on, in_stage, keys_in_use, refused};
#[cfg(all(feature = "tower", feature = "tracing"))]
pub(crate) use layer_events::{challenged, cross_site, layer_missing, no_ticket, not_member};
#[cfg(not(feature = "tracing"))]
pub(crate) use silence::{StageSpan, accepted, goes_on, in_stage, keys_in_use, refused};
#[cfg(all(feature = "tower", not(feature = "tracing")))]
pub(crate) use silence::{challenged, cross_site, layer_missing, no_ticket, not_member};

use crate::accept::Accepted;
use crate::keys::KeyQuery;
use crate::negotiate::{Refused, Step};
use crate::time::UnixTime;

/// The target of all events and spans.
pub const TARGET: &str = "kerberos_sso";

/// The stages of a validation. The span of a stage has the name of the stage.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    Read,
    Open,
    Verify,
    Authorize,
    Admit,
}

/// Reports the verdict on a request.
pub(crate) fn verdict(verdict: &Result<Accepted, Refused>, query: Option<&KeyQuery<'_>>, now: Option<UnixTime>) {
    match verdict {
        Ok(request) => accepted(request, now),
        Err(refusal) => refused(refusal.error(), query),
    }
}

/// Reports a step of a negotiation.
pub(crate) fn step(step: &Result<Step, Refused>, query: &KeyQuery<'_>, now: UnixTime) {
    match step {
        Ok(Step::Accepted(request, _)) => accepted(request, Some(now)),
        Ok(Step::Continue(_)) => goes_on(),
        Err(refusal) => refused(refusal.error(), Some(query)),
    }
}
