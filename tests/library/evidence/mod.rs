//! Bytes made by others, second opinions, and damage.

mod crypto_vectors;
mod differential;
mod mutation;
mod mutation_conversation;
mod vectors;
mod windows;
