//! First stage: tokens of every form, and octets that are no token.

mod framing;
mod order;
mod token_info;
