//! Password hash synchronisation, without I/O.
//!
//! A source runs beside the organisation's directory and reads the NT hash of each password. The source derives a
//! [`Verifier`] from the hash and sends the verifier in a [`Record`]. The sign-in server keeps records and checks
//! passwords with them, so users can sign in while the directory cannot be reached. The NT hash itself never leaves the
//! source: no message has a field for it.
//!
//! - [`verifier`] is the public format of a verifier, and its derivation.
//! - [`record`] is what the server knows of an account, and [`batch`] is the message with the changes of many accounts.
//! - [`rules`] decides which change the server takes.
//! - [`sign_in`] checks a password.
//! - [`ldif`] and [`secretsdump`] read what the directory's own tools print.

pub mod batch;
pub mod ldif;
pub mod nt_hash;
pub mod record;
pub mod rules;
pub mod secretsdump;
pub mod sign_in;
pub mod source;
pub mod verifier;

pub use batch::{Answer, Batch, Complete};
pub use nt_hash::NtHash;
pub use record::{Account, Lock, ObjectId, Record};
pub use rules::{Refusal, Rules};
pub use sign_in::Verdict;
pub use verifier::Verifier;
