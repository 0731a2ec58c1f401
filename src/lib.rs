#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod accept;
mod bounded_text;
mod context;
pub mod crypto;
mod delegated;
mod error;
pub mod http;
mod identity;
mod keys;
pub mod limits;
mod negotiate;
pub mod observe;
pub mod pac;
mod policy;
mod randomness;
pub mod replay;
pub mod sasl;
mod sid;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
#[cfg(feature = "tower")]
pub mod tower;
mod validator;
mod wire;

pub use accept::{
    Accepted, AuthenticatorFacts, AuthorizedRequest, BindingState, Connection, Framing, Heard, Negotiation, Offer,
    OpenedBy, OpenedTicket, Request, TicketFacts, VerifiedRequest,
};
pub use context::{MessageError, MessageKey, Protection, SecurityContext, TokenKind};
pub use delegated::{DelegatedCredential, DelegatedCredentials, DelegationError};
pub use error::*;
pub use identity::{AccountKind, AssertedBy, Identity, IdentityRef};
pub use keys::{
    Account, ComputerAccount, KeyQuery, KeySet, Keytab, KeytabEntry, KeytabError, KeytabProblem, Password, Salt,
    ServiceKey,
};
pub use negotiate::{Answer, Next, OfferedMechanism, Outline, Rejection, TokenShape, Turn};
pub use policy::{
    AcceptorSubkeyPolicy, AccountPolicy, AddressPolicy, BindingLevel, DelegationPolicy, ForeignSidPolicy,
    KrbErrorPolicy, KvnoPolicy, PacPolicy, Policy, SEAMLESS_SSO_SERVICES, TransitedPolicy,
};
pub use randomness::Randomness;
pub use sid::{InvalidSid, Sid};
pub use time::UnixTime;
pub use validator::Validator;
pub use wire::certificate::CertificateError;
pub use wire::gss::{ChannelBindings, GssFlags};
pub use wire::krb5::{
    AdType, AddressType, ApOptions, AuthorizationData, AuthorizationElement, HostAddress, HostAddresses, NameType,
    PrincipalName, TicketFlags,
};
