//! Errors: the reason of a refusal, the place to look for its cause, and the remedy.
//!
//! An [`enum@Error`] is for the log and for the administrator. The client gets no such details: see
//! [`Refused`](crate::Refused). No variant holds a key or a plaintext. Variants keep text from a peer only as a
//! [`BoundedText`]. No variant allocates, so that a refusal stays cheap.

mod cause;
mod code;
mod negotiation;
mod remedies;
mod remedy;
mod transited;

pub use crate::bounded_text::BoundedText;
pub use crate::keys::{HeldKey, HeldKeys, HeldRealms, KeyVersion, NoKey, NoKeyCause, WantedKey};
pub use crate::pac::error::{
    AccountCause, DomainClaim, MissingPac, PacError, PacMalformed, PacMismatch, PacProblem, PacSignature,
    SignatureCause,
};
pub use crate::wire::certificate::CertificateError;
pub use crate::wire::der::{Malformed, Problem};
pub use crate::wire::gss::ChecksumCause;
use crate::wire::header::HeaderFault;
pub use crate::wire::header::HeaderProblem;
pub use crate::wire::ntlm::NtlmMessage;
pub use cause::{
    AddressCause, BindingDemand, DelegationKind, EtypeCause, Integrity, KerberosOffer, KeyRole, Misuse, NameCause,
    NamePart, Part, ReplayCacheFault, ReplayCause, ServiceClaim,
};
pub use code::Blame;
pub use negotiation::{InvalidNegotiation, NegotiationCause};
pub use remedy::Remedy;
pub use transited::{TransitedCause, TransitedFault, TransitedRealms};

use crate::crypto::EncType;
use crate::replay::ReplayLimit;
use crate::sid::Sid;
use crate::time::UnixTime;
use cause::full_phrase;
use thiserror::Error;

/// The reason why a request was refused.
///
/// [`code`](Self::code) is a name for programs, and [`blame`](Self::blame) is the place to look for the cause. `Display` is a
/// sentence for the log, and [`remedy`](Self::remedy) says what an administrator can do. The manual has a page
/// with [every code](crate::manual::codes).
///
/// ```
/// use kerberos_sso::{Error, Refused};
///
/// /// Returns the advice on the page that a refused user sees.
/// fn advice(refused: &Refused) -> &'static str {
///     match refused.error() {
///         Error::ClockSkew { .. } => "The clock of your computer is wrong.",
///         Error::TicketExpired { .. } => "Lock and unlock your computer, then try again.",
///         _ => "Please sign in with your password.",
///     }
/// }
/// # #[cfg(feature = "testing")] {
/// # use kerberos_sso::{Policy, Validator, replay::NoReplayCache, testing::TestRealm};
/// # let realm = TestRealm::new("CONTOSO.TEST");
/// # let validator = Validator::new(realm.key_set(), Policy::default(), NoReplayCache);
/// # let late = TestRealm::NOW.saturating_add_seconds(301);
/// # let refused = validator.validate_ticket(&realm.ticket_for("alice").sent_at(late).mint(), TestRealm::NOW).unwrap_err();
/// # assert_eq!(advice(&refused), "The clock of your computer is wrong.");
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The header is not `Negotiate` with a token.
    #[error("the Authorization header is not \"Negotiate\" with a token: {0}")]
    NotNegotiate(HeaderProblem),
    /// The message does not have the form that its specification demands.
    #[error("the message is malformed: {0}")]
    Malformed(Malformed),
    /// The token has more octets than the limit.
    #[error("the token has {size} octets, more than the limit of {limit}")]
    TooLarge {
        /// The number of octets of the token. For a token in a header, the number also counts the padding of the
        /// base64, so it can be too large by one or two.
        size: usize,
        /// The limit: [`Policy::max_token_size`](crate::Policy::max_token_size).
        limit: usize,
    },

    /// The client answered with NTLM.
    #[error("the client sent NTLM ({message}) instead of a Kerberos ticket{}", .offer.phrase())]
    Ntlm {
        /// The kind of NTLM message that the client sent.
        message: NtlmMessage,
        /// Whether the client also offered Kerberos.
        offer: KerberosOffer,
    },
    /// The client answered with NegoEx, in practice with PKU2U or a mechanism for Microsoft accounts.
    #[error("the client sent NegoEx instead of a Kerberos ticket{}", .offer.phrase())]
    NegoEx {
        /// Whether the client also offered Kerberos.
        offer: KerberosOffer,
    },
    /// The client reaches no KDC and asks this server to relay its messages to a KDC (IAKERB).
    #[error("the client sent IAKERB: it has no ticket and asks this server to relay its messages to a KDC")]
    Iakerb,
    /// The client offers mechanisms, but does not offer Kerberos.
    #[error("the client offers other mechanisms than Kerberos ({mechanisms} in all)")]
    NoKerberos {
        /// The number of mechanisms that the client offers.
        mechanisms: usize,
    },
    /// The client offers Kerberos, but sent no ticket with its offer.
    #[error("the client offers Kerberos but sent no ticket with its first message")]
    NoToken,
    /// The ticket is encrypted under the session key of a TGT of this server (user-to-user). This crate does not support
    /// such a ticket.
    #[error(
        "the client asks for user-to-user authentication, which would need a ticket-granting ticket of this server"
    )]
    UserToUser,

    /// A key is of an encryption type that this crate does not support, or that the policy does not list.
    #[error("the {role} is of type {etype}, which {cause}")]
    UnsupportedEtype {
        /// The role of the key.
        role: KeyRole,
        /// The encryption type of the key.
        etype: EncType,
        /// The reason why the type is not accepted.
        cause: EtypeCause,
    },
    /// A key is for RC4. The policy does not allow RC4 (see `Policy::allow_rc4`), or this build does not have RC4 (the
    /// feature `rc4`).
    #[cfg_attr(feature = "rc4", error("the {role} is RC4 (rc4-hmac, 23), which the policy does not allow"))]
    #[cfg_attr(not(feature = "rc4"), error("the {role} is RC4 (rc4-hmac, 23), which this build does not have"))]
    Rc4Refused {
        /// The role of the RC4 key.
        role: KeyRole,
    },
    /// The server holds no key that could have opened the ticket.
    #[error("{0}")]
    NoKey(NoKey),
    /// The server holds keys of the right account and type in other versions only, and none of these keys opened the
    /// ticket.
    #[error("{0}")]
    KeyVersion(KeyVersion),
    /// A ciphertext of the request did not verify under any key that was tried.
    #[error("{0}")]
    Integrity(Integrity),

    /// The request is for a service that the policy does not list.
    #[error("{claim} the service {service}, which is not among the services that the policy accepts")]
    ServiceRefused {
        /// The part of the request that names the service.
        claim: ServiceClaim,
        /// The service that the request names.
        service: BoundedText,
    },
    /// The client's name is empty or anonymous, so it identifies no user.
    #[error("the client name {name:?} is refused: {cause}")]
    NameRefused {
        /// The client's name, with `/` between the components.
        name: BoundedText,
        /// The reason why the name is refused.
        cause: NameCause,
    },
    /// The account whose key opened the ticket may not vouch for users of the client's realm.
    #[error("the ticket names a user of realm {realm}, and the account {account} may not vouch for that realm")]
    UntrustedRealm {
        /// The client's realm in the ticket.
        realm: BoundedText,
        /// The account whose key opened the ticket.
        account: BoundedText,
    },
    /// The authenticator and the ticket name different clients.
    #[error("the client {0} in the authenticator is not the client {0} in the ticket")]
    ClientMismatch(NamePart),
    /// The authenticator's time is too far from the arrival time.
    #[error(
        "the client's clock is {} s {} this server's (client {client}, server {server}; {allowed_seconds} s are allowed)",
        .client.seconds_since(*.server).unsigned_abs(),
        if .client > .server { "ahead of" } else { "behind" }
    )]
    ClockSkew {
        /// The authenticator's time.
        client: UnixTime,
        /// The arrival time that the caller gave.
        server: UnixTime,
        /// The allowed clock skew in whole seconds. The client's time may be earlier or later than `server` by at most
        /// this skew.
        allowed_seconds: i64,
    },
    /// The ticket has expired.
    #[error("the ticket expired at {end}, {} s before {now}", .now.seconds_since(*.end))]
    TicketExpired {
        /// The ticket's endtime.
        end: UnixTime,
        /// The arrival time that the caller gave.
        now: UnixTime,
    },
    /// The ticket is not valid yet.
    #[error("the ticket is valid only from {start}, {} s after {now}", .start.seconds_since(*.now))]
    TicketNotYetValid {
        /// The ticket's starttime, or its authtime if it has no starttime.
        start: UnixTime,
        /// The arrival time that the caller gave.
        now: UnixTime,
    },
    /// The ticket is postdated, and no KDC has validated it.
    #[error("the ticket has the INVALID flag: it is postdated, and no KDC has validated it")]
    TicketInvalid,
    /// The ticket's lifetime is longer than the policy allows, or the ticket ends before it starts.
    #[error("the ticket's lifetime is {seconds} s, and {limit_seconds} s are allowed")]
    TicketLifetime {
        /// The seconds from the ticket's start to its end. The number is negative if the ticket ends before it starts.
        seconds: i64,
        /// The limit in seconds: [`Policy::max_ticket_lifetime`](crate::Policy::max_ticket_lifetime) plus one clock skew.
        limit_seconds: i64,
    },
    /// The ticket may be used only from the addresses that it lists, and it does not list the client's address.
    #[error("the ticket may be used from certain addresses only, and {0}")]
    AddressMismatch(AddressCause),
    /// The KDC did not check the realms on the ticket's authentication path, and the policy does not allow this path.
    #[error(
        "the ticket came through other realms, which the KDC did not check (TRANSITED-POLICY-CHECKED is not set), and {0}"
    )]
    Transited(TransitedCause),
    /// The authorization data holds a critical element of a type that this crate does not know.
    #[error("the {part} carries critical authorization data of type {ad_type}, which this server does not understand")]
    AuthorizationData {
        /// The part of the request that holds the element.
        part: Part,
        /// The ad-type of the element.
        ad_type: i32,
    },
    /// The authenticator's checksum is unkeyed, malformed or wrong.
    #[error("the authenticator's checksum is refused: {0}")]
    Checksum(ChecksumCause),
    /// The client's channel bindings do not belong to the channel on which the request came.
    #[error("the channel bindings do not match this connection: the request was made for another TLS channel")]
    ChannelBinding,
    /// The client sent no channel bindings, and the policy demands them.
    #[error("the client sent no channel bindings, and the policy demands them ({0})")]
    ChannelBindingMissing(BindingDemand),
    /// The ticket is delegated, and the policy refuses delegated tickets.
    #[error("the ticket is delegated ({0}), which the policy refuses")]
    Delegation(DelegationKind),

    /// The policy demands a PAC with the user's SID, and the ticket has no such PAC.
    #[error("{0}, and the policy demands one")]
    PacMissing(MissingPac),
    /// The PAC does not have the form that MS-PAC demands.
    #[error("the PAC is malformed: {0}")]
    PacMalformed(PacMalformed),
    /// A signature of the PAC is missing or does not verify.
    #[error("the PAC cannot be trusted: {0}")]
    PacSignature(PacSignature),
    /// The PAC contradicts the ticket that carries it, or contradicts itself.
    #[error("the PAC does not belong to this ticket: {0}")]
    PacMismatch(PacMismatch),
    /// The account whose key opened the ticket may not vouch for SIDs of this domain.
    #[error(
        "the PAC claims {claim} of another forest ({sid}), and the account {account} may not vouch for the domain of that SID"
    )]
    UntrustedDomain {
        /// The part of the PAC that names the domain.
        claim: DomainClaim,
        /// The SID that the PAC claims.
        sid: Sid,
        /// The account whose key opened the ticket.
        account: BoundedText,
    },
    /// The policy does not let accounts of this kind sign in.
    #[error("the account {name:?} ({sid}) may not sign in here: {cause}")]
    AccountRefused {
        /// The account's name.
        name: BoundedText,
        /// The account's SID.
        sid: Sid,
        /// The reason why the policy refuses the account.
        cause: AccountCause,
    },

    /// The client's later tokens do not complete the negotiation.
    #[error("the negotiation failed: {0}")]
    Negotiation(NegotiationCause),

    /// This authenticator was admitted before, or the replay cache cannot tell whether it was.
    #[error("this authenticator was used before{}", .0.phrase())]
    Replay(ReplayCause),
    /// The replay cache has no room for another live entry: it is full, or the client has used up its share.
    #[error("{}, so this request cannot be distinguished from a replay", full_phrase(*.0))]
    ReplayCacheFull(ReplayLimit),
    /// The replay cache could not decide whether the authenticator was used before.
    #[error("{0}, so this request cannot be distinguished from a replay")]
    ReplayCacheFailed(ReplayCacheFault),

    /// The caller's configuration contradicts itself. No client can cause this error.
    #[error("the program that uses this validator made a mistake: {0}")]
    Misuse(Misuse),
}

impl From<HeaderFault> for Error {
    fn from(fault: HeaderFault) -> Self {
        match fault {
            HeaderFault::Problem(problem) => Self::NotNegotiate(problem),
            HeaderFault::TooLarge { size, limit } => Self::TooLarge { size, limit },
        }
    }
}

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<PacMalformed> for Error {
    fn from(malformed: PacMalformed) -> Self {
        Self::PacMalformed(malformed)
    }
}

impl From<PacError> for Error {
    #[cold]
    fn from(error: PacError) -> Self {
        match error {
            PacError::Malformed(malformed) => Self::PacMalformed(malformed),
            PacError::Signature(signature) => Self::PacSignature(signature),
        }
    }
}

#[cfg(test)]
mod tests;
