//! Fourth stage: the PAC, and what the account's keys may vouch for.

mod bounds;
mod pac_malformed;
mod pac_rare;
mod pac_recorded;
mod pac_serde;
mod pac_ticket;
mod pac_windows;
