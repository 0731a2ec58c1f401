//! The stages from a token to an accepted request, in order, each a type that consumes the one before.
//!
//! ```text
//! bytes ─ read ─▶ Request ─ open ─▶ OpenedTicket ─ verify ─▶ VerifiedRequest ─ authorize ─▶ AuthorizedRequest ─ admit ─▶ Accepted
//!          shape            ticket's MAC          authenticator's MAC,              what the ticket        not a replay
//!                                                 every check of RFC 4120           may stand for
//! ```
//! [`Validator`](crate::Validator) holds the stages' methods, since they all go by one policy.

pub(crate) mod accepted;
pub(crate) mod authorize;
pub(crate) mod contents;
pub(crate) mod context_keys;
pub(crate) mod negotiation;
pub(crate) mod open;
pub(crate) mod read;
pub(crate) mod refusal;
pub(crate) mod request;
pub(crate) mod token;
pub(crate) mod verify;

pub use accepted::Accepted;
pub use authorize::AuthorizedRequest;
pub use contents::{AuthenticatorFacts, OpenedBy, TicketFacts};
pub use negotiation::Negotiation;
pub use open::OpenedTicket;
pub use read::{Heard, Offer};
pub use request::{Framing, Request};
pub use verify::{BindingState, Connection, VerifiedRequest};
