//! The stable names of errors, and the place to look for the cause of each error.

use super::{Error, Integrity};
use core::fmt;

/// The place to look for the cause of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Blame {
    /// The octets are no message of the protocol: the client is broken, a proxy cut the header, or an attacker probes
    /// the server.
    Message,
    /// The client chose a mechanism that this server does not accept, or has no ticket.
    Client,
    /// This server holds wrong keys, or the account of these keys is set up wrongly in the directory.
    Keys,
    /// A clock is wrong, or a ticket was used outside its lifetime.
    Time,
    /// The ticket is valid, but the policy of this server refuses the ticket.
    Policy,
    /// Two parts of the request contradict each other: this is an attack, or the client or the KDC is broken.
    Proof,
    /// The replay cache cannot admit the request.
    ReplayCache,
    /// The program that calls this crate made a mistake.
    Caller,
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Message => "message",
            Self::Client => "client",
            Self::Keys => "keys",
            Self::Time => "time",
            Self::Policy => "policy",
            Self::Proof => "proof",
            Self::ReplayCache => "replay-cache",
            Self::Caller => "caller",
        })
    }
}

impl Error {
    /// Returns the stable name of this error, for logs, counters and tests. Later versions may add names, but do not change
    /// a name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.classified().0
    }

    /// Returns the place to look for the cause.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        self.classified().1
    }

    const fn classified(&self) -> (&'static str, Blame) {
        match self {
            Self::NotNegotiate(_) => ("not-negotiate", Blame::Message),
            Self::Malformed(_) => ("malformed", Blame::Message),
            Self::TooLarge { .. } => ("too-large", Blame::Message),
            Self::Ntlm { .. } => ("ntlm", Blame::Client),
            Self::NegoEx { .. } => ("negoex", Blame::Client),
            Self::Iakerb => ("iakerb", Blame::Client),
            Self::NoKerberos { .. } => ("no-kerberos", Blame::Client),
            Self::NoToken => ("no-token", Blame::Client),
            Self::UserToUser => ("user-to-user", Blame::Client),
            Self::UnsupportedEtype { .. } => ("unsupported-etype", Blame::Keys),
            Self::Rc4Refused { .. } => ("rc4-refused", Blame::Keys),
            Self::NoKey(_) => ("no-key", Blame::Keys),
            Self::KeyVersion(_) => ("key-version", Blame::Keys),
            Self::Integrity(Integrity::Ticket { .. }) => ("integrity", Blame::Keys),
            Self::Integrity(Integrity::Authenticator) => ("integrity", Blame::Proof),
            Self::ServiceRefused { .. } => ("service-refused", Blame::Policy),
            Self::NameRefused { .. } => ("name-refused", Blame::Policy),
            Self::UntrustedRealm { .. } => ("untrusted-realm", Blame::Policy),
            Self::ClientMismatch(_) => ("client-mismatch", Blame::Proof),
            Self::ClockSkew { .. } => ("clock-skew", Blame::Time),
            Self::TicketExpired { .. } => ("ticket-expired", Blame::Time),
            Self::TicketNotYetValid { .. } => ("ticket-not-yet-valid", Blame::Time),
            Self::TicketInvalid => ("ticket-invalid", Blame::Time),
            Self::TicketLifetime { .. } => ("ticket-lifetime", Blame::Policy),
            Self::AddressMismatch(_) => ("address-mismatch", Blame::Policy),
            Self::Transited(_) => ("transited", Blame::Policy),
            Self::AuthorizationData { .. } => ("authorization-data", Blame::Policy),
            Self::Checksum(_) => ("checksum", Blame::Proof),
            Self::ChannelBinding => ("channel-binding", Blame::Proof),
            Self::ChannelBindingMissing(_) => ("channel-binding-missing", Blame::Policy),
            Self::Delegation(_) => ("delegation", Blame::Policy),
            Self::PacMissing(_) => ("pac-missing", Blame::Policy),
            Self::PacMalformed(_) => ("pac-malformed", Blame::Proof),
            Self::PacSignature(_) => ("pac-signature", Blame::Proof),
            Self::PacMismatch(_) => ("pac-mismatch", Blame::Proof),
            Self::UntrustedDomain { .. } => ("untrusted-domain", Blame::Policy),
            Self::AccountRefused { .. } => ("account-refused", Blame::Policy),
            Self::Negotiation(_) => ("negotiation", Blame::Proof),
            Self::Replay(_) => ("replay", Blame::Proof),
            Self::ReplayCacheFull(_) => ("replay-cache-full", Blame::ReplayCache),
            Self::ReplayCacheFailed(_) => ("replay-cache-failed", Blame::ReplayCache),
            Self::Misuse(_) => ("misuse", Blame::Caller),
        }
    }
}
