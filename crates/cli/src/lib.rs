//! The program `kerberos-sso` as a library: commands that judge and explain tokens, and that read and make keytabs.
//!
//! The program runs a [`Command`] by its name. The examples `validate` and `explain` of the repository run one each. A server
//! that shows its administrators what became of a ticket takes the tree of [`explain`], as the example `seamless` does.

mod arguments;
mod certificate;
mod command;
pub mod explain;
mod input;
mod keys;
mod keytab;
// A link to `tests/recorded/mod.rs`, which the library's tests read the same vectors with.
mod recorded;
mod refusal;
mod terminal;
mod text;
mod validate;
mod vectors;

pub use command::{Command, run};
