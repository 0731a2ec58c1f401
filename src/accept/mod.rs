//! The five stages from a token to an accepted request, in order. Each stage consumes the result of the stage before it and
//! adds facts.
//!
//! ```text
//! token ─ read ─▶ Request ─ open ─▶ OpenedTicket ─ verify ─▶ VerifiedRequest ─ authorize ─▶ AuthorizedRequest ─ admit ─▶ Accepted
//!         form              the ticket's MAC      the authenticator's MAC,          the PAC and the         no replay
//!                                                 every check of RFC 4120           user's domain
//! ```
//! | stage | files with its checks |
//! |---|---|
//! | `read` | `token` (the kind of a token), `read` (the token's size, its AP-REQ, the AP-REQ's unencrypted fields) |
//! | `open` | `open` (keys, the ticket's MAC, the session key) |
//! | `verify` | `verify/ticket`, `verify/authenticator`, `verify/auth_data`, `verify/checksum`, `verify/client_target`, `verify/bindings`, `verify/mic` (also the client's final token) |
//! | `authorize` | `authorize` (whether a PAC is required), `authorize/pac` (the contents of the PAC), `pac/` (the PAC's form and signatures) |
//! | `admit` | `replay/` (whether the authenticator is new), `admit` (the answer of the replay cache) |
//!
//! A failed check returns a small refusal, and the refusal's `explain` makes the error. [`Validator`](crate::Validator) has
//! the stages as methods, since one policy applies to all stages.

mod accepted;
pub(crate) mod admit;
mod arrival;
pub(crate) mod authorize;
mod buffer;
mod context_keys;
mod facts;
pub(crate) mod message;
pub(crate) mod negotiation;
pub(crate) mod open;
mod read;
mod refusal;
pub(crate) mod request;
pub(crate) mod token;
pub(crate) mod verify;

pub use accepted::Accepted;
pub use arrival::Arrival;
pub use authorize::AuthorizedRequest;
pub(crate) use buffer::Buffer;
pub use facts::{AuthenticatorFacts, OpenedBy, TicketFacts};
pub use negotiation::Negotiation;
pub use open::OpenedTicket;
pub(crate) use read::ReadRefusal;
pub use read::{Offer, ReadStep};
pub use request::{Framing, Request};
pub use verify::{BindingState, VerifiedRequest};
