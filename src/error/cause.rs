//! The facts of single refusals: which message, which name, which proof, and what is wrong with it.

use crate::bounded_text::BoundedText;
use crate::crypto::EncType;
use crate::replay::ReplayLimit;
use thiserror::Error;

/// Whether a client that chose another mechanism offered Kerberos too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KerberosOffer {
    /// It did: it would speak Kerberos if asked to.
    AlsoOffered,
    /// It did not.
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

/// Which of the keys of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum KeyRole {
    /// The service's key, which the ticket is encrypted in.
    #[error("ticket's encryption")]
    Ticket,
    /// The key in the ticket, which the authenticator is encrypted in.
    #[error("session key")]
    Session,
    /// The key the client chose for what follows.
    #[error("client's subkey")]
    Subkey,
}

/// Why an etype is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EtypeCause {
    /// This crate does not have it: obsolete, or unknown.
    #[error("this server does not support")]
    NotImplemented,
    /// The policy does not list it.
    #[error("the policy leaves out")]
    Policy,
}

/// Which ciphertext did not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Integrity {
    /// The ticket, under every key that could be its.
    #[error(
        "the ticket does not open under {} of type {etype} for realm {realm}{}{}",
        match (*.tried, *.left_out) {
            (1, 0) => "the one key held",
            (_, 0) => "any of the keys held",
            _ => "any of the keys tried",
        },
        match .kvno { Some(_) => " (a key of the very version it names was among them)", None => "" },
        if *.left_out > 0 { "; more keys are held than are tried: name the services of the accounts" } else { "" }
    )]
    Ticket {
        /// The ticket's realm.
        realm: BoundedText,
        /// The ticket's etype.
        etype: EncType,
        /// The version that the ticket names and that was held and tried, if it was.
        kvno: Option<u32>,
        /// How many different keys were tried.
        tried: usize,
        /// How many more were held, beyond [`MAX_CANDIDATE_KEYS`](crate::limits::MAX_CANDIDATE_KEYS).
        left_out: usize,
    },
    /// The ticket opens; the authenticator does not verify under the session key in it.
    #[error(
        "the authenticator does not verify under the ticket's session key: whoever sent it does not hold that key, or it was changed on the way"
    )]
    Authenticator,
}

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NameCause {
    /// No components, or an empty one.
    #[error("it is empty or has an empty component")]
    Empty,
    /// WELLKNOWN/ANONYMOUS, the anonymous realm, or the anonymous flag (RFC 8062).
    #[error("it is anonymous")]
    Anonymous,
}

/// The parts of a client's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NamePart {
    /// cname.
    #[error("name")]
    Name,
    /// crealm.
    #[error("realm")]
    Realm,
}

/// Why an address does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddressCause {
    /// The client's is not listed.
    #[error("the client's is not among them")]
    NotListed,
    /// The caller did not say which the client's is.
    #[error("the client's address is not known")]
    Unknown,
}

/// The two decrypted parts of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Part {
    /// EncTicketPart, by the KDC.
    #[error("ticket")]
    Ticket,
    /// Authenticator, by the client.
    #[error("authenticator")]
    Authenticator,
}

/// Why channel bindings were demanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BindingDemand {
    /// [`BindingLevel::Require`](crate::BindingLevel::Require).
    #[error("every client must bind")]
    Required,
    /// The client says in KERB_AP_OPTIONS that it binds, yet sent none.
    #[error("the client says that it binds")]
    Advertised,
}

/// What about a ticket is delegated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DelegationKind {
    /// The FORWARDED flag: it came of a forwarded TGT.
    #[error("forwarded")]
    Forwarded,
    /// The PROXY flag.
    #[error("proxy")]
    Proxy,
    /// S4U2Proxy: another service uses it in the user's name (S4U_DELEGATION_INFO in the PAC).
    #[error("constrained delegation: another service uses it in the user's name")]
    ConstrainedDelegation,
    /// S4U2Self: a service said who the user is, the user proved nothing (S-1-18-2 in the PAC).
    #[error("protocol transition: a service said who the user is")]
    ServiceAsserted,
}

/// Why a request counts as a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayCause {
    /// The same authenticator was admitted.
    Seen,
    /// It is older than what the cache remembers: from before its start, or from before its clock was set back.
    OlderThanCache,
}

impl ReplayCause {
    pub(super) const fn phrase(self) -> &'static str {
        match self {
            Self::Seen => "",
            Self::OlderThanCache => ", or may have been: it is older than what the replay cache remembers",
        }
    }
}

pub(super) const fn full_phrase(limit: ReplayLimit) -> &'static str {
    match limit {
        ReplayLimit::Cache => "the replay cache is full",
        ReplayLimit::ClientShare => "the client has used up its share of the replay cache",
    }
}

/// What the caller did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Misuse {
    /// [`BindingLevel::Require`](crate::BindingLevel::Require) or `IfAdvertised`, and no binding of the server's own.
    #[error("the policy demands channel bindings and the connection was given none")]
    NoBindings,
}
