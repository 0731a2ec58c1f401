//! Second stage: the keys of a server, and the keys that open a ticket.

mod crypto;
mod key_selection;
mod key_set;
mod keytab;
