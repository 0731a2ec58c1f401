//! Tests of logs: the facts that a log gets, and the secrets that a log never gets.

mod census;
pub(crate) mod events;
mod refusals;
mod secrets;
