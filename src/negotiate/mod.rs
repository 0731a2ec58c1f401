//! The answers to clients: to an accepted client, to a client that must send another token, and to a refused client.

mod answer;
mod refused;
mod step;
mod token_info;

pub use crate::accept::{Negotiation, Offer, ReadStep};
pub use crate::error::InvalidNegotiation;
pub use answer::Answer;
pub use refused::Refused;
pub use step::{Continue, RoundTrips, Step};
pub use token_info::{OfferedMechanism, TokenInfo, TokenShape};
