//! Tests of the fourth stage: the PAC, and the users and groups that the server accepts in tickets under an account's
//! keys.

mod bounds;
mod pac_malformed;
mod pac_rare;
mod pac_recorded;
mod pac_serde;
mod pac_ticket;
mod pac_windows;
