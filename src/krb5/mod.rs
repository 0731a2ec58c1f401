//! The messages of RFC 4120 as borrowed views: parsed, not believed.
//!
//! Bytes in, structures of slices out. Nothing here decrypts, compares with a clock, or decides anything.

mod ap_req;
mod auth_data;
mod authenticator;
mod enc_ticket_part;
mod encrypted_data;
mod flags;
mod host_address;
mod principal;
mod ticket;

pub(crate) use ap_req::ApReq;
pub use auth_data::{AdType, AuthorizationData, AuthorizationElement};
pub(crate) use authenticator::{Authenticator, Checksum};
pub(crate) use enc_ticket_part::EncTicketPart;
pub(crate) use encrypted_data::{EncryptedData, EncryptionKey};
pub use flags::{ApOptions, TicketFlags};
pub use host_address::{AddressType, HostAddress, HostAddresses};
pub use principal::{NameType, PrincipalName};
pub(crate) use ticket::Ticket;
