//! The messages of RFC 4120: parsed but unverified views of received messages, and the messages that a server writes.

mod ap_rep;
mod ap_req;
mod auth_data;
mod authenticator;
mod client_target;
mod enc_krb_cred_part;
mod enc_ticket_part;
mod encrypted_data;
mod etype_list;
mod flags;
mod host_address;
mod krb_cred;
mod krb_error;
mod principal;
mod ticket;
mod transited;

pub(crate) use ap_rep::{ApRep, EncApRepPart};
pub(crate) use ap_req::ApReq;
pub use auth_data::{AdType, AuthorizationData, AuthorizationElement};
pub(crate) use authenticator::{Authenticator, Checksum};
pub use client_target::ClientTarget;
pub(crate) use enc_krb_cred_part::{EncKrbCredPart, KrbCredInfo};
pub(crate) use enc_ticket_part::EncTicketPart;
pub(crate) use encrypted_data::{EncryptedData, EncryptionKey};
pub(crate) use etype_list::EtypeList;
pub use flags::{ApOptions, TicketFlags};
pub use host_address::{AddressType, HostAddress, HostAddresses};
pub(crate) use krb_cred::{KrbCred, Tickets};
pub(crate) use krb_error::KrbError;
pub use principal::{NameType, PrincipalName};
pub(crate) use ticket::Ticket;
pub(crate) use transited::TransitedEncoding;
