//! The stages from a token to an accepted request, in order, each a type that consumes the one before.
//!
//! ```text
//! bytes ─ read ─▶ Request ─ open ─▶ OpenedTicket ─ verify ─▶ VerifiedRequest ─ authorize ─▶ AuthorizedRequest ─ admit ─▶ Accepted
//!          shape            ticket's MAC          authenticator's MAC,              what the ticket        not a replay
//!                                                 every check of RFC 4120           may stand for
//! ```
//! [`Validator`](crate::Validator) holds the stages' methods, since they all go by one policy.

mod accepted;
mod answer;
mod authenticator;
mod authorize;
mod bindings;
mod contents;
mod context_keys;
mod exchange;
mod hearing;
mod negotiation;
mod outline;
mod pac_checks;
mod pac_refusal;
mod refusal;
mod rejection;
mod request;
mod restrictions;
mod ticket;
mod ticket_checks;
mod token;
mod verify;

pub use accepted::Accepted;
pub use answer::{Answer, Next, Turn};
pub use authorize::AuthorizedRequest;
pub use bindings::{BindingState, Connection};
pub use contents::{AuthenticatorFacts, OpenedBy, TicketFacts};
pub use hearing::{Heard, Offer};
pub use negotiation::Negotiation;
pub use outline::{OfferedMechanism, Outline, TokenShape};
pub use rejection::Rejection;
pub use request::{Framing, Request};
pub use ticket::OpenedTicket;
pub use verify::VerifiedRequest;
