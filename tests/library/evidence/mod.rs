//! Tests with vectors of other implementations, comparisons with another reader, and damaged input.

mod crypto_vectors;
mod differential;
mod mutation;
mod mutation_conversation;
mod vectors;
mod windows;
