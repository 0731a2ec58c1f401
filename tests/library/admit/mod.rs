//! Fifth stage: the replay caches, and the refusal of replays.

mod awaited;
mod replay;
mod replay_memory;
