//! Fifth stage: replays.

mod awaited;
mod replay;
mod replay_memory;
