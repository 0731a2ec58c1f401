//! Validates Kerberos tickets without any I/O.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod crypto;
mod der;
mod time;
