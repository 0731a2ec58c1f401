//! Why a ticket is refused, or the authenticator that came with it: which check it was, and in words.

use super::contents::{OpenedBy, TicketFacts};
use crate::error::{AddressCause, DelegationKind, Error, Excerpt, NameCause, NamePart};
use crate::policy::Policy;
use crate::time::UnixTime;

/// The check that a request does not pass. All that [`explain`](Self::explain) says besides is still at hand where it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    TicketInvalid,
    TicketNotYetValid,
    TicketExpired,
    TicketLifetime,
    Name(NameCause),
    UntrustedRealm,
    Transited,
    Address(AddressCause),
    Delegation(DelegationKind),
    ClientMismatch(NamePart),
    /// With the client's time, in seconds.
    ClockSkew(i64),
}

/// By what a request was decided.
pub(crate) struct Grounds<'a> {
    pub(crate) ticket: TicketFacts<'a>,
    pub(crate) opened_by: &'a OpenedBy,
    pub(crate) policy: &'a Policy,
    pub(crate) now: UnixTime,
}

impl Refusal {
    #[cold]
    #[inline(never)]
    pub(crate) fn explain(self, Grounds { ticket, opened_by, policy, now }: Grounds<'_>) -> Error {
        let (start, end) = (ticket.start_time(), ticket.end_time());
        match self {
            Self::TicketInvalid => Error::TicketInvalid,
            Self::TicketNotYetValid => Error::TicketNotYetValid { start, now },
            Self::TicketExpired => Error::TicketExpired { end, now },
            Self::TicketLifetime => Error::TicketLifetime {
                seconds: end.seconds_since(start),
                limit_seconds: policy.ticket_lifetime_limit(),
            },
            Self::Name(cause) => Error::NameRefused { name: ticket.client().excerpt(), cause },
            Self::UntrustedRealm => Error::UntrustedRealm {
                realm: Excerpt::new(ticket.client_realm()),
                account: Excerpt::new(opened_by.account.name()),
            },
            Self::Transited => Error::Transited,
            Self::Address(cause) => Error::AddressMismatch(cause),
            Self::Delegation(kind) => Error::Delegation(kind),
            Self::ClientMismatch(part) => Error::ClientMismatch(part),
            Self::ClockSkew(client) => Error::ClockSkew {
                client: UnixTime::from_seconds(client),
                server: now,
                allowed_seconds: policy.clock_skew,
            },
        }
    }
}
