//! The tests of the library, by stage and check. Each test calls the public API. Unit tests are in `src`, beside the code
//! that they test.

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
