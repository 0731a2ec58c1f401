//! First stage: tokens of every form, and what is no token.

mod framing;
mod order;
