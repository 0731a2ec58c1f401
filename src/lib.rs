#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

mod accept;
mod bounded_text;
pub mod context;
pub mod crypto;
pub mod delegated;
pub mod error;
mod flags;
pub mod http;
mod identity;
pub mod keys;
pub mod limits;
pub mod manual;
pub mod negotiate;
pub mod observe;
pub mod pac;
pub mod policy;
mod randomness;
pub mod replay;
pub mod sasl;
mod session_identity;
#[cfg(feature = "std")]
mod shared_validator;
mod sid;
mod span;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
#[cfg(feature = "tower")]
pub mod tower;
mod unprinted;
mod validator;
mod well_known_group;
mod wide_text;
mod wire;

pub use accept::{Accepted, Arrival};
pub use context::SecurityContext;
pub use crypto::{EncType, Key};
pub use error::Error;
pub use identity::{AssertedBy, Identity, IdentityRef};
pub use keys::{Account, ComputerAccount, KeySet, Keytab, Password, Salt, ServiceKey};
pub use negotiate::{Answer, Refused};
pub use pac::AccountKind;
pub use policy::Policy;
pub use randomness::Randomness;
pub use session_identity::SessionIdentity;
#[cfg(feature = "std")]
pub use shared_validator::SharedValidator;
pub use sid::{InvalidSid, Sid};
pub use time::UnixTime;
pub use validator::Validator;
pub use well_known_group::WellKnownGroup;
pub use wire::gss::ChannelBindings;
pub use wire::krb5::PrincipalName;

/// The types that one stage passes to the next, for a server that fetches keys or asks a replay store itself.
///
/// [`Validator::read`] → [`Request`](stages::Request) → [`Validator::open`] → [`OpenedTicket`](stages::OpenedTicket) →
/// [`Validator::verify`] → [`VerifiedRequest`](stages::VerifiedRequest) → [`Validator::authorize`] →
/// [`AuthorizedRequest`](stages::AuthorizedRequest) → [`AuthorizedRequest::admit`](stages::AuthorizedRequest::admit) →
/// [`Accepted`].
pub mod stages {
    pub use crate::accept::{AuthorizedRequest, OpenedTicket, Request, VerifiedRequest};
    pub use crate::keys::KeyQuery;
}

/// The facts that the KDC and the client wrote into a request, with the names of RFC 4120.
pub mod ticket {
    pub use crate::accept::{AuthenticatorFacts, BindingState, Framing, OpenedBy, TicketFacts};
    pub use crate::wire::gss::GssFlags;
    pub use crate::wire::krb5::{
        AdType, AddressType, ApOptions, AuthorizationData, AuthorizationElement, ClientTarget, HostAddress,
        HostAddresses, NameType, PrincipalName, TicketFlags,
    };
}

/// Checks that these types are `Send` and `Sync`: a server shares them between threads.
const _: () = {
    const fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Validator<replay::NoReplayCache>>();
    is_send_and_sync::<KeySet>();
    is_send_and_sync::<Policy>();
    is_send_and_sync::<Accepted>();
    is_send_and_sync::<Answer>();
    is_send_and_sync::<Refused>();
    is_send_and_sync::<Error>();
    is_send_and_sync::<Identity>();
    is_send_and_sync::<IdentityRef<'static>>();
    is_send_and_sync::<SessionIdentity>();
    is_send_and_sync::<SecurityContext>();
    is_send_and_sync::<negotiate::Negotiation>();
    is_send_and_sync::<negotiate::Step>();
    is_send_and_sync::<negotiate::Continue>();
    is_send_and_sync::<stages::Request<'static>>();
    is_send_and_sync::<stages::OpenedTicket<'static>>();
    is_send_and_sync::<stages::VerifiedRequest>();
    is_send_and_sync::<stages::AuthorizedRequest>();
    is_send_and_sync::<http::SignInStep>();
    is_send_and_sync::<http::SealingKey>();
    is_send_and_sync::<delegated::DelegatedCredentials>();
    #[cfg(feature = "std")]
    is_send_and_sync::<replay::MemoryReplayCache>();
    #[cfg(feature = "std")]
    is_send_and_sync::<SharedValidator<replay::MemoryReplayCache>>();
    #[cfg(feature = "std")]
    is_send_and_sync::<observe::EtypeCensus>();
    #[cfg(feature = "tower")]
    is_send_and_sync::<tower::NegotiateLayer>();
    #[cfg(feature = "tower")]
    is_send_and_sync::<tower::RequireGroupLayer>();
};
