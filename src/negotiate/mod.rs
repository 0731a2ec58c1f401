//! What a client is answered: the token for an accepted client, for one that must send another token, and for a refused one.

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
