//! Sign-in by password hash synchronisation: the server checks a password with a verifier that a source in the organisation's
//! network sent, so users sign in while the directory cannot be reached.
//!
//! - [`table`] keeps the records that the source sends.
//! - [`check`] decides on a password.
//!
//! A record is sealed twice: with the secret of the store, like every entry, and with a key from a file of its own. So who copies
//! the store and its secret still has no verifiers.

mod check;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use check::{Checked, Checks, Derived, Unchecked};
pub(crate) use table::{Synchronised, Table};
