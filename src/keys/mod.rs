//! The keys that a server holds, and the selection of the keys that may open a ticket.
//!
//! A [`KeySet`] is made from keytabs, raw keys or passwords, and is cheap to share and to replace. A key set may hold a
//! million accounts, because an account that no client uses takes little memory. A key is prepared once, when the first
//! ticket verifies with this key.

mod account;
mod computer_account;
mod diagnosis;
mod duplicate;
mod encode_keytab;
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
