//! The program `kerberos-sso` as a library: commands that validate and explain tokens, and that read and make keytabs.
//!
//! The program runs a [`Command`] by its name. The examples `validate` and `explain` of the repository run the command of the
//! same name. A server can show its administrators the tree of [`explain`], as the example `seamless` does.

mod arguments;
mod certificate;
mod command;
pub mod explain;
mod input;
mod keys;
mod keytab;
// The file is a link to `tests/recorded/mod.rs`. The library's tests read the same vectors with it.
mod recorded;
mod refusal;
mod terminal;
mod text;
mod validate;
mod vectors;

pub use command::{Command, run};
