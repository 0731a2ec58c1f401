//! The keys that a server holds, and which of them may open a ticket.
//!
//! In: keytabs, raw keys, passwords. Out: a [`KeySet`], which is cheap to share and to replace. It holds a million accounts as
//! well as one: an account that no client signs in to takes little memory. A key is prepared once, when the first ticket
//! verifies under it.

mod account;
mod computer_account;
mod diagnosis;
mod duplicate;
mod from_keytab;
mod key_set;
mod keytab;
mod password;
mod select;
mod service_key;
mod trust;

pub use account::Account;
use account::Directory;
pub use computer_account::ComputerAccount;
pub(crate) use diagnosis::{AccountAndMore, LeftOut};
pub use diagnosis::{HeldKey, HeldKeys, HeldRealms, KeyVersion, NoKey, NoKeyCause, WantedKey};
pub use duplicate::DuplicateAccount;
pub use key_set::KeySet;
pub use keytab::{Keytab, KeytabEntry, KeytabError, KeytabProblem, UnusableEntry};
pub use password::{Password, Salt};
pub use select::KeyQuery;
pub(crate) use select::{Candidates, no_key_diagnosis, not_opened_diagnosis};
pub use service_key::ServiceKey;
pub(crate) use trust::TicketBounds;
