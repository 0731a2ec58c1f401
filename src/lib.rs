#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod accept;
mod ccache;
mod certificate;
mod context;
pub mod crypto;
mod delegated;
mod der;
mod error;
mod excerpt;
mod gss;
mod header;
pub mod http;
mod identity;
mod keys;
mod krb5;
pub mod limits;
mod mechanism;
pub mod observe;
pub mod pac;
mod policy;
mod randomness;
pub mod replay;
pub mod sasl;
mod sid;
mod spnego;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
#[cfg(feature = "tower")]
pub mod tower;
mod validator;

pub use accept::{
    Accepted, Answer, AuthenticatorFacts, AuthorizedRequest, BindingState, Connection, Framing, Heard, Negotiation,
    Next, Offer, OfferedMechanism, OpenedBy, OpenedTicket, Outline, Rejection, Request, TicketFacts, TokenShape, Turn,
    VerifiedRequest,
};
pub use certificate::CertificateError;
pub use context::{MessageError, MessageKey, Protection, SecurityContext, TokenKind};
pub use delegated::{DelegatedCredential, DelegatedCredentials, DelegationError};
pub use error::*;
pub use gss::{ChannelBindings, GssFlags};
pub use identity::{AccountKind, AssertedBy, Identity, IdentityRef};
pub use keys::{
    Account, ComputerAccount, KeyQuery, KeySet, Keytab, KeytabEntry, KeytabError, KeytabProblem, Password, Salt,
    ServiceKey,
};
pub use krb5::{
    AdType, AddressType, ApOptions, AuthorizationData, AuthorizationElement, HostAddress, HostAddresses, NameType,
    PrincipalName, TicketFlags,
};
pub use policy::{
    AcceptorSubkeyPolicy, AccountPolicy, AddressPolicy, BindingLevel, DelegationPolicy, ForeignSidPolicy,
    KrbErrorPolicy, KvnoPolicy, PacPolicy, Policy, SEAMLESS_SSO_SERVICES, TransitedPolicy,
};
pub use randomness::Randomness;
pub use sid::{InvalidSid, Sid};
pub use time::UnixTime;
pub use validator::Validator;
