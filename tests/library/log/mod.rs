//! What a log gets, and what it never gets.

mod census;
mod events;
mod refusals;
mod secrets;
