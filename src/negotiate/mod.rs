//! SPNEGO as a conversation: what a token says it is, and what the client is answered.

mod answer;
mod refused;
mod token_info;

pub use answer::{Answer, Next, Turn};
pub use refused::Rejection;
pub use token_info::{OfferedMechanism, Outline, TokenShape};
