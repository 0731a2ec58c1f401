//! What the library takes of the heap. These tests have a program of their own, since a log's subscriber takes some as well.

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
mod pac;
