//! Explains a token stage by stage, as a tree of facts and checks. This module also has the command `explain`.
//!
//! An [`Examiner`] passes a token through the stages of a validator, and notes the result of each stage. The examiner asks a
//! replay cache only if the caller gives one. The tree contains no session key, MAC or ciphertext.

mod command;
mod json;
mod pasted;
mod stages;
mod tree;

pub(crate) use command::{read, recognise, run};
pub use pasted::{Advice, Pasted, WHERE_TO_FIND};
pub use stages::{Admit, Examiner, Explanation};
pub use tree::{Failure, Mark, Node};
