//! What becomes of a token, stage by stage: as a tree of facts and checks, and as the command `explain`.
//!
//! An [`Examiner`] takes a token through the stages of a validator and notes what each of them found. Nothing is admitted: the
//! replay cache is asked only if the caller brings one. No session key, MAC or ciphertext is in the tree.

mod command;
mod pasted;
mod stages;
mod tree;

pub(crate) use command::{read, recognise, run};
pub use pasted::{Advice, Pasted, WHERE_TO_FIND};
pub use stages::{Admit, Examiner, Explanation};
pub use tree::{Failure, Mark, Node};
