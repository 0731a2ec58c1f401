//! Why a request was refused: what happened, who can mend it, and how.
//!
//! An [`enum@Error`] is for the log and the administrator. What goes back to the client is decided elsewhere and says less.
//! No variant holds a key, a plaintext, or more of a stranger's text than an [`BoundedText`]; none allocates, so that
//! refusing stays cheap.

mod cause;
mod code;
mod negotiation;
mod pac;
mod remedy;

pub use crate::bounded_text::BoundedText;
pub use crate::keys::{HeldKey, HeldKeys, KeyVersion, NoKey, NoKeyCause, WantedKey};
pub use crate::wire::certificate::CertificateError;
pub use crate::wire::der::{Malformed, Problem};
pub use crate::wire::gss::ChecksumCause;
use crate::wire::header::HeaderFault;
pub use crate::wire::header::HeaderProblem;
pub use crate::wire::ntlm::NtlmMessage;
pub use cause::{
    AddressCause, BindingDemand, DelegationKind, EtypeCause, Integrity, KerberosOffer, KeyRole, Misuse, NameCause,
    NamePart, Part, ReplayCause,
};
pub use code::Blame;
pub use negotiation::{InvalidNegotiation, NegotiationCause};
pub use pac::{
    AccountCause, DomainClaim, MissingPac, PacMalformed, PacMismatch, PacProblem, PacSignature, SignatureCause,
};

use crate::crypto::EncType;
use crate::replay::ReplayLimit;
use crate::sid::Sid;
use crate::time::UnixTime;
use cause::full_phrase;
use thiserror::Error;

/// Why a request was refused.
///
/// [`code`](Self::code) names it for programs, [`blame`](Self::blame) says where to look, `Display` is a sentence for
/// whoever reads the log, and [`remedy`](Self::remedy) tells what to do where that is known.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The header is not `Negotiate` and a token.
    #[error("the Authorization header is not \"Negotiate\" with a token: {0}")]
    NotNegotiate(HeaderProblem),
    /// Bytes that are not what the protocol says.
    #[error("the message is malformed: {0}")]
    Malformed(Malformed),
    /// More bytes than the limit, before anything was read.
    #[error("the token has {size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// Bytes of the token, or the most a header of this length can decode to.
        size: usize,
        /// [`Policy::max_token_size`](crate::Policy::max_token_size).
        limit: usize,
    },

    /// The client answered with NTLM.
    #[error("the client sent NTLM ({message}) instead of a Kerberos ticket{}", .offer.phrase())]
    Ntlm {
        /// Which of its messages.
        message: NtlmMessage,
        /// Whether it offered Kerberos besides.
        offer: KerberosOffer,
    },
    /// The client answered with NegoEx, in practice PKU2U or a live-ID mechanism.
    #[error("the client sent NegoEx instead of a Kerberos ticket{}", .offer.phrase())]
    NegoEx {
        /// Whether it offered Kerberos besides.
        offer: KerberosOffer,
    },
    /// The client has no line of sight to a KDC and asks us to pass its messages on.
    #[error("the client sent IAKERB: it has no ticket and asks this server to relay its messages to a KDC")]
    Iakerb,
    /// The client offers mechanisms, none of which is Kerberos.
    #[error("the client offers {mechanisms} mechanisms, and Kerberos is not among them")]
    NoKerberos {
        /// How many it offers.
        mechanisms: usize,
    },
    /// The client offers Kerberos but sent no ticket with its offer.
    #[error("the client offers Kerberos but sent no ticket with its first message")]
    NoToken,
    /// The ticket is encrypted in the session key of a TGT of ours.
    #[error("the client asks for user-to-user authentication, which needs a ticket-granting ticket of this server")]
    UserToUser,

    /// An etype that this crate does not have, or that the policy leaves out.
    #[error("the {role} is of type {etype}, which {cause}")]
    UnsupportedEtype {
        /// Which of the keys.
        role: KeyRole,
        /// Its type.
        etype: EncType,
        /// Why it is not taken.
        cause: EtypeCause,
    },
    /// RC4 without `Policy::allow_rc4`, or in a build without the feature `rc4`.
    #[cfg_attr(feature = "rc4", error("the {role} is RC4 (rc4-hmac, 23), which the policy does not allow"))]
    #[cfg_attr(not(feature = "rc4"), error("the {role} is RC4 (rc4-hmac, 23), which this build does not have"))]
    Rc4Refused {
        /// Which of the keys.
        role: KeyRole,
    },
    /// No key was held that could have opened the ticket.
    #[error("{0}")]
    NoKey(NoKey),
    /// Keys of the right account and type were held, in other versions, and none of them opens the ticket.
    #[error("{0}")]
    KeyVersion(KeyVersion),
    /// A key was used and the ciphertext does not verify under it.
    #[error("{0}")]
    Integrity(Integrity),

    /// The ticket's shell names a service that the policy does not list.
    #[error("the ticket is for the service {service}, which is not among the accepted ones")]
    ServiceRefused {
        /// The service the ticket's shell names.
        service: BoundedText,
    },
    /// A client name that is nobody's: empty, or anonymous.
    #[error("the client name {name:?} is refused: {cause}")]
    NameRefused {
        /// The name, components joined with `/`.
        name: BoundedText,
        /// What is wrong with it.
        cause: NameCause,
    },
    /// The key that opened the ticket may not vouch for users of this realm.
    #[error("the ticket names a user of realm {realm}, and the account {account} may not vouch for that realm")]
    UntrustedRealm {
        /// The client's realm as the ticket has it.
        realm: BoundedText,
        /// The account whose key opened the ticket.
        account: BoundedText,
    },
    /// The authenticator names another client than the ticket.
    #[error("the authenticator's client {0} is not the ticket's")]
    ClientMismatch(NamePart),
    /// The authenticator's time is too far from `now`.
    #[error(
        "the client's clock is {} s {} this server's (client {client}, server {server}; {allowed_seconds} s are allowed)",
        .client.seconds_since(*.server).unsigned_abs(),
        if .client > .server { "ahead of" } else { "behind" }
    )]
    ClockSkew {
        /// The authenticator's time.
        client: UnixTime,
        /// The time the caller gave.
        server: UnixTime,
        /// How far they may be apart, either way, in whole seconds.
        allowed_seconds: i64,
    },
    /// The ticket has ended.
    #[error("the ticket expired at {end}, {} s before {now}", .now.seconds_since(*.end))]
    TicketExpired {
        /// The ticket's endtime.
        end: UnixTime,
        /// The time the caller gave.
        now: UnixTime,
    },
    /// The ticket has not begun.
    #[error("the ticket is valid only from {start}, {} s after {now}", .start.seconds_since(*.now))]
    TicketNotYetValid {
        /// The ticket's starttime, or its authtime where it has none.
        start: UnixTime,
        /// The time the caller gave.
        now: UnixTime,
    },
    /// The ticket is postdated and no KDC has validated it.
    #[error("the ticket carries the INVALID flag: it is postdated and was not validated by the KDC")]
    TicketInvalid,
    /// The ticket lives longer than the policy lets any ticket live, or ends before it starts.
    #[error("the ticket lives {seconds} s, and {limit_seconds} s are allowed")]
    TicketLifetime {
        /// From start to end; negative if it ends before it starts.
        seconds: i64,
        /// [`Policy::max_ticket_lifetime`](crate::Policy::max_ticket_lifetime) and one clock skew.
        limit_seconds: i64,
    },
    /// The ticket is bound to addresses, and the client's is none of them.
    #[error("the ticket may be used from certain addresses only, and {0}")]
    AddressMismatch(AddressCause),
    /// The ticket crossed realms and nobody checked which.
    #[error(
        "the ticket came through other realms, and the KDC did not check them (TRANSITED-POLICY-CHECKED is not set)"
    )]
    Transited,
    /// Restrictions that must be understood and are not.
    #[error("the {part} carries critical authorization data of type {ad_type}, which is not understood")]
    AuthorizationData {
        /// Where it was found.
        part: Part,
        /// Its ad-type.
        ad_type: i32,
    },
    /// The authenticator's checksum is unkeyed, malformed or wrong.
    #[error("the authenticator's checksum is refused: {0}")]
    Checksum(ChecksumCause),
    /// The client is bound to another channel than the one its request came over.
    #[error("the channel bindings do not match this connection: the request was made for another TLS channel")]
    ChannelBinding,
    /// The client is bound to no channel, and the policy demands that it is.
    #[error("the client sent no channel bindings, and the policy demands them ({0})")]
    ChannelBindingMissing(BindingDemand),
    /// The ticket or the request is delegated, and the policy refuses that.
    #[error("the ticket is delegated ({0}), which the policy refuses")]
    Delegation(DelegationKind),

    /// The policy demands a PAC, or a SID in it, and there is none.
    #[error("{0}, and the policy demands one")]
    PacMissing(MissingPac),
    /// The PAC is not what MS-PAC says.
    #[error("the PAC is malformed: {0}")]
    PacMalformed(PacMalformed),
    /// A signature of the PAC does not hold.
    #[error("the PAC is not to be believed: {0}")]
    PacSignature(PacSignature),
    /// The PAC contradicts the ticket that it came in, or itself.
    #[error("the PAC does not belong to this ticket: {0}")]
    PacMismatch(PacMismatch),
    /// The key that opened the ticket may not vouch for SIDs of this domain.
    #[error("the PAC claims {claim} of another forest ({sid}), and the account {account} may not vouch for its domain")]
    UntrustedDomain {
        /// What is claimed.
        claim: DomainClaim,
        /// The SID.
        sid: Sid,
        /// The account whose key opened the ticket.
        account: BoundedText,
    },
    /// The policy does not let accounts of this kind sign in.
    #[error("the account {name:?} ({sid}) may not sign in here: {cause}")]
    AccountRefused {
        /// The account's name.
        name: BoundedText,
        /// Its SID.
        sid: Sid,
        /// What the policy has against it.
        cause: AccountCause,
    },

    /// What the client sent after its request does not end the conversation.
    #[error("the negotiation failed: {0}")]
    Negotiation(NegotiationCause),

    /// This authenticator has been seen.
    #[error("this authenticator was used before{}", .0.phrase())]
    Replay(ReplayCause),
    /// The replay cache has no room for another live entry, be it of anybody or of this client.
    #[error("{}, so this request cannot be told from a replay", full_phrase(*.0))]
    ReplayCacheFull(ReplayLimit),
    /// The replay cache could not answer.
    #[error("the replay cache did not answer, so this request cannot be told from a replay")]
    ReplayCacheFailed,

    /// The caller asked for something that makes no sense; never caused by what a client sends.
    #[error("this validator was misused: {0}")]
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Every refusal is returned by value on a path that must not allocate.
    #[test]
    fn an_error_stays_small_enough_to_return() {
        assert!(size_of::<Error>() <= 512, "{}", size_of::<Error>());
    }
}
