//! Tests of the library's use of the heap. These tests are a separate program that has no subscriber of the log,
//! because a subscriber would use the heap too.

#[path = "../anatomy/mod.rs"]
mod anatomy;
#[path = "../library/common/mod.rs"]
mod common;
#[path = "../library/pac_support/mod.rs"]
mod pac_support;
#[path = "../recorded/mod.rs"]
mod recorded;

mod allocations;
mod keys;
mod negotiation;
mod pac;
