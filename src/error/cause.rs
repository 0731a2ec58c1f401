//! The causes of refusals: the part of a request that is wrong, and the reason.

use crate::bounded_text::BoundedText;
use crate::crypto::EncType;
use crate::keys::{AccountAndMore, LeftOut};
use crate::replay::ReplayLimit;
use thiserror::Error;

/// Whether a client that chose another mechanism also offered Kerberos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KerberosOffer {
    /// The client also offered Kerberos, and can use it if the server asks for it.
    AlsoOffered,
    /// The client did not offer Kerberos.
    NotOffered,
}

impl KerberosOffer {
    pub(super) const fn phrase(self) -> &'static str {
        match self {
            Self::AlsoOffered => ", though it offers Kerberos as well",
            Self::NotOffered => "",
        }
    }
}

/// The role of a key in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum KeyRole {
    /// The service's key, under which the ticket is encrypted.
    #[error("ticket's encryption")]
    Ticket,
    /// The session key in the ticket, under which the authenticator is encrypted.
    #[error("session key")]
    Session,
    /// The subkey that the client chose for the messages that follow.
    #[error("client's subkey")]
    Subkey,
}

/// The reason why an encryption type is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EtypeCause {
    /// This crate does not implement the type: it is obsolete or unknown.
    #[error("this server does not support")]
    NotImplemented,
    /// The policy does not list the type.
    #[error("the policy does not list")]
    Policy,
}

/// The ciphertext that did not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "a box would allocate, and a refusal must not allocate")]
pub enum Integrity {
    /// The ticket did not verify under any of the tried keys.
    #[error(
        "the ticket for {service} does not open under {} of type {etype} for realm {realm}{}: the keys tried are those of {}{}",
        match (*.tried, *.left_out) {
            (1, 0) => "the one key held",
            (_, 0) => "any of the keys held",
            _ => "any of the keys tried",
        },
        match (.kvno, *.tried) {
            (Some(_), 1) => " (that key has the version that the ticket names)",
            (Some(_), _) => " (one of them has the version that the ticket names)",
            (None, _) => "",
        },
        AccountAndMore(account, *.accounts),
        LeftOut(*.left_out)
    )]
    Ticket {
        /// The service that the ticket names, with `/` between the components. Nothing protects that name.
        service: BoundedText,
        /// The ticket's realm.
        realm: BoundedText,
        /// The ticket's encryption type.
        etype: EncType,
        /// The key version that the ticket names, if a key of that version was tried.
        kvno: Option<u32>,
        /// The account whose keys were tried first.
        account: BoundedText,
        /// The number of accounts whose keys were tried.
        accounts: usize,
        /// The number of different keys that were tried.
        tried: usize,
        /// The number of keys that were held but not tried, because of the limit
        /// [`MAX_CANDIDATE_KEYS`](crate::limits::MAX_CANDIDATE_KEYS). Each account beyond
        /// [`MAX_UNNAMED_ACCOUNTS`](crate::limits::MAX_UNNAMED_ACCOUNTS) counts as one key. The number is zero if all keys of
        /// accounts that name the service were tried.
        left_out: usize,
        /// Whether `account` is a service principal that does not name the ticket's service (see
        /// [`KeyVersion`](crate::error::KeyVersion::of_another_principal)).
        of_another_principal: bool,
    },
    /// The ticket opened, but the authenticator did not verify under the session key in the ticket.
    #[error(
        "the authenticator does not verify under the ticket's session key: its sender does not hold that key, or an \
         attacker changed the authenticator"
    )]
    Authenticator,
}

/// The part of a request that names the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ServiceClaim {
    /// The unencrypted fields of the ticket name the service. Nothing protects that name.
    #[error("the ticket is for")]
    Ticket,
    /// The client names the service in its authenticator (KERB_AUTH_DATA_CLIENT_TARGET). The authenticator protects that
    /// name: the client made the request for that service.
    #[error("the client made its authenticator for")]
    ClientTarget,
}

/// The reason why a client's name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NameCause {
    /// The name has no component, or one of its components is empty.
    #[error("the name is empty or has an empty component")]
    Empty,
    /// The name is WELLKNOWN/ANONYMOUS, the realm is the anonymous realm, or the ticket's anonymous flag is set (RFC
    /// 8062).
    #[error("the name is anonymous")]
    Anonymous,
}

/// The client's name or the client's realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NamePart {
    /// The client's name (`cname`).
    #[error("name")]
    Name,
    /// The client's realm (`crealm`).
    #[error("realm")]
    Realm,
}

/// The reason why a client's address is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddressCause {
    /// The ticket does not list the client's address.
    #[error("the client's address is not one of these addresses")]
    NotListed,
    /// The ticket lists addresses, but no IP address. For example, Windows clients list NetBIOS names only.
    #[error("none of the addresses is an IP address: Windows lists the client's NetBIOS name")]
    NoIpAddress,
    /// The caller did not give the client's address.
    #[error("the client's address is not known")]
    Unknown,
}

/// An encrypted part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Part {
    /// The EncTicketPart, which the KDC wrote.
    #[error("ticket")]
    Ticket,
    /// The Authenticator, which the client wrote.
    #[error("authenticator")]
    Authenticator,
}

/// The reason why channel bindings were demanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BindingDemand {
    /// The policy demands bindings of every client ([`BindingLevel::Require`](crate::policy::BindingLevel::Require)).
    #[error("every client must send bindings")]
    Required,
    /// The client sent no bindings, although its KERB_AP_OPTIONS announce bindings or cannot be read.
    #[error("the client announces that it sends bindings")]
    Advertised,
}

/// The way in which a ticket is delegated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DelegationKind {
    /// The ticket has the FORWARDED flag: the client got it with a forwarded TGT.
    #[error("forwarded")]
    Forwarded,
    /// The ticket has the PROXY flag.
    #[error("proxy")]
    Proxy,
    /// Another service uses the ticket in the user's name: S4U2Proxy (S4U_DELEGATION_INFO in the PAC).
    #[error("constrained delegation: another service uses the ticket in the user's name")]
    ConstrainedDelegation,
    /// A service asserted the user's identity, and the user did not authenticate to the KDC: S4U2Self (S-1-18-2 in the
    /// PAC).
    #[error("protocol transition: a service asserted the user's identity")]
    ServiceAsserted,
}

/// The reason why a request counts as a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayCause {
    /// The same authenticator was admitted before.
    Seen,
    /// The replay cache started after the request, or the cache's clock was set back after the request. The cache cannot
    /// tell whether it admitted the authenticator before.
    OlderThanCache,
}

impl ReplayCause {
    pub(super) const fn phrase(self) -> &'static str {
        match self {
            Self::Seen => "",
            Self::OlderThanCache => ", or may have been used: it is older than the replay cache's memory",
        }
    }
}

pub(super) const fn full_phrase(limit: ReplayLimit) -> &'static str {
    match limit {
        ReplayLimit::Cache => "the replay cache is full",
        ReplayLimit::ClientShare => "the client has used up its share of the replay cache",
    }
}

/// The reason why a replay cache could not tell whether a request is a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReplayCacheFault {
    /// The replay cache gave no answer.
    #[error("the replay cache did not answer")]
    NoAnswer,
    /// The policy's clock skew is longer than the replay cache's clock skew. The cache would forget authenticators that
    /// the policy still accepts.
    #[error(
        "the policy's clock skew of {policy_seconds} seconds is longer than the {cache_seconds} seconds for which the replay \
         cache remembers"
    )]
    ClockSkew {
        /// The policy's clock skew in seconds: [`Policy::clock_skew`](crate::Policy::clock_skew).
        policy_seconds: i64,
        /// The clock skew, in seconds, for which the replay cache was made.
        cache_seconds: i64,
    },
}

/// A mistake in the caller's configuration of the validator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Misuse {
    /// The policy has the level [`Require`](crate::policy::BindingLevel::Require) or
    /// [`IfAdvertised`](crate::policy::BindingLevel::IfAdvertised), but the caller gave no channel binding.
    #[error("the policy demands channel bindings, and the caller gave none")]
    NoBindings,
}
