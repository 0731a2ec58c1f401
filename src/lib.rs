#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod accept;
mod bounded_text;
pub mod context;
pub mod crypto;
pub mod delegated;
pub mod error;
mod flags;
pub mod http;
mod identity;
pub mod keys;
pub mod limits;
pub mod negotiate;
pub mod observe;
pub mod pac;
pub mod policy;
mod randomness;
pub mod replay;
pub mod sasl;
mod session_identity;
mod sid;
mod span;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
#[cfg(feature = "tower")]
pub mod tower;
mod unprinted;
mod validator;
mod well_known_group;
