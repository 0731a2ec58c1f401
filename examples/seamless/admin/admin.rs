//! Creates the account of the sign-in server in Active Directory, replaces its key, and reports its faults. The program
//! is `seamless-admin`.
//!
//! Each command is a function that works through [`Tools`](tools::Tools): the directory, the KDCs, the nodes, the files
//! and the clock. `enable` and `rollover` may be killed at each call of these tools, and the next run finishes the
//! work.

pub mod address;
pub mod arguments;
pub mod clock;
pub mod config_file;
pub mod directory;
pub mod disable;
pub mod enable;
pub mod failure;
pub mod files;
pub mod journal;
pub mod kdc;
pub mod keytab_file;
pub mod ldap;
mod ldap_entry;
pub mod ldap_error;
pub mod ldap_name;
pub mod lock;
pub mod node;
pub mod password;
pub mod preflight;
pub mod proof;
pub mod prune;
pub mod replication;
pub mod retirement;
pub mod rollover;
pub mod run;
pub mod security_descriptor;
pub mod status;
pub mod steps;
mod terminal;
pub mod tls;
pub mod tools;
pub mod well_known;

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::unreachable,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::struct_excessive_bools,
    reason = "a test may panic"
)]
mod model;
