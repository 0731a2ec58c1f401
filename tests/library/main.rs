//! The tests of the library, by stage and check. Each test calls the public API. Unit tests are in `src`, beside the code
//! that they test.
#![cfg_attr(not(feature = "rc4"), allow(dead_code, unused_imports, reason = "tests with RC4 are left out"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "a test fails by a panic"
)]

#[path = "../anatomy/mod.rs"]
mod anatomy;
mod common;
mod pac_support;
#[path = "../recorded/mod.rs"]
mod recorded;
#[path = "../../src/crypto/records.rs"]
mod records;

mod admit;
mod authorize;
mod evidence;
mod log;
mod manual;
mod open;
mod read;
mod verdict;
mod verify;
mod web;
