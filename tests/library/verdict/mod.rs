//! Tests of the verdict: an accepted request, a refusal, and the tokens for the client.

mod accepted;
mod answer;
mod arrival;
mod codes;
mod conversation;
mod identity;
mod policy;
mod refused;
mod rejection;
mod session_identity;
mod transcripts;
mod without_rc4;
